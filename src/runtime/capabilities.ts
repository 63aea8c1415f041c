/** What an adapter is and can do: as a person reads it, and as kernels are specialised for it. */

import type { Limits } from '../compiler/limits.ts';
import type { Capabilities } from '../ir/target.ts';
import { describeAdapter, isSoftware } from '../platform/adapter.ts';

/** What a device's adapter is and can do. */
export interface DeviceInfo {
  /** What the adapter calls itself. */
  readonly name: string;
  /** True where shaders run on the CPU. */
  readonly software: boolean;
  /** Features that were asked for and granted. */
  readonly features: readonly string[];
  /** Lanes of a subgroup where that number is fixed, else 0. */
  readonly subgroupSize: number;
  /** The largest buffer. */
  readonly maxBufferBytes: number;
  /** The most of a buffer that a kernel can see. */
  readonly maxBindingBytes: number;
}

export function infoOf({ features }: GPUDevice, adapter: GPUAdapterInfo, limits: Limits): DeviceInfo {
  const { subgroupMinSize, subgroupMaxSize } = adapter;
  return Object.freeze({
    name: describeAdapter(adapter),
    software: isSoftware(adapter),
    features: Object.freeze([...features].sort()),
    subgroupSize: subgroupMinSize === subgroupMaxSize ? (subgroupMinSize ?? 0) : 0,
    maxBufferBytes: limits.buffer,
    maxBindingBytes: limits.binding,
  });
}

/** What kernels are specialised for as long as nothing was measured. */
export const capabilitiesOf = (gpu: GPUDevice, adapter: GPUAdapterInfo, limits: Limits): Capabilities => ({
  subgroups: gpu.features.has('subgroups') ? { min: adapter.subgroupMinSize, max: adapter.subgroupMaxSize } : null,
  maxStorageBuffers: limits.storageBuffers,
  maxBindingBytes: limits.binding,
  maxGroups: limits.groups,
  workgroup: { threads: limits.threads, bytes: gpu.limits.maxComputeWorkgroupStorageSize },
});
