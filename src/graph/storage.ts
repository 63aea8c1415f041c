/** A piece of GPU memory that holds one tensor. */

import type { Dtype } from './node.ts';

/** What frees a piece of memory: the device that it lies on. */
export interface StorageOwner {
  free(storage: Storage): void;
}

/** A range of a buffer. */
export interface Storage {
  /** It may hold other tensors, too. */
  readonly buffer: GPUBuffer;
  /** Byte offset, a multiple of 256 so that it may be bound on every adapter. */
  readonly offset: number;
  /** Bytes, a multiple of 16 so that it may be read as vec4. */
  readonly bytes: number;
  /** The device that owns the buffer. @internal */
  readonly owner: StorageOwner;
  /** True once the memory was given back: nothing may read it any more. */
  freed?: boolean;
}

/** Bytes that `size` elements take, rounded up to whole vec4s. */
export function bytesOf(size: number, dtype: Dtype): number {
  return Math.ceil((size * (dtype === 'uint8' ? 1 : 4)) / 16) * 16;
}

/** Bytes as a person reads them. */
export function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${(bytes / 2 ** 10).toFixed(1)} KiB`;
}

/** Storage offsets that every adapter accepts (WebGPU's default minStorageBufferOffsetAlignment). */
export const OFFSET_ALIGNMENT = 256;
