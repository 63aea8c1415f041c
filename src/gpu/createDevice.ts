/** Opens an adapter as a device. */

import { environment, findAdapter, tuningShelf } from '#platform';
import type { AdapterChoice } from './adapter.ts';
import { Device, type DeviceOptions } from './device.ts';

const WANTED_FEATURES = ['timestamp-query', 'subgroups', 'shader-f16'] as const;

function choiceOf(options: DeviceOptions): AdapterChoice {
  if (options.adapter !== undefined && options.adapter !== 'auto') return options.adapter;
  const wanted = environment('WGRAD_ADAPTER');
  if (wanted === 'hardware' || wanted === 'lavapipe' || wanted === 'swiftshader' || wanted === 'null') return wanted;
  return 'auto';
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
  const { adapter, instance } = await findAdapter(choiceOf(options));
  const { limits } = adapter;
  const gpu = await adapter.requestDevice({
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
  const device = new Device(gpu, adapter, instance, options.limits);
  if (await wasTuned(device.info.name)) {
    const { readChoices } = await device.seldom();
    for (const [key, name] of await readChoices(device.info.name)) device.choices.set(key, name);
  }
  return device;
}
