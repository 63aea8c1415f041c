/**
 * A plan: the kernels of a graph, compiled, bound to memory and ready to be replayed. A replay makes no buffer, bind
 * group, pipeline or string; what differs from step to step is written into one small uniform buffer.
 */

import { bytesOf } from '../base/dtype.ts';
import { DeviceError } from '../base/errors.ts';
import { formatShape, roundUp, sizeOf } from '../base/shape.ts';
import type { LayerOf, ScheduledKernel } from '../compiler/kernelText.ts';
import { excessOf } from '../compiler/limits.ts';
import type { Schedule } from '../compiler/schedule.ts';
import { isScratch, type Node, type Operand } from '../ir/op.ts';
import type { Replacements } from '../ir/rebuild.ts';
import { OFFSET_ALIGNMENT, type Storage } from '../ir/storage.ts';
import { homeOf, resolve } from '../ir/walk.ts';
import type { Device } from './device.ts';
import { scheduleWithin } from './scheduleWithin.ts';
import { NO_STEP, STEP_BYTES, StepRows, type StepValues } from './step.ts';

/** Told of each kernel of a plan that is compiled, and once before the first. */
export type CompileProgress = (done: number, total: number) => void;

export interface PlanOptions {
  /** Most steps that one submission may hold, default 1. */
  readonly maxSteps?: number;
  readonly progress?: CompileProgress;
  /** Knows the layers that kernels belong to: for WGRAD_DEBUG. */
  readonly layers?: KnownLayers;
}

/** Follows a graph's nodes to the kernels that they become. */
export interface KnownLayers {
  /** Told what a rewriting pass replaces by what. */
  note(replaced: Replacements): void;
  /** The layers of a schedule of the graph. */
  layersIn(planned: Schedule): LayerOf;
}

const ONE_STEP: readonly StepValues[] = [NO_STEP];
/** From so many bind groups on the garbage collector is told of them, as if each took so much memory. */
const MANY_DISPATCHES = 256;
const BIND_GROUP_BYTES = 64 * 1024;

interface Dispatch {
  readonly pipeline: GPUComputePipeline;
  readonly bindGroup: GPUBindGroup;
  readonly usesStep: boolean;
  readonly x: number;
  readonly y: number;
  readonly z: number;
}

export class Plan {
  readonly schedule: Schedule;
  readonly #device: Device;
  readonly #dispatches: readonly Dispatch[];
  readonly #slots: readonly GPUBuffer[];
  readonly #uniforms: GPUBuffer | null;
  readonly #steps: GPUBuffer;
  readonly #stepGroup: GPUBindGroup;
  readonly #stepRows: StepRows;
  readonly #offsets: Uint32Array;
  readonly #usesStep: boolean;
  readonly #kept = new Set<GPUBuffer>();
  /** Whether WebGPU has been asked for its opinion of the commands. */
  #tried = false;

