/** A device: the adapter's queue, memory and compiled kernels, and what went wrong on it. */

import { isNode, waiter } from '#platform';
import { bytesOf, type Dtype, formatBytes, type HostArray } from '../base/dtype.ts';
import { StateError } from '../base/errors.ts';
import { INSPECT } from '../base/inspect.ts';
import { roundUp } from '../base/shape.ts';
import { type LimitName, type Limits, limitsOf } from '../compiler/limits.ts';
import type { Schedule } from '../compiler/schedule.ts';
import type { Node, Target, Ways } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import { withChoices } from '../ir/target.ts';
import type { AdapterChoice, Lanes } from '../platform/adapter.ts';
import type { Waiter } from '../platform/waiter.ts';
import { capabilitiesOf, type DeviceInfo, infoOf } from './capabilities.ts';
import { EagerPlans, type KeptPlan } from './eagerPlans.ts';
import { Faults } from './faults.ts';
import { LeafMemory } from './leafMemory.ts';
import { Lifetimes } from './lifetimes.ts';
import { MemoryPool } from './memoryPool.ts';
import { PipelineCache } from './pipelines.ts';
import type { PlanPrinter, Rare } from './rare.ts';
import { ReadBack } from './readBack.ts';
import { Rollback } from './rollback.ts';
import { STEP_BYTES } from './step.ts';

/** Options of `openDevice`. */
export interface DeviceOptions {
  /** Which adapter, default `auto`; the environment variable WGRAD_ADAPTER overrides `auto`. */
  readonly adapter?: AdapterChoice;
  /**
   * Measures which kernels are fastest when a plan is first made of shapes that have no winner yet, and keeps the winners
   * for later runs. Default false: what was kept is used, nothing is measured.
   */
  readonly tune?: boolean;
  /**
   * Limits below the adapter's, by WebGPU's names: plans then keep within these. For tests of what does not fit. Default:
   * the adapter's own.
   */
  readonly limits?: Readonly<Partial<Record<LimitName, number>>>;
  /**
   * Lanes that a subgroup has on lavapipe: how many floats an instruction of the CPU works on. Default: what the driver takes by
   * itself, at most 8; the environment variable WGRAD_LANES goes before that. 16 needs AVX-512. One number holds for a process:
   * another one for a later device is a DeviceError, as is one that the adapter does not have. Node only.
   */
  readonly lanes?: Lanes;
  /**
   * `off` leaves out what Dawn adds to kernels: whether each index lies within its array. Then only the library's own kernels run;
   * a plan with another one is a StateError. Default: what the environment variable WGRAD_CHECKS says, else `on`. Node only.
   */
  readonly checks?: Checks;
  /**
   * With `checks: 'off'`, also runs kernels that are not the library's: operations of your own, or of other packages. One that reads
   * beyond its arrays reads other memory of this process. Default: whether the environment variable WGRAD_TRUST_KERNELS is `on`.
   */
  readonly trustKernels?: boolean;
}

/** Whether Dawn checks the indices in kernels. */
export type Checks = 'on' | 'off';

/** Objects made so far: a replayed plan adds none. */
export interface DeviceStats {
  /** Buffers made so far. */
  readonly buffers: number;
  /** Bind groups made so far. */
  readonly bindGroups: number;
  /** Bytes of buffers that are alive. */
  readonly bytes: number;
  /** Distinct kernels kept, compiled. */
  readonly kernels: number;
}

