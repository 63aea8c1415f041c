/** Reading a device's memory: it is copied to buffers that the host can map, a few of which are kept. */

import { counted } from '../base/describe.ts';
import { type Dtype, formatBytes, type HostArray } from '../base/dtype.ts';
import { roundUp } from '../base/shape.ts';
import type { Storage } from '../ir/storage.ts';
import { errorOf, type Faults } from './faults.ts';
import type { MemoryPool } from './memoryPool.ts';
import type { Rare } from './rare.ts';

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

/** A device as far as this module needs it. */
export interface Readable {
  readonly gpu: GPUDevice;
  readonly closed: boolean;
  /** What is larger is read in pieces. */
  readonly pieceBytes: number;
  wait<T>(promise: Promise<T>): Promise<T>;
  rare(): Promise<Rare>;
}

export class ReadBack {
  readonly #device: Readable;
  readonly #faults: Faults;
  readonly #memory: MemoryPool;
  /** Buffers that wait to be used again. */
  readonly #waiting: GPUBuffer[] = [];

  constructor(device: Readable, faults: Faults, memory: MemoryPool) {
    this.#device = device;
    this.#faults = faults;
    this.#memory = memory;
  }

  /** The values in `storage`, after all work submitted before. */
  async read(storage: Storage, dtype: Dtype, size: number): Promise<HostArray> {
    const byteLength = roundUp(size * (dtype === 'uint8' ? 1 : 4), 4);
    const begin = (): Piece[] => this.#copy(storage, byteLength);
    // Large ones are made for this reading only: where there is no memory for it, nothing else has failed.
    const large = byteLength > STAGING_BYTES;
    const { result: pieces, refused } = large ? this.#faults.scoped(begin) : { result: begin(), refused: null };
    try {
      for (const { mapped } of pieces) mapped.catch(() => {});
      const error = await refused;
      if (error !== null)
        throw errorOf(error, `reading back ${counted(size, 'element')} of ${dtype} (${formatBytes(byteLength)})`);
      for (const { mapped } of pieces) await this.#device.wait(mapped);
      const bytes = await this.#hostMemory(byteLength);
      for (const { staging, start, bytes: length } of pieces) {
        new Uint8Array(bytes, start).set(new Uint8Array(staging.getMappedRange(0, length)));
      }
      if (dtype === 'int32') return new Int32Array(bytes, 0, size);
      if (dtype === 'uint8') return new Uint8Array(bytes, 0, size);
      return new Float32Array(bytes, 0, size);
    } finally {
      for (const { staging } of pieces) this.#release(staging);
    }
  }

  #copy(storage: Storage, byteLength: number): Piece[] {
    const { gpu, pieceBytes } = this.#device;
    const encoder = gpu.createCommandEncoder({ label: 'read back' });
    const copied: Omit<Piece, 'mapped'>[] = [];
    for (let start = 0; start === 0 || start < byteLength; start += pieceBytes) {
      const bytes = Math.min(pieceBytes, byteLength - start);
      const staging = this.#acquire(bytes);
      encoder.copyBufferToBuffer(storage.buffer, storage.offset + start, staging, 0, bytes);
      copied.push({ staging, start, bytes });
    }
    gpu.queue.submit([encoder.finish()]);
    return copied.map((piece) => ({ ...piece, mapped: piece.staging.mapAsync(GPUMapMode.READ, 0, piece.bytes) }));
  }

  async #hostMemory(bytes: number): Promise<ArrayBuffer> {
    try {
      return new ArrayBuffer(bytes);
    } catch (cause) {
      throw (await this.#device.rare()).noHostMemory(bytes, cause);
    }
  }

  /** A buffer that `bytes` can be copied to and mapped from: the smallest that waits and is not far too large. */
  #acquire(bytes: number): GPUBuffer {
    let best = -1;
    for (const [at, { size }] of this.#waiting.entries()) {
      if (size >= bytes && size <= 4 * Math.max(bytes, STAGING_UNIT) && (best < 0 || size < this.#waiting[best].size)) {
        best = at;
      }
    }
    if (best >= 0) return this.#waiting.splice(best, 1)[0];
    return this.#memory.create({
      label: 'read back',
      size: roundUp(bytes, STAGING_UNIT),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  #release(buffer: GPUBuffer): void {
    if (this.#device.closed) return;
    if (buffer.mapState !== 'unmapped') buffer.unmap();
    if (this.#waiting.length === STAGING_BUFFERS || buffer.size > STAGING_BYTES) this.#memory.destroy(buffer);
    else this.#waiting.push(buffer);
  }
}
