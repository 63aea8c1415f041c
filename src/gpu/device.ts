/** A device: the adapter's queue, memory and compiled kernels, and what went wrong on it. */

import { DeviceError, OutOfMemoryError, StateError } from '../errors.ts';
import type { Target } from '../graph/kernel.ts';
import type { Dtype, HostArray, Node } from '../graph/node.ts';
import { bytesOf, type Storage } from '../graph/storage.ts';
import { isNode } from '../node.ts';
import { roundUp, sizeOf } from '../shape.ts';
import { type AdapterChoice, describeAdapter, findAdapter, isSoftware } from './adapter.ts';
import { Patience } from './patience.ts';
import { PipelineCache } from './pipelines.ts';
import { STEP_BYTES } from './step.ts';
import { readChoices } from './tuningStore.ts';

export interface DeviceOptions {
  /** Which adapter, default `auto`; the environment variable WGRAD_ADAPTER overrides `auto`. */
  readonly adapter?: AdapterChoice;
  /**
   * Measures which kernels are fastest when a plan is first made of shapes that have no winner yet, and keeps the winners
   * for later runs. Default false: what was kept is used, nothing is measured.
   */
  readonly tune?: boolean;
}

export interface DeviceInfo {
  /** What the adapter calls itself. */
  readonly name: string;
  /** True where shaders run on the CPU. */
  readonly software: boolean;
  /** Features that were asked for and granted. */
  readonly features: readonly string[];
  /** Lanes of a subgroup where that number is fixed, else 0. */
  readonly subgroupSize: number;
  readonly maxBufferBytes: number;
  readonly maxBindingBytes: number;
}

/** Objects made so far: a replayed plan adds none. */
export interface DeviceStats {
  buffers: number;
  bindGroups: number;
  /** Bytes of buffers that are alive. */
  bytes: number;
  /** Distinct kernels compiled. */
  readonly kernels: number;
}

const WANTED_FEATURES = ['timestamp-query', 'subgroups', 'shader-f16'] as const;
/** Released buffers kept for reuse, in bytes. */
const POOL_BYTES = 256 * 2 ** 20;

export class Device {
  readonly info: DeviceInfo;
  /** What kernels are specialised for. */
  readonly target: Target;
  /** Which variant computes an operation, by its key; part of the target. */
  readonly choices = new Map<string, string>();
  /**
   * Measures what the plan of a graph could choose; to be awaited before the plan is made. Null on a device that does not
   * tune: the plan's kernels are then chosen at once.
   */
  prepare: ((roots: readonly Node[]) => Promise<void>) | null = null;
  readonly gpu: GPUDevice;
  readonly pipelines: PipelineCache;
  readonly #patience: Patience;
  readonly stepLayout: GPUBindGroupLayout;
  /** Bytes between rows of the step buffer. */
  readonly stepStride: number;
  readonly #counts = { buffers: 0, bindGroups: 0, bytes: 0 };
  readonly #pool = new Map<number, GPUBuffer[]>();
  #pooledBytes = 0;
  readonly #hostStorages = new WeakMap<HostArray, Storage>();
  readonly #collected: FinalizationRegistry<GPUBuffer>;
  /** Dawn's instance: collecting it while the device lives would abort the process. Null in a browser. */
  readonly instance: GPU | null;
  #failure: DeviceError | null = null;
  #closed = false;
  #turn: Promise<unknown> = Promise.resolve();