/** A GPU, or what stands for one, with the memory of tensors on it. `openDevice` opens one. */
export class Device {
  /** @internal */
  static readonly name: string = 'Device';
  /** What the adapter is and can do. */
  readonly info: DeviceInfo;
  /** What the kernels of plans to come are specialised for: it is replaced, never changed. @internal */
  target: Target;
  /** What plans keep within. @internal */
  readonly limits: Limits;
  /**
   * Measures what the plan of a graph could choose; to be awaited before the plan is made. Null on a device that does not
   * tune: the plan's kernels are then chosen at once.
   */
  prepare: ((roots: readonly Node[]) => Promise<void>) | null = null;
  /** Awaited before each eager run. @internal */
  beforeRun: ((plan: KeptPlan, ...run: Parameters<KeptPlan['run']>) => Promise<void>) | null = null;
  /** Throws for a plan that may not run here; null: every plan may. @internal */
  admit: ((planned: Schedule) => void) | null = null;
  /** Told of each plan before it is compiled. @internal */
  onPlan: PlanPrinter | null = null;
  /** Called when the device is closed, once. @internal */
  onClose: (() => void) | null = null;
  /** @internal */
  readonly gpu: GPUDevice;
  /** @internal */
  readonly pipelines: PipelineCache;
  readonly #waiter: Waiter;
  /** @internal */
  readonly stepLayout: GPUBindGroupLayout;
  /** Bytes between rows of the step buffer. @internal */
  readonly stepStride: number;
  /** Plans of eager runs. @internal */
  readonly eager = new EagerPlans();
  readonly #faults: Faults;
  readonly #rollback: Rollback;
  /** Its buffers, those of no pool included. @internal */
  readonly memory: MemoryPool;
  readonly #lifetimes = new Lifetimes((buffer) => this.releaseBuffer(buffer));
  readonly #leaves: LeafMemory;
  readonly #readBack: ReadBack;
  #bindGroups = 0;
  /** What is larger is read back in pieces, since drivers count the bytes of a copy with 31 bits. @internal */
  pieceBytes = 2 ** 30;
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** Use `openDevice`. @internal */
  constructor(
    gpu: GPUDevice,
    adapter: GPUAdapter,
    asked: DeviceOptions['limits'],
    ways: Ways,
    /** Loads what few programs need. @internal */
    readonly rare: () => Promise<Rare>,
  ) {
    this.gpu = gpu;
    const limits = limitsOf(gpu.limits, asked);
    this.limits = limits;
    const { info } = adapter;
    this.info = infoOf(gpu, info, limits);
    this.target = { ...capabilitiesOf(gpu, info, limits), ways };
    this.stepStride = roundUp(STEP_BYTES, gpu.limits.minUniformBufferOffsetAlignment);
    this.stepLayout = gpu.createBindGroupLayout({
      label: 'step',
      entries: [
        {
          binding: 0,
          visibility: GPUShaderStage.COMPUTE,
          buffer: { type: 'uniform', hasDynamicOffset: true, minBindingSize: STEP_BYTES },
        },
      ],
    });
    const { name, software } = this.info;
    this.#faults = new Faults(gpu, name);
    this.#rollback = new Rollback(this.#faults);
    this.memory = new MemoryPool(gpu, this.info, this.#rollback);
    this.#leaves = new LeafMemory(this, this.#lifetimes, this.#rollback);
    this.#readBack = new ReadBack(this, this.#faults, this.memory);
    this.#waiter = waiter(software);
    this.pipelines = new PipelineCache(
      gpu,
      this.stepLayout,
      this.#waiter,
      () => this.check(),
      async (...of) => (await this.rare()).kernelErrorOf(...of),
    );
  }

  /** Has plans to come take these choices beside those taken so far. @internal */
  choose(choices: ReadonlyMap<string, string>): void {
    this.target = withChoices(this.target, choices);
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  /** What was made on the device, and the memory in use. */
  get stats(): DeviceStats {
    const { made, bytes } = this.memory;
    return { buffers: made, bindGroups: this.#bindGroups, bytes, kernels: this.pipelines.count };
  }

  /** The adapter's name, and what lies on it. */
  toString(): string {
    return `Device(${this.info.name}; ${this.#closed ? 'closed' : `${formatBytes(this.memory.bytes)} in buffers`})`;
  }

  /** What Node's `console.log` shows. @internal */
  [INSPECT](): string {
    return this.toString();
  }

  /**
   * Ends all work and frees all memory; the process may then end. Calling it again does nothing. In a worker thread, call it
   * before the thread is ended: Dawn aborts the process where it is ended in the middle of work.
   */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#faults.close();
    this.gpu.destroy();
    this.memory.clear();
    this.eager.clear();
    // What is left of it in Node, threads above all, goes with the object: the collector shall look soon.
    if (isNode) this.weigh(this, Number.POSITIVE_INFINITY);
    this.onClose?.();
  }

  /**
   * Throws the first thing that has gone wrong on the device. From then on its memory may hold anything, so this throws
   * the same error every time: no value is handed out any more.
   * @internal
   */
  check(): void {
    if (this.#closed) {
      throw new StateError('This device was closed. Open a new one with openDevice(), or close it later.');
    }
    this.#faults.check();
  }

  /** Runs one piece of work after another, so that what is read is not overwritten in between. @internal */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** A buffer of at least `bytes`, from the pool where one of that size waits. Its contents are undefined. @internal */
  acquireBuffer(bytes: number, label: string): GPUBuffer {
    this.check();
    return this.memory.acquire(bytes, label);
  }

  /** Gives a buffer back for reuse; work already submitted may still use it. @internal */
  releaseBuffer(buffer: GPUBuffer): void {
    if (!this.#closed) this.memory.release(buffer);
  }

  /** @internal */
  createBindGroup(descriptor: GPUBindGroupDescriptor): GPUBindGroup {
    this.#bindGroups++;
    return this.gpu.createBindGroup(descriptor);
  }

  /** Memory for one tensor. @internal */
  allocate(size: number, dtype: Dtype, label: string): Storage {
    const bytes = bytesOf(size, dtype);
    return { buffer: this.acquireBuffer(bytes, label), offset: 0, bytes, owner: this };
  }

  /** Frees `storage` when `holder` is collected. @internal */
  releaseWith(holder: object, storage: Storage): void {
    this.#lifetimes.tie(holder, storage);
  }

  /** Tells the garbage collector what hangs on an object. @internal */
  weigh(holder: object, bytes: number): void {
    this.#lifetimes.weigh(holder, bytes);
  }

  /** Frees memory at once; what was freed stays so. @internal */
  free(storage: Storage): void {
    if (storage.freed) return;
    storage.freed = true;
    this.#lifetimes.untie(storage);
    this.releaseBuffer(storage.buffer);
  }

  /** Copies host values into memory, in order with all other work. @internal */
  write(storage: Storage, values: HostArray, byteOffset = 0): void {
    this.check();
    const { buffer, offset } = storage;
    const whole = values.byteLength - (values.byteLength % 4);
    this.gpu.queue.writeBuffer(buffer, offset + byteOffset, values.buffer, values.byteOffset, whole);
    if (whole === values.byteLength) return;
    // A copy must be whole words: the last bytes travel in one of their own.
    const tail = new Uint8Array(4);
    tail.set(new Uint8Array(values.buffer, values.byteOffset + whole, values.byteLength - whole));
    this.gpu.queue.writeBuffer(buffer, offset + byteOffset + whole, tail);
  }

  /** Copies memory to the host, after all work submitted before. @internal */
  async read(storage: Storage, dtype: Dtype, size: number): Promise<HostArray> {
    this.check();
    return this.#readBack.read(storage, dtype, size);
  }

  /** Resolves when all submitted work is done; throws what went wrong meanwhile. */
  async finish(): Promise<void> {
    this.check();
    await this.wait(this.gpu.queue.onSubmittedWorkDone());
    this.check();
  }

  /**
   * Awaits a promise of WebGPU without taking a core from shaders that run on the CPU. Throws what has gone wrong on the
   * device until then.
   * @internal
   */
  async wait<T>(promise: Promise<T>): Promise<T> {
    let value: T;
    try {
      value = await this.#waiter.wait(promise);
    } catch (cause) {
      throw await (await this.rare()).noAnswer(this, cause);
    }
    await this.#faults.answered();
    this.check();
    return value;
  }

  /** The memory of a leaf: a variable's own, or host values uploaded once and kept while they are reachable. @internal */
  storageOf(leaf: Node): Storage {
    return this.#leaves.storageOf(leaf);
  }

  /**
   * Runs `create` and turns what WebGPU refuses or cannot allocate into typed errors that name it by `what`. The buffers that it
   * acquired are then given back, and the device works on.
   * @internal
   */
  guarded<T>(what: () => Promise<string>, create: () => T): Promise<T> {
    return this.#rollback.run(what, create, () => this.check());
  }

  /** Runs commands. What WebGPU refuses of them is from then on the failure of this device, and names `what`. @internal */
  watch<T>(what: string | ((error: GPUError) => Promise<string>), commands: () => T): T {
    return this.#faults.watch(what, commands);
  }
}
