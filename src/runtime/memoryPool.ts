/** A device's buffers: those in use are counted, those released are kept for reuse. */

import { formatBytes } from '../base/dtype.ts';
import { OutOfMemoryError } from '../base/errors.ts';
import { roundUp } from '../base/shape.ts';
import type { DeviceInfo } from './capabilities.ts';
import type { Rollback } from './rollback.ts';

/** Released buffers kept for reuse, in bytes. */
const POOL_BYTES = 256 * 2 ** 20;

export class MemoryPool {
  readonly #gpu: GPUDevice;
  readonly #info: DeviceInfo;
  readonly #rollback: Rollback;
  readonly #waiting = new Map<number, GPUBuffer[]>();
  #waitingBytes = 0;
  /** Buffers made so far. */
  made = 0;
  /** Bytes of buffers that are alive. */
  bytes = 0;

  constructor(gpu: GPUDevice, info: DeviceInfo, rollback: Rollback) {
    this.#gpu = gpu;
    this.#info = info;
    this.#rollback = rollback;
  }

  /** A buffer of at least `bytes` for any use, one that waits where it has that size. Its contents are undefined. */
  acquire(bytes: number, label: string): GPUBuffer {
    const size = roundUp(Math.max(bytes, 16), 16);
    const { name, maxBufferBytes } = this.#info;
    if (size > maxBufferBytes) {
      throw new OutOfMemoryError(
        `'${label}' needs ${formatBytes(size)} in one buffer, but a buffer of '${name}' holds at most ` +
          `${formatBytes(maxBufferBytes)}. Use a smaller batch, a smaller layer, or give the tensor in parts.`,
      );
    }
    const waiting = this.#waiting.get(size)?.pop();
    if (waiting !== undefined) {
      this.#waitingBytes -= size;
      this.#rollback.note(() => this.destroy(waiting));
      return waiting;
    }
    const { STORAGE, UNIFORM, COPY_SRC, COPY_DST } = GPUBufferUsage;
    return this.#rollback.make(`'${label}' (${formatBytes(size)})`, () =>
      this.create({ label, size, usage: STORAGE | UNIFORM | COPY_SRC | COPY_DST }),
    );
  }

  /** Takes back what was acquired; work already submitted may still use it. */
  release(buffer: GPUBuffer): void {
    const { size } = buffer;
    if (this.#waitingBytes + size > POOL_BYTES) {
      this.destroy(buffer);
      return;
    }
    const list = this.#waiting.get(size);
    if (list === undefined) this.#waiting.set(size, [buffer]);
    else list.push(buffer);
    this.#waitingBytes += size;
  }

  /** A new buffer, for uses of its own; it is no part of the pool. */
  create(descriptor: GPUBufferDescriptor): GPUBuffer {
    this.made++;
    this.bytes += descriptor.size;
    const buffer = this.#gpu.createBuffer(descriptor);
    this.#rollback.note(() => this.destroy(buffer));
    return buffer;
  }

  destroy(buffer: GPUBuffer): void {
    this.bytes -= buffer.size;
    buffer.destroy();
  }

  /** Forgets the buffers that wait: their device was destroyed, and they with it. */
  clear(): void {
    this.#waiting.clear();
  }
}
