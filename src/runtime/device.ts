/** A device: the adapter's queue, memory and compiled kernels, and what went wrong on it. */

import { isNode } from '#platform';
import { counted } from '../base/describe.ts';
import { bytesOf, type Dtype, formatBytes, type HostArray } from '../base/dtype.ts';
import { OutOfMemoryError, StateError } from '../base/errors.ts';
import { INSPECT } from '../base/inspect.ts';
import { formatShape, roundUp, sizeOf } from '../base/shape.ts';
import { type LimitName, type Limits, limitsOf } from '../compiler/limits.ts';
import type { Node } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import { type Target, withChoices } from '../ir/target.ts';
import { type AdapterChoice, describeAdapter, isSoftware } from '../platform/adapter.ts';
import { EagerPlans, type KeptPlan } from './eagerPlans.ts';
import { errorOf, Faults } from './faults.ts';
import { Patience } from './patience.ts';
import { PipelineCache } from './pipelines.ts';
import type { PlanPrinter, Rare } from './rare.ts';
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
}

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

/** Objects made so far: a replayed plan adds none. */
export interface DeviceStats {
  /** Buffers made so far. */
  buffers: number;
  /** Bind groups made so far. */
  bindGroups: number;
  /** Bytes of buffers that are alive. */
  bytes: number;
  /** Distinct kernels kept, compiled. */
  readonly kernels: number;
}

/** Released buffers kept for reuse, in bytes. */
const POOL_BYTES = 256 * 2 ** 20;
/** Bytes of an object's ballast: as many make the garbage collector look at once. */
const MOST_BALLAST = 64 * 2 ** 20;
/** Buffers for reading back that are kept: so many at most, each of a multiple of the unit and no larger than this. */
const STAGING_BUFFERS = 8;
const STAGING_UNIT = 256;
const STAGING_BYTES = 4 * 2 ** 20;

/** A part of what is read back. */
interface Piece {
  readonly staging: GPUBuffer;
  readonly start: number;
  readonly bytes: number;
  readonly mapped: Promise<undefined>;
}

