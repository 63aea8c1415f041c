/** Memory of a device that lives as long as an object of the host. */

import type { Storage } from '../ir/storage.ts';

/** Bytes of an object's ballast: as many make the garbage collector look at once. */
const MOST_BALLAST = 64 * 2 ** 20;

export class Lifetimes {
  readonly #collected: FinalizationRegistry<GPUBuffer>;
  /**
   * The garbage collector knows nothing of GPU memory: it would wait for thousands of steps while each leaves its gradients
   * behind. Host memory of the same size, never touched and so never really taken, tells it what hangs on an object.
   */
  readonly #ballast = new WeakMap<object, ArrayBuffer>();

  /** `release` takes the buffer of an object that was collected. */
  constructor(release: (buffer: GPUBuffer) => void) {
    this.#collected = new FinalizationRegistry(release);
  }

  /** Releases `storage` when `holder` is collected. */
  tie(holder: object, storage: Storage): void {
    this.#collected.register(holder, storage.buffer, storage);
    this.weigh(holder, storage.bytes);
  }

  /** Releases `storage` with no object any more. */
  untie(storage: Storage): void {
    this.#collected.unregister(storage);
  }

  /** Tells the garbage collector what hangs on an object, in bytes. */
  weigh(holder: object, bytes: number): void {
    try {
      this.#ballast.set(holder, new ArrayBuffer(Math.min(bytes, MOST_BALLAST)));
    } catch {
      // There is no address space left for it: then the collector looks by itself.
    }
  }
}