  private constructor(
    device: Device,
    schedule: Schedule,
    dispatches: readonly Dispatch[],
    slots: readonly GPUBuffer[],
    uniforms: GPUBuffer | null,
    maxSteps: number,
  ) {
    this.#device = device;
    this.schedule = schedule;
    this.#dispatches = dispatches;
    this.#slots = slots;
    this.#uniforms = uniforms;
    const { stepStride } = device;
    this.#steps = device.memory.create({
      label: 'step values',
      size: stepStride * maxSteps,
      usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
    });
    this.#stepGroup = device.createBindGroup({
      label: 'step values',
      layout: device.stepLayout,
      entries: [{ binding: 0, resource: { buffer: this.#steps, size: STEP_BYTES } }],
    });
    this.#stepRows = new StepRows(maxSteps, stepStride);
    // Nothing but the collector frees a bind group: it shall not let those of many large plans pile up.
    if (dispatches.length >= MANY_DISPATCHES) device.weigh(this, dispatches.length * BIND_GROUP_BYTES);
    this.#usesStep = dispatches.some((dispatch) => dispatch.usesStep);
    this.#offsets = Uint32Array.from({ length: maxSteps }, (_, row) => row * stepStride);
  }

  /** Compiles the graph of `roots`. */
  static async compile(device: Device, roots: readonly Node[], options?: PlanOptions): Promise<Plan> {
    device.check();
    if (device.prepare !== null) await device.prepare(roots);
    const note = (replaced: Replacements): void => options?.layers?.note(replaced);
    return Plan.of(device, await scheduleWithin(roots, device, device.target, note), options);
  }

  /** Compiles what was scheduled for the device. */
  static async of(
    device: Device,
    planned: Schedule,
    { maxSteps = 1, progress, layers }: PlanOptions = {},
  ): Promise<Plan> {
    device.check();
    device.admit?.(planned);
    const { kernels, placement } = planned;
    const excess = excessOf(planned, device.limits);
    if (excess !== null) throw (await device.rare()).refusalOf(excess, device.limits, device.info.name);
    device.onPlan?.(planned, device.info.name, layers?.layersIn(planned));
    let compiled = 0;
    progress?.(compiled, kernels.length);
    const pipelines = await Promise.all(
      kernels.map(async (kernel) => {
        const pipeline = await device.pipelines.get(kernel);
        progress?.(++compiled, kernels.length);
        return pipeline;
      }),
    );
    const what = async (): Promise<string> => (await device.rare()).describeMemory(planned);
    return device.guarded(what, () => {
      const slots = placement.slots.map((bytes, slot) => device.acquireBuffer(bytes, `slot ${slot}`));
      const { starts, total } = layOutUniforms(kernels);
      const uniformBuffer =
        total === 0
          ? null
          : device.memory.create({
              label: 'kernel parameters',
              size: total,
              usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
            });
      const dispatches = kernels.map((kernel, at): Dispatch => {
        const entries: GPUBindGroupEntry[] = kernel.bindings.map(({ operand }, index) => ({
          binding: index + 1,
          resource: locate(device, planned, slots, operand),
        }));
        if (uniformBuffer !== null && kernel.uniforms.length > 0) {
          const resource = { buffer: uniformBuffer, offset: starts[at], size: kernel.uniforms.byteLength };
          entries.unshift({ binding: 0, resource });
        }
        const { pipeline, layout } = pipelines[at];
        const bindGroup = device.createBindGroup({ label: kernel.label, layout, entries });
        const [x, y, z] = kernel.grid;
        return { pipeline, bindGroup, usesStep: kernel.usesStep, x, y, z };
      });
      const plan = new Plan(device, planned, dispatches, slots, uniformBuffer, maxSteps);
      plan.renumber(kernels);
      return plan;
    });
  }

  /** Gives the kernels the numbers of others that are the same in everything else. */
  renumber(kernels: readonly ScheduledKernel[]): void {
    const { starts } = layOutUniforms(kernels);
    kernels.forEach(({ uniforms }, at) => {
      if (this.#uniforms !== null && uniforms.length > 0) {
        this.#device.gpu.queue.writeBuffer(this.#uniforms, starts[at], uniforms);
      }
    });
  }

  /** Submits one replay for each of `steps`, in order. */
  run(steps: readonly StepValues[] = ONE_STEP): void {
    for (let row = 0; row < steps.length; row++) this.set(row, steps[row]);
    this.submit(steps.length);
  }

  /** Notes the values of a step of the next submission, counted from 0. They are copied. */
  set(row: number, values: StepValues): void {
    this.#stepRows.set(row, values);
  }

  /** Submits a replay for each of the first `count` steps that were set. */
  submit(count = 1): void {
    const device = this.#device;
    device.check();
    if (this.#tried) {
      this.#submit(count);
      return;
    }
    // What WebGPU accepts once it accepts again: later submissions are the same commands.
    this.#tried = true;
    device.watch(
      async (error) => (await device.rare()).describeRun(this.schedule, error),
      () => this.#submit(count),
    );
  }

  #submit(count: number): void {
    const { gpu } = this.#device;
    this.writeSteps(count);
    const encoder = gpu.createCommandEncoder();
    const pass = encoder.beginComputePass();
    this.record(pass, count);
    pass.end();
    gpu.queue.submit([encoder.finish()]);
  }

  /** Sends the values of the first `count` steps that were set. */
  writeSteps(count: number): void {
    const { gpu, stepStride } = this.#device;
    gpu.queue.writeBuffer(this.#steps, 0, this.#stepRows.bytes, 0, stepStride * count);
  }

  /** Records the kernels from `first` up to `end` of the first `count` steps. */
  record(pass: GPUComputePassEncoder, count: number, first = 0, end = this.#dispatches.length): void {
    const dispatches = this.#dispatches;
    let pipeline: GPUComputePipeline | null = null;
    for (let row = 0; row < count; row++) {
      // It stays bound while other kernels come and go.
      if (this.#usesStep) pass.setBindGroup(1, this.#stepGroup, this.#offsets, row, 1);
      for (let at = first; at < end; at++) {
        const dispatch = dispatches[at];
        if (dispatch.pipeline !== pipeline) {
          pipeline = dispatch.pipeline;
          pass.setPipeline(pipeline);
        }
        pass.setBindGroup(0, dispatch.bindGroup);
        pass.dispatchWorkgroups(dispatch.x, dispatch.y, dispatch.z);
      }
    }
  }

  /** Where a root's value lies after a run. */
  storageOf(root: Node): Storage {
    const source = resolve(this.schedule.roots.get(root) ?? root);
    const leaf = storageOfLeaf(this.#device, source);
    if (leaf !== null) return leaf;
    const place = this.schedule.placement.places.get(source);
    if (place === undefined) throw new Error(`'${root.op.name}' is not a result of this plan. Name it as a root.`);
    return { buffer: this.#slots[place.slot], offset: place.offset, bytes: place.bytes, owner: this.#device };
  }

  /** Hands a root's memory to the caller: it outlives the plan. */
  keep(root: Node): Storage {
    const storage = this.storageOf(root);
    this.#kept.add(storage.buffer);
    return storage;
  }

  /** Gives back everything but what was kept. Work already submitted still completes. */
  dispose(): void {
    const device = this.#device;
    if (device.closed) return;
    for (const buffer of this.#slots) if (!this.#kept.has(buffer)) device.releaseBuffer(buffer);
    if (this.#uniforms !== null) device.memory.destroy(this.#uniforms);
    device.memory.destroy(this.#steps);
  }
}

/** Where the parameters of each kernel begin in the buffer that holds them all. */
function layOutUniforms(kernels: Schedule['kernels']): { starts: number[]; total: number } {
  const starts: number[] = [];
  let total = 0;
  for (const { uniforms } of kernels) {
    starts.push(total);
    total += roundUp(uniforms.byteLength, OFFSET_ALIGNMENT);
  }
  return { starts, total };
}

/** Bytes that a plan of this schedule allocates. `stepStride`: bytes between steps of a submission, by adapter. */
export function bytesOfPlan({ kernels, placement }: Schedule, maxSteps: number, stepStride = OFFSET_ALIGNMENT): number {
  return placement.bytes + layOutUniforms(kernels).total + maxSteps * stepStride;
}

/** The memory of a leaf or of a stretch of one; null for what the plan computes. */
function storageOfLeaf(device: Device, node: Node): Storage | null {
  const { home, offset } = homeOf(node);
  if (home.op.lowering.kind !== 'leaf') return null;
  const storage = device.storageOf(home);
  if (home === node) return storage;
  return { ...storage, offset: storage.offset + offset, bytes: bytesOf(sizeOf(node.shape), node.dtype) };
}

function locate(
  device: Device,
  { placement }: Schedule,
  slots: readonly GPUBuffer[],
  operand: Operand,
): GPUBufferBinding {
  const leaf = isScratch(operand) ? null : storageOfLeaf(device, operand);
  if (leaf !== null && !isScratch(operand)) {
    const { buffer, offset, bytes } = leaf;
    if (offset % device.limits.alignment !== 0) {
      throw new DeviceError(
        `'${operand.op.name}' ${formatShape(operand.shape)} lies at byte ${offset} of a buffer, but '${device.info.name}' binds ` +
          `multiples of ${device.limits.alignment}. Copy it into memory of its own.`,
      );
    }
    return { buffer, offset, size: bytes };
  }
  const place = placement.places.get(operand);
  if (place === undefined) throw new Error('An operand has no place in memory.');
  return { buffer: slots[place.slot], offset: place.offset, size: place.bytes };
}
