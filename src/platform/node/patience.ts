/**
 * Waiting for shaders that run on this CPU. While a promise of WebGPU is pending, Dawn's binding for Node looks for
 * finished work on every turn of the event loop, and so keeps a core busy that the shaders lack: on two cores a third of
 * the throughput. While something is awaited here, every turn sleeps first, for an eighth of the time waited so far
 * and at most a millisecond.
 */

import type { Waiter } from '../waiter.ts';

const LONGEST_NAP_MS = 1;
const SHORTEST_NAP_MS = 0.05;

export class Patience implements Waiter {
  readonly #enabled: boolean;
  /** Nobody ever wakes a nap: it ends by its timeout. */
  readonly #never: Int32Array<SharedArrayBuffer> | null;
  #waiting = 0;
  #napping = false;
  #since = 0;

  /** `enabled`: where shaders run on this CPU. */
  constructor(enabled: boolean) {
    this.#enabled = enabled;
    this.#never = enabled ? new Int32Array(new SharedArrayBuffer(4)) : null;
  }

  async wait<T>(promise: Promise<T>): Promise<T> {
    if (!this.#enabled) return promise;
    if (this.#waiting++ === 0) this.#since = performance.now();
    if (!this.#napping) {
      this.#napping = true;
      setImmediate(this.#turn);
    }
    try {
      return await promise;
    } finally {
      this.#waiting--;
      this.#since = performance.now();
    }
  }

  readonly #turn = (): void => {
    if (this.#waiting === 0 || this.#never === null) {
      this.#napping = false;
      return;
    }
    const nap = Math.min(LONGEST_NAP_MS, (performance.now() - this.#since) / 8);
    if (nap >= SHORTEST_NAP_MS) Atomics.wait(this.#never, 0, 0, nap);
    setImmediate(this.#turn);
  };
}
