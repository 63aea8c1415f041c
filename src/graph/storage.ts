/** A piece of GPU memory that holds one tensor. */

import type { Dtype } from './node.ts';

/** What frees a piece of memory: the device that it lies on. */
export interface StorageOwner {
  free(storage: Storage): void;
}

export interface Storage {
  readonly buffer: GPUBuffer;
  /** Byte offset, a multiple of 256 so that it may be bound on every adapter. */
  readonly offset: number;
  /** Bytes, a multiple of 16 so that it may be read as vec4. */
  readonly bytes: number;
  /** The device that owns the buffer. */
  readonly owner: StorageOwner;
}

/** Bytes that `size` elements take, rounded up to whole vec4s. */
export function bytesOf(size: number, dtype: Dtype): number {
  return Math.ceil((size * (dtype === 'uint8' ? 1 : 4)) / 16) * 16;
}

/** Storage offsets that every adapter accepts (WebGPU's default minStorageBufferOffsetAlignment). */
export const OFFSET_ALIGNMENT = 256;
