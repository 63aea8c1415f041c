/** Opens an adapter as a device. */

import { environment, findAdapter, tuningShelf } from '#platform';
import { checkOptions } from '../base/optionNames.ts';
import { loadWays } from '../ops/loadWays.ts';
import { ADAPTERS, type AdapterChoice, type FoundAdapter, isSoftware } from '../platform/adapter.ts';
import { Device, type DeviceOptions } from './device.ts';
import type { DriverWishes } from './driverWishes.ts';

/** What few programs need. */
export const onDemand = () => import('./onDemand.ts');

const WANTED_FEATURES = ['timestamp-query', 'subgroups', 'shader-f16'] as const;

async function choiceOf({ adapter = 'auto' }: DeviceOptions): Promise<AdapterChoice> {
  // A variable that is set to nothing is as good as not set.
  const wanted = adapter === 'auto' ? environment('WGRAD_ADAPTER') || adapter : adapter;
  const found = ADAPTERS.find((name) => name === wanted);
  if (found === undefined) throw (await onDemand()).noAdapter(wanted, adapter);
  return found;
}

/** What the options and variables ask of Node's driver and of Dawn; null where they ask nothing, as in most programs. */
async function wishesOf(options: DeviceOptions): Promise<DriverWishes | null> {
  const { lanes, checks, trustKernels } = options;
  const asked = lanes ?? checks ?? trustKernels ?? (environment('WGRAD_LANES') || environment('WGRAD_CHECKS'));
  if (asked === undefined || asked === '') return null;
  return (await onDemand()).driverWishes(options);
}

/** Whether winners are kept for an adapter; also where that cannot be told, which reading them then warns of. */
const wasTuned = (adapter: string): Promise<boolean> =>
  tuningShelf(adapter)
    .read()
    .then(
      (text) => text !== null,
      () => true,
    );

/**
 * Opens an adapter with all that it offers: its real limits, and timestamps, subgroups and half floats where it has them.
 * Throws a DeviceError that says how to get an adapter where there is none.
 */
export async function createDevice(options: DeviceOptions = {}): Promise<Device> {
  checkOptions('openDevice', options, {
    adapter: true,
    tune: true,
    limits: true,
    lanes: true,
    checks: true,
    trustKernels: true,
  });
  const wishes = await wishesOf(options);
  const found = await findAdapter(await choiceOf(options), wishes ?? {});
  const { adapter } = found;
  wishes?.checkAdapter(adapter.info);
  const [gpu, ways] = await Promise.all([request(found), loadWays(isSoftware(adapter.info) ? 'cpu' : 'gpu')]);
  const device = new Device(gpu, adapter, options.limits, ways, onDemand);
  device.admit = wishes?.admit ?? null;
  const debug = environment('WGRAD_DEBUG');
  if (debug) device.onPlan = (await device.rare()).planPrinter(debug);
  if (await wasTuned(device.info.name)) {
    const { readChoices } = await onDemand();
    device.choose(await readChoices(device.info));
  }
  return device;
}

async function request({ adapter, open }: FoundAdapter): Promise<GPUDevice> {
  const { limits } = adapter;
  try {
    return await open({
      label: 'wgrad',
      requiredFeatures: WANTED_FEATURES.filter((feature) => adapter.features.has(feature)),
      requiredLimits: {
        maxBufferSize: limits.maxBufferSize,
        maxStorageBufferBindingSize: limits.maxStorageBufferBindingSize,
        maxStorageBuffersPerShaderStage: limits.maxStorageBuffersPerShaderStage,
        maxComputeWorkgroupStorageSize: limits.maxComputeWorkgroupStorageSize,
        maxComputeInvocationsPerWorkgroup: limits.maxComputeInvocationsPerWorkgroup,
        maxComputeWorkgroupSizeX: limits.maxComputeWorkgroupSizeX,
        maxComputeWorkgroupsPerDimension: limits.maxComputeWorkgroupsPerDimension,
        maxUniformBufferBindingSize: limits.maxUniformBufferBindingSize,
      },
    });
  } catch (cause) {
    throw (await onDemand()).noDevice(adapter.info, cause);
  }
}
