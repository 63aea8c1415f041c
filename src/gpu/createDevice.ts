/** Opens an adapter as a device. */

import { environment, findAdapter, tuningShelf } from '#platform';
import { DeviceError } from '../errors.ts';
import { checkName, checkOptions } from '../given.ts';
import { ADAPTERS, type AdapterChoice, describeAdapter } from './adapter.ts';
import { Device, type DeviceOptions } from './device.ts';

const WANTED_FEATURES = ['timestamp-query', 'subgroups', 'shader-f16'] as const;

function choiceOf({ adapter = 'auto' }: DeviceOptions): AdapterChoice {
  const choice = checkName('openDevice', 'adapter', adapter, ADAPTERS);
  const wanted = environment('WGRAD_ADAPTER');
  // Set to nothing, it is as good as not set.
  return choice !== 'auto' || !wanted ? choice : checkName('WGRAD_ADAPTER', 'adapter', wanted, ADAPTERS);
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
  checkOptions('openDevice', options, { adapter: true, tune: true, limits: true });
  const { adapter, instance } = await findAdapter(choiceOf(options));
  const gpu = await request(adapter);
  let device: Device;
  try {
    device = new Device(gpu, adapter, instance, options.limits);
  } catch (error) {
    gpu.destroy();
    throw error;
  }
  if (await wasTuned(device.info.name)) {
    const { readChoices } = await device.seldom();
    for (const [key, name] of await readChoices(device.info.name)) device.choices.set(key, name);
  }
  return device;
}

async function request(adapter: GPUAdapter): Promise<GPUDevice> {
  const { limits } = adapter;
  try {
    return await adapter.requestDevice({
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
    const reason = cause instanceof Error && cause.message !== '' ? cause.message : 'no reason was given';
    throw new DeviceError(
      `'${describeAdapter(adapter.info)}' gives no device: ${reason.split('\n', 1)[0]}. Close devices that are no longer used, or update ` +
        'the driver.',
      { cause },
    );
  }
}
