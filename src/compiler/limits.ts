/** What an adapter can hold, bind and dispatch, and whether a schedule keeps within it: told before anything is allocated. */

import type { Operand } from '../ir/op.ts';
import { OFFSET_ALIGNMENT } from '../ir/storage.ts';
import type { ScheduledKernel } from './kernelText.ts';
import { bytesOfOperand } from './placement.ts';
import type { Schedule } from './schedule.ts';

/** Bytes and counts, by what they limit. */
export interface Limits {
  /** Bytes of a buffer. */
  readonly buffer: number;
  /** Bytes of a buffer that a kernel binds as storage. */
  readonly binding: number;
  /** Bytes of a buffer that a kernel binds as a uniform. */
  readonly uniformBinding: number;
  /** Storage buffers of a kernel. */
  readonly storageBuffers: number;
  /** Uniform buffers of a kernel. */
  readonly uniformBuffers: number;
  /** Bytes that the offset of a binding is a multiple of. */
  readonly alignment: number;
  /** Workgroups a dimension. */
  readonly groups: number;
  /** Invocations of a workgroup. */
  readonly threads: number;
}

/** WebGPU's names of the limits that count here. */
export type LimitName =
  | 'maxBufferSize'
  | 'maxStorageBufferBindingSize'
  | 'maxUniformBufferBindingSize'
  | 'maxStorageBuffersPerShaderStage'
  | 'maxUniformBuffersPerShaderStage'
  | 'maxComputeWorkgroupsPerDimension'
  | 'maxComputeInvocationsPerWorkgroup';

/** A device's limits; `asked` lowers them. */
export function limitsOf(
  granted: GPUSupportedLimits,
  asked: Readonly<Partial<Record<LimitName, number>>> = {},
): Limits {
  const least = (name: LimitName): number => Math.min(granted[name], asked[name] ?? granted[name]);
  return {
    buffer: least('maxBufferSize'),
    binding: Math.min(least('maxStorageBufferBindingSize'), least('maxBufferSize')),
    uniformBinding: least('maxUniformBufferBindingSize'),
    storageBuffers: least('maxStorageBuffersPerShaderStage'),
    uniformBuffers: least('maxUniformBuffersPerShaderStage'),
    alignment: Math.max(granted.minStorageBufferOffsetAlignment, granted.minUniformBufferOffsetAlignment),
    groups: least('maxComputeWorkgroupsPerDimension'),
    threads: Math.min(least('maxComputeInvocationsPerWorkgroup'), granted.maxComputeWorkgroupSizeX),
  };
}

/** Whether some tensor or scratch memory is too large for a buffer or binding. */
export function isOversized({ kernels, placement }: Schedule, { buffer, binding }: Limits): boolean {
  return (
    placement.slots.some((bytes) => bytes > buffer) ||
    kernels.some(({ bindings }) => bindings.some(({ operand }) => bytesOfOperand(operand) > binding))
  );
}

/** Something that a schedule asks for beyond a limit; refusal.ts says it in words. */
export type Excess = { readonly asked: number } & (
  | {
      readonly limit: 'binding' | 'uniformBinding';
      readonly kernel: ScheduledKernel;
      readonly operand: Operand;
    }
  | {
      readonly limit: 'storageBuffers' | 'uniformBuffers' | 'threads' | 'groups';
      readonly kernel: ScheduledKernel;
    }
  /** What lies in the buffer. */
  | { readonly limit: 'buffer'; readonly operands: readonly Operand[] }
  /** Asked is where the tensor lies. */
  | { readonly limit: 'alignment' }
);

/** What the adapter could not run of a schedule: WebGPU itself would tell after the fact, and the results would be zeros. */
export function excessOf({ kernels, placement, leaves }: Schedule, limits: Limits): Excess | null {
  for (const kernel of kernels) {
    const excess = excessOfKernel(kernel, limits);
    if (excess !== null) return excess;
  }
  const places = [...placement.places];
  for (const [, { slot, offset }] of places) {
    const asked = placement.slots[slot];
    if (asked > limits.buffer) {
      const inside = places.filter(([, place]) => place.slot === slot);
      return { limit: 'buffer', asked, operands: inside.map(([operand]) => operand) };
    }
    if (offset % Math.max(OFFSET_ALIGNMENT, limits.alignment) !== 0) return { limit: 'alignment', asked: offset };
  }
  for (const operand of leaves) {
    const asked = bytesOfOperand(operand);
    if (asked > limits.buffer) return { limit: 'buffer', asked, operands: [operand] };
  }
  return null;
}

function excessOfKernel(kernel: ScheduledKernel, limits: Limits): Excess | null {
  const { bindings, uniforms, usesStep, grid, threads } = kernel;
  for (const { operand, access } of bindings) {
    const asked = bytesOfOperand(operand);
    const limit = access === 'uniform' ? 'uniformBinding' : 'binding';
    if (asked > limits[limit]) return { limit, asked, kernel, operand };
  }
  const storageBuffers = bindings.filter(({ access }) => access !== 'uniform').length;
  const uniformBuffers = bindings.length - storageBuffers + (uniforms.length > 0 ? 1 : 0) + (usesStep ? 1 : 0);
  const all = { storageBuffers, uniformBuffers, threads, groups: Math.max(...grid) };
  for (const limit of ['storageBuffers', 'uniformBuffers', 'threads', 'groups'] as const) {
    if (all[limit] > limits[limit]) return { limit, asked: all[limit], kernel };
  }
  return null;
}
