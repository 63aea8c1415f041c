/** What an adapter can hold, bind and dispatch, and whether a schedule keeps within it: told before anything is allocated. */

import { DeviceError, OutOfMemoryError } from '../errors.ts';
import { formatShape, sizeOf } from '../shape.ts';
import { topologicalOrder } from './fuse.ts';
import { isScratch, type Operand } from './kernel.ts';
import { bytesOfOperand } from './memory.ts';
import type { Node } from './node.ts';
import type { Schedule, ScheduledKernel } from './schedule.ts';
import { formatBytes, OFFSET_ALIGNMENT } from './storage.ts';

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

/** Elements that 32 bits count, less what a grid may overshoot. */
export const MAX_ELEMENTS = 2 ** 32 - 2 ** 23;

/** Refuses graphs whose elements 32-bit indices cannot count, also where no kernel would keep them in memory. */
export function checkSizes(roots: readonly Node[]): void {
  for (const node of topologicalOrder(roots)) {
    const size = sizeOf(node.shape);
    if (size <= MAX_ELEMENTS) continue;
    throw new OutOfMemoryError(
      `'${node.op.name}' ${formatShape(node.shape)} has ${size} elements (${formatBytes(size * 4)} as float32); kernels count with 32 bits, ` +
        `up to ${MAX_ELEMENTS}. Compute it in parts, for example with slice().`,
    );
  }
}

/** What a kernel binds, as an error shows it. */
export function describeOperand(operand: Operand): string {
  if (isScratch(operand)) return `scratch memory (${formatBytes(operand.bytes)})`;
  return `'${operand.op.name}' ${operand.dtype} ${formatShape(operand.shape)} (${formatBytes(bytesOfOperand(operand))})`;
}

/** A kernel and all that it binds, as an error shows it. */
export const describeKernel = ({ label, bindings }: ScheduledKernel): string =>
  `'${label}' with ${bindings.map(({ operand }) => describeOperand(operand)).join(', ')}`;

/** Whether some tensor or scratch memory is too large for a buffer or binding. */
export function isOversized({ kernels, placement }: Schedule, { buffer, binding }: Limits): boolean {
  return (
    placement.slots.some((bytes) => bytes > buffer) ||
    kernels.some(({ bindings }) => bindings.some(({ operand }) => bytesOfOperand(operand) > binding))
  );
}

/**
 * Refuses a schedule that the adapter could not run: WebGPU itself would tell after the fact, and the results would be zeros.
 * @throws OutOfMemoryError for what is too large, DeviceError for what no smaller tensor would mend
 */
export function checkLimits({ kernels, placement, leaves }: Schedule, limits: Limits, adapter: string): void {
  for (const kernel of kernels) checkKernel(kernel, limits, adapter);
  placement.slots.forEach((bytes, slot) => {
    if (bytes <= limits.buffer) return;
    const [largest] = [...placement.places]
      .filter(([, place]) => place.slot === slot)
      .sort(([a], [b]) => bytesOfOperand(b) - bytesOfOperand(a));
    throw new OutOfMemoryError(
      `${describeOperand(largest[0])} needs a buffer of ${formatBytes(bytes)}, but a buffer of '${adapter}' holds at most ` +
        `${formatBytes(limits.buffer)}. ${remedyOf(largest[0], limits.buffer / bytes)}`,
    );
  });
  for (const { offset } of placement.places.values()) {
    if (offset % Math.max(OFFSET_ALIGNMENT, limits.alignment) === 0) continue;
    throw new DeviceError(`A tensor lies at byte ${offset}, which '${adapter}' cannot bind. ${FAULT}`);
  }
  for (const leaf of leaves) {
    const bytes = bytesOfOperand(leaf);
    if (bytes <= limits.buffer) continue;
    throw new OutOfMemoryError(
      `${describeOperand(leaf)} is too large: a buffer of '${adapter}' holds at most ${formatBytes(limits.buffer)}. ` +
        remedyOf(leaf, limits.buffer / bytes),
    );
  }
}

const FAULT =
  "This is a fault of wgrad, or of an operation of your own: if it is wgrad's, please report it with this text.";

function checkKernel(kernel: ScheduledKernel, limits: Limits, adapter: string): void {
  const { label, bindings, uniforms, usesStep, grid, source } = kernel;
  for (const { operand, access } of bindings) {
    const bytes = bytesOfOperand(operand);
    const most = access === 'uniform' ? limits.uniformBinding : limits.binding;
    if (bytes <= most) continue;
    throw new OutOfMemoryError(
      `Kernel '${label}' binds ${describeOperand(operand)}, but '${adapter}' binds at most ${formatBytes(most)} of a buffer. ` +
        remedyOf(operand, most / bytes),
    );
  }
  const refuse = (what: string): never => {
    throw new DeviceError(`Kernel ${describeKernel(kernel)} ${what} on '${adapter}'. ${FAULT}`);
  };
  const stored = bindings.filter(({ access }) => access !== 'uniform').length;
  const uniform = bindings.length - stored + (uniforms.length > 0 ? 1 : 0) + (usesStep ? 1 : 0);
  if (stored > limits.storageBuffers) refuse(`binds ${stored} buffers, more than ${limits.storageBuffers},`);
  if (uniform > limits.uniformBuffers) refuse(`binds ${uniform} uniform buffers, more than ${limits.uniformBuffers},`);
  const threads = Number(/@workgroup_size\((\d+)\)/.exec(source)?.[1] ?? 1);
  if (threads > limits.threads) refuse(`has workgroups of ${threads} invocations, more than ${limits.threads},`);
  if (grid.some((groups) => groups > limits.groups)) {
    throw new OutOfMemoryError(
      `Kernel ${describeKernel(kernel)} takes ${grid.join(' × ')} workgroups, but '${adapter}' dispatches at most ${limits.groups} ` +
        'a dimension. Use a smaller batch, or compute in parts with slice().',
    );
  }
}

function remedyOf(operand: Operand, share: number): string {
  const percent = Math.max(1, Math.floor(share * 100));
  if (!isScratch(operand) && operand.op.lowering.kind === 'leaf') {
    return `Give it in parts of at most ${percent} % of its size, or use a smaller layer.`;
  }
  return `Use at most ${percent} % of this batch size, or compute in parts with slice().`;
}
