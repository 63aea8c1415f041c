/** A piece of GPU memory that holds one tensor. */

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

/** Storage offsets that every adapter accepts (WebGPU's default minStorageBufferOffsetAlignment). */
export const OFFSET_ALIGNMENT = 256;