/** What is made while a plan takes its memory, to be given back if WebGPU refuses some of it. */
interface Making {
  readonly buffers: GPUBuffer[];
  readonly uploaded: HostArray[];
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
  /** Told of each plan before it is compiled. @internal */
  onPlan: PlanPrinter | null = null;
  /** Called when the device is closed, once. @internal */
  onClose: (() => void) | null = null;
  /** @internal */
  readonly gpu: GPUDevice;
  /** @internal */
  readonly pipelines: PipelineCache;
  readonly #patience: Patience;
  /** @internal */
  readonly stepLayout: GPUBindGroupLayout;
  /** Bytes between rows of the step buffer. @internal */
  readonly stepStride: number;
  /** Plans of eager runs. @internal */
  readonly eager = new EagerPlans();
  readonly #counts = { buffers: 0, bindGroups: 0, bytes: 0 };
  readonly #pool = new Map<number, GPUBuffer[]>();
  #pooledBytes = 0;
  /** Buffers for reading back that wait to be used again. */
  readonly #staging: GPUBuffer[] = [];
  readonly #hostStorages = new WeakMap<HostArray, Storage>();
  readonly #collected: FinalizationRegistry<GPUBuffer>;
  /** Dawn's instance: collecting it while the device lives would abort the process. Null in a browser. @internal */
  readonly instance: GPU | null;
  /**
   * The garbage collector knows nothing of GPU memory: it would wait for thousands of steps while each leaves its gradients
   * behind. Host memory of the same size, never touched and so never really taken, tells it what hangs on an object.
   */
  readonly #ballast = new WeakMap<object, ArrayBuffer>();
  readonly #faults: Faults;
  /** What is larger is read back in pieces, since drivers count the bytes of a copy with 31 bits. @internal */
  pieceBytes = 2 ** 30;
  #making: Making | null = null;
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** Use `openDevice`. @internal */
  constructor(
    gpu: GPUDevice,
    adapter: GPUAdapter,
    instance: GPU | null,
    asked: DeviceOptions['limits'],
    /** Loads what few programs need. @internal */
    readonly rare: () => Promise<Rare>,
  ) {
    this.gpu = gpu;
    this.instance = instance;
    const limits = limitsOf(gpu.limits, asked);
    this.limits = limits;
    const { info } = adapter;
    const fixed = info.subgroupMinSize === info.subgroupMaxSize ? (info.subgroupMinSize ?? 0) : 0;
    const software = isSoftware(info);
    this.info = Object.freeze({
      name: describeAdapter(info),
      software,
      features: Object.freeze([...gpu.features].sort()),
      subgroupSize: fixed,
      maxBufferBytes: limits.buffer,
      maxBindingBytes: limits.binding,
    });
    this.target = {
      subgroups: gpu.features.has('subgroups') ? { min: info.subgroupMinSize, max: info.subgroupMaxSize } : null,
      software,
      maxStorageBuffers: limits.storageBuffers,
      maxBindingBytes: limits.binding,
      maxGroups: limits.groups,
      workgroup: { threads: limits.threads, bytes: gpu.limits.maxComputeWorkgroupStorageSize },
    };
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
    this.#faults = new Faults(gpu, this.info.name);
    this.#patience = new Patience(software && isNode);
    this.pipelines = new PipelineCache(
      gpu,
      this.stepLayout,
      this.#patience,
      () => this.check(),
      async (...of) => (await this.rare()).kernelErrorOf(...of),
    );
    this.#collected = new FinalizationRegistry((buffer) => this.releaseBuffer(buffer));
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
    return { ...this.#counts, kernels: this.pipelines.count };
  }

  /** The adapter's name, and what lies on it. */
  toString(): string {
    return `Device(${this.info.name}; ${this.#closed ? 'closed' : `${formatBytes(this.#counts.bytes)} in buffers`})`;
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
    this.#pool.clear();
    this.eager.clear();
    // What is left of it in Node, threads above all, goes with the object: the collector shall look soon.
    if (isNode) this.weigh(this, MOST_BALLAST);
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
    const size = roundUp(Math.max(bytes, 16), 16);
    this.#preflight(size, label);
    return this.#pooled(size) ?? this.#newBuffer(size, label);
  }

  #pooled(size: number): GPUBuffer | undefined {
    const waiting = this.#pool.get(size)?.pop();
    if (waiting === undefined) return undefined;
    this.#pooledBytes -= size;
    this.#making?.buffers.push(waiting);
    return waiting;
  }

  #newBuffer(size: number, label: string): GPUBuffer {
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    const create = (): GPUBuffer => this.createBuffer({ label, size, usage: STORAGE | UNIFORM | COPY_SRC | COPY_DST });
    return this.#making === null ? this.watch(`'${label}' (${formatBytes(size)})`, create) : create();
  }

  /** Gives a buffer back for reuse; work already submitted may still use it. @internal */
  releaseBuffer(buffer: GPUBuffer): void {
    if (this.#closed) return;
    if (this.#pooledBytes + buffer.size > POOL_BYTES) {
      this.destroyBuffer(buffer);
      return;
    }
    const list = this.#pool.get(buffer.size);
    if (list === undefined) this.#pool.set(buffer.size, [buffer]);
    else list.push(buffer);
    this.#pooledBytes += buffer.size;
  }

  /** @internal */
  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    this.#counts.buffers++;
    this.#counts.bytes += descriptor.size;
    const buffer = this.gpu.createBuffer(descriptor);
    this.#making?.buffers.push(buffer);
    return buffer;
  }

  /** @internal */
  destroyBuffer(buffer: GPUBuffer): void {
    this.#counts.bytes -= buffer.size;
    buffer.destroy();
  }

  /** @internal */
  createBindGroup(descriptor: GPUBindGroupDescriptor): GPUBindGroup {
    this.#counts.bindGroups++;
    return this.gpu.createBindGroup(descriptor);
  }

  #preflight(bytes: number, label: string): void {
    const limit = this.limits.buffer;
    if (bytes <= limit) return;
    throw new OutOfMemoryError(
      `'${label}' needs ${formatBytes(bytes)} in one buffer, but a buffer of '${this.info.name}' holds at most ` +
        `${formatBytes(limit)}. Use a smaller batch, a smaller layer, or give the tensor in parts.`,
    );
  }

  /** Memory for one tensor. @internal */
  allocate(size: number, dtype: Dtype, label: string): Storage {
    const bytes = bytesOf(size, dtype);
    return { buffer: this.acquireBuffer(bytes, label), offset: 0, bytes, owner: this };
  }

  /** Frees `storage` when `holder` is collected. @internal */
  releaseWith(holder: object, storage: Storage): void {
    this.#collected.register(holder, storage.buffer, storage);
    this.weigh(holder, storage.bytes);
  }

  /** Tells the garbage collector what hangs on an object. @internal */
  weigh(holder: object, bytes: number): void {
    try {
      this.#ballast.set(holder, new ArrayBuffer(Math.min(bytes, MOST_BALLAST)));
    } catch {
      // There is no address space left for it: then the collector looks by itself.
    }
  }