  /** Use `openDevice`. */
  constructor(gpu: GPUDevice, adapter: GPUAdapter, instance: GPU | null) {
    this.gpu = gpu;
    this.instance = instance;
    const { info } = adapter;
    const fixed = info.subgroupMinSize === info.subgroupMaxSize ? (info.subgroupMinSize ?? 0) : 0;
    const subgroupSize = gpu.features.has('subgroups') && (fixed === 4 || fixed === 8) ? fixed : 0;
    const software = isSoftware(info);
    this.info = {
      name: describeAdapter(info),
      software,
      features: [...gpu.features].sort(),
      subgroupSize: fixed,
      maxBufferBytes: gpu.limits.maxBufferSize,
      maxBindingBytes: gpu.limits.maxStorageBufferBindingSize,
    };
    const { maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX, maxComputeWorkgroupStorageSize } = gpu.limits;
    this.target = {
      subgroupSize,
      software,
      maxStorageBuffers: gpu.limits.maxStorageBuffersPerShaderStage,
      workgroup: {
        threads: Math.min(maxComputeInvocationsPerWorkgroup, maxComputeWorkgroupSizeX),
        bytes: maxComputeWorkgroupStorageSize,
      },
      choices: this.choices,
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
    this.#patience = new Patience(software && isNode());
    this.pipelines = new PipelineCache(gpu, this.stepLayout, this.#patience);
    this.#collected = new FinalizationRegistry((buffer) => this.releaseBuffer(buffer));
    gpu.addEventListener('uncapturederror', (event) => {
      event.preventDefault();
      this.#fail(errorOf(event.error, 'a command'));
    });
    void gpu.lost.then(({ reason, message }) => {
      if (reason === 'destroyed') return;
      this.#fail(
        new DeviceError(
          `The device '${this.info.name}' was lost: ${message || 'the driver gave no reason'}. Open a new one with openDevice(); ` +
            'if it happens again, use a smaller batch or update the driver.',
        ),
      );
    });
  }

  get closed(): boolean {
    return this.#closed;
  }

  get stats(): DeviceStats {
    return { ...this.#counts, kernels: this.pipelines.count };
  }

  /** Ends all work and frees all memory; the process may then end. Calling it again does nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.gpu.destroy();
    this.#pool.clear();
  }

  /** Throws what has gone wrong on the device so far, once. */
  check(): void {
    if (this.#closed) {
      throw new StateError('This device was closed. Open a new one with openDevice(), or close it later.');
    }
    const failure = this.#failure;
    if (failure === null) return;
    this.#failure = null;
    throw failure;
  }

  #fail(error: DeviceError): void {
    this.#failure ??= error;
  }

  /** Runs one piece of work after another, so that what is read is not overwritten in between. */
  exclusive<T>(work: () => Promise<T>): Promise<T> {
    const mine = this.#turn.then(work);
    this.#turn = mine.catch(() => {});
    return mine;
  }

  /** A buffer of at least `bytes`, from the pool where one of that size waits. Its contents are undefined. */
  acquireBuffer(bytes: number, label: string): GPUBuffer {
    this.check();
    const size = roundUp(Math.max(bytes, 16), 16);
    this.#preflight(size, label);
    const waiting = this.#pool.get(size)?.pop();
    if (waiting !== undefined) {
      this.#pooledBytes -= size;
      return waiting;
    }
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    return this.createBuffer({ label, size, usage: STORAGE | UNIFORM | COPY_SRC | COPY_DST });
  }

  /** Gives a buffer back for reuse; work already submitted may still use it. */
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

  createBuffer(descriptor: GPUBufferDescriptor): GPUBuffer {
    this.#counts.buffers++;
    this.#counts.bytes += descriptor.size;
    return this.gpu.createBuffer(descriptor);
  }

  destroyBuffer(buffer: GPUBuffer): void {
    this.#counts.bytes -= buffer.size;
    buffer.destroy();
  }

  createBindGroup(descriptor: GPUBindGroupDescriptor): GPUBindGroup {
    this.#counts.bindGroups++;
    return this.gpu.createBindGroup(descriptor);
  }

  #preflight(bytes: number, label: string): void {
    const limit = Math.min(this.info.maxBufferBytes, this.info.maxBindingBytes);
    if (bytes <= limit) return;
    throw new OutOfMemoryError(
      `'${label}' needs ${formatBytes(bytes)} in one buffer, but '${this.info.name}' binds at most ${formatBytes(limit)}. ` +
        'Use a smaller batch or a smaller layer.',
    );
  }

  /** Memory for one tensor. */
  allocate(size: number, dtype: Dtype, label: string): Storage {
    const bytes = bytesOf(size, dtype);
    return { buffer: this.acquireBuffer(bytes, label), offset: 0, bytes, owner: this };
  }

  /** Frees `storage` when `holder` is collected. */
  releaseWith(holder: object, storage: Storage): void {
    this.#collected.register(holder, storage.buffer, storage);
  }