  /** Frees memory at once; what was freed stays so. @internal */
  free(storage: Storage): void {
    if (storage.freed) return;
    storage.freed = true;
    this.#collected.unregister(storage);
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
    const byteLength = roundUp(size * (dtype === 'uint8' ? 1 : 4), 4);
    const begin = (): Piece[] => {
      const { pieceBytes } = this;
      const encoder = this.gpu.createCommandEncoder({ label: 'read back' });
      const copied: Omit<Piece, 'mapped'>[] = [];
      for (let start = 0; start === 0 || start < byteLength; start += pieceBytes) {
        const bytes = Math.min(pieceBytes, byteLength - start);
        const staging = this.#acquireStaging(bytes);
        encoder.copyBufferToBuffer(storage.buffer, storage.offset + start, staging, 0, bytes);
        copied.push({ staging, start, bytes });
      }
      this.gpu.queue.submit([encoder.finish()]);
      return copied.map((piece) => ({ ...piece, mapped: piece.staging.mapAsync(GPUMapMode.READ, 0, piece.bytes) }));
    };
    // Large ones are made for this reading only: where there is no memory for it, nothing else has failed.
    const large = byteLength > STAGING_BYTES;
    const { result: pieces, refused } = large ? this.#faults.scoped(begin) : { result: begin(), refused: null };
    try {
      for (const { mapped } of pieces) mapped.catch(() => {});
      const error = await refused;
      if (error !== null)
        throw errorOf(error, `reading back ${counted(size, 'element')} of ${dtype} (${formatBytes(byteLength)})`);
      for (const { mapped } of pieces) await this.wait(mapped);
      const bytes = await this.#memory(byteLength);
      for (const { staging, start, bytes: length } of pieces) {
        new Uint8Array(bytes, start).set(new Uint8Array(staging.getMappedRange(0, length)));
      }
      if (dtype === 'int32') return new Int32Array(bytes, 0, size);
      if (dtype === 'uint8') return new Uint8Array(bytes, 0, size);
      return new Float32Array(bytes, 0, size);
    } finally {
      for (const { staging } of pieces) this.#releaseStaging(staging);
    }
  }

  async #memory(bytes: number): Promise<ArrayBuffer> {
    try {
      return new ArrayBuffer(bytes);
    } catch (cause) {
      throw (await this.rare()).noHostMemory(bytes, cause);
    }
  }

  /** A buffer that `bytes` can be copied to and mapped from: the smallest that waits and is not far too large. */
  #acquireStaging(bytes: number): GPUBuffer {
    let best = -1;
    for (const [at, { size }] of this.#staging.entries()) {
      if (size >= bytes && size <= 4 * Math.max(bytes, STAGING_UNIT) && (best < 0 || size < this.#staging[best].size)) {
        best = at;
      }
    }
    if (best >= 0) return this.#staging.splice(best, 1)[0];
    return this.createBuffer({
      label: 'read back',
      size: roundUp(bytes, STAGING_UNIT),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  #releaseStaging(buffer: GPUBuffer): void {
    if (this.#closed) return;
    if (buffer.mapState !== 'unmapped') buffer.unmap();
    if (this.#staging.length === STAGING_BUFFERS || buffer.size > STAGING_BYTES) this.destroyBuffer(buffer);
    else this.#staging.push(buffer);
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
      value = await this.#patience.wait(promise);
    } catch (cause) {
      throw await (await this.rare()).noAnswer(this, cause);
    }
    await this.#faults.answered();
    this.check();
    return value;
  }

  /** The memory of a leaf: a variable's own, or host values uploaded once and kept while they are reachable. @internal */
  storageOf(leaf: Node): Storage {
    const { lowering } = leaf.op;
    if (lowering.kind !== 'leaf') throw new StateError(`'${leaf.op.name}' has no memory of its own. Run it in a plan.`);
    const source = lowering.storage(leaf);
    if (source.kind === 'device') {
      if (source.storage.owner !== this) {
        throw new StateError(
          'A tensor lives on another device. Read it with data() there and make a new tensor from the values.',
        );
      }
      return source.storage;
    }
    let storage = this.#hostStorages.get(source.values);
    if (storage === undefined) {
      storage = this.allocate(sizeOf(leaf.shape), leaf.dtype, `tensor ${leaf.dtype} ${formatShape(leaf.shape)}`);
      this.write(storage, source.values);
      this.#hostStorages.set(source.values, storage);
      this.#making?.uploaded.push(source.values);
      this.releaseWith(source.values, storage);
    }
    return storage;
  }

  /**
   * Runs `create` and turns what WebGPU refuses or cannot allocate into typed errors that name it by `what`. The buffers that it
   * acquired are then given back, and the device works on.
   * @internal
   */
  async guarded<T>(what: () => Promise<string>, create: () => T): Promise<T> {
    const making: Making = { buffers: [], uploaded: [] };
    try {
      this.#making = making;
      const { result, refused } = this.#faults.scoped(create);
      this.#making = null;
      const error = await refused;
      this.check();
      if (error !== null) throw errorOf(error, await what());
      return result;
    } catch (error) {
      this.#making = null;
      this.#undo(making);
      throw error;
    }
  }

  #undo({ buffers, uploaded }: Making): void {
    for (const values of uploaded) {
      const storage = this.#hostStorages.get(values);
      if (storage !== undefined) this.#collected.unregister(storage);
      this.#hostStorages.delete(values);
    }
    for (const buffer of buffers) this.destroyBuffer(buffer);
  }

  /** Runs commands. What WebGPU refuses of them is from then on the failure of this device, and names `what`. @internal */
  watch<T>(what: string | ((error: GPUError) => Promise<string>), commands: () => T): T {
    return this.#faults.watch(what, commands);
  }
}