  /** Frees memory at once. */
  free(storage: Storage): void {
    this.#collected.unregister(storage);
    this.releaseBuffer(storage.buffer);
  }

  /** Copies host values into memory, in order with all other work. */
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

  /** Copies memory to the host, after all work submitted before. */
  async read(storage: Storage, dtype: Dtype, size: number): Promise<HostArray> {
    this.check();
    const byteLength = roundUp(size * (dtype === 'uint8' ? 1 : 4), 4);
    const staging = this.createBuffer({
      label: 'read back',
      size: byteLength,
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
    try {
      const encoder = this.gpu.createCommandEncoder({ label: 'read back' });
      encoder.copyBufferToBuffer(storage.buffer, storage.offset, staging, 0, byteLength);
      this.gpu.queue.submit([encoder.finish()]);
      await this.wait(staging.mapAsync(GPUMapMode.READ)).catch((cause: unknown) => {
        this.check();
        throw new DeviceError(
          `Reading back from '${this.info.name}' failed: the device was lost or closed while work was under way. ` +
            'Open a new device; close it only after awaiting what you need.',
          { cause },
        );
      });
      const bytes = staging.getMappedRange().slice(0);
      this.check();
      if (dtype === 'int32') return new Int32Array(bytes, 0, size);
      if (dtype === 'uint8') return new Uint8Array(bytes, 0, size);
      return new Float32Array(bytes, 0, size);
    } finally {
      this.destroyBuffer(staging);
    }
  }

  /** Resolves when all submitted work is done; throws what went wrong meanwhile. */
  async finish(): Promise<void> {
    this.check();
    await this.wait(this.gpu.queue.onSubmittedWorkDone());
    this.check();
  }

  /** Awaits a promise of WebGPU without taking a core from shaders that run on the CPU. */
  wait<T>(promise: Promise<T>): Promise<T> {
    return this.#patience.wait(promise);
  }

  /** The memory of a leaf: a variable's own, or host values uploaded once and kept while they are reachable. */
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
      storage = this.allocate(sizeOf(leaf.shape), leaf.dtype, `tensor [${leaf.shape.join(', ')}]`);
      this.write(storage, source.values);
      this.#hostStorages.set(source.values, storage);
      this.releaseWith(source.values, storage);
    }
    return storage;
  }

  /** Runs `create` and turns what WebGPU refuses or cannot allocate into typed errors that name `what`. */
  async guarded<T>(what: string, create: () => T): Promise<T> {
    this.gpu.pushErrorScope('validation');
    this.gpu.pushErrorScope('out-of-memory');
    let result: T;
    try {
      result = create();
    } catch (error) {
      await Promise.all([this.gpu.popErrorScope(), this.gpu.popErrorScope()]);
      throw error;
    }
    const [memory, validation] = await Promise.all([this.gpu.popErrorScope(), this.gpu.popErrorScope()]);
    const error = memory ?? validation;
    if (error !== null) throw errorOf(error, what);
    return result;
  }
}

function errorOf(error: GPUError, what: string): DeviceError {
  if (error.constructor.name === 'GPUOutOfMemoryError') {
    return new OutOfMemoryError(
      `The device ran out of memory for ${what}: ${error.message}. Use a smaller batch, or free tensors with dispose().`,
    );
  }
  return new DeviceError(
    `WebGPU refused ${what}: ${error.message}. This is a fault of wgrad, not of your model: please report it with this text.`,
  );
}

/** Bytes as a person reads them. */
export function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${(bytes / 2 ** 10).toFixed(1)} KiB`;
}

function choiceOf(options: DeviceOptions): AdapterChoice {
  if (options.adapter !== undefined && options.adapter !== 'auto') return options.adapter;
  const wanted = typeof process === 'undefined' ? undefined : process.env?.WGRAD_ADAPTER;
  if (wanted === 'hardware' || wanted === 'lavapipe' || wanted === 'swiftshader' || wanted === 'null') return wanted;
  return 'auto';
}

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
    },
  });
  const device = new Device(gpu, adapter, instance);
  for (const [key, name] of await readChoices(device.info.name)) device.choices.set(key, name);
  return device;
}
