/** A pass's running metrics and the non-finite flag, on the GPU. */

import type { Logs } from '../callbacks/callback.ts';
import type { Device } from '../gpu/device.ts';
import type { Storage } from '../graph/storage.ts';
import { storedNode } from '../ops/leaf.ts';
import type { Ledger } from './network.ts';
import { standIn } from './parameters.ts';

const NONE = 0xffffffff;
const HEALTH_WORDS = 4;

export interface LedgerReading {
  /** Sums over all examples since the last reset: the loss, then the metrics. */
  readonly sums: Float32Array;
  /** The first step that was not finite, or null. */
  readonly firstBadStep: number | null;
}

export class GpuLedger implements Ledger {
  readonly #device: Device;
  readonly #names: readonly string[];
  readonly #sums: Storage;
  readonly #health: Storage;

  /** `names`: `loss`, then the metrics. */
  constructor(device: Device, names: readonly string[]) {
    this.#device = device;
    this.#names = names;
    this.#sums = device.allocate(names.length, 'float32', 'metrics');
    this.#health = device.allocate(HEALTH_WORDS, 'int32', 'non-finite flag');
    this.resetSums();
    this.resetHealth();
  }

  get sums() {
    return storedNode(this.#sums, [this.#names.length]);
  }

  get health() {
    return storedNode(this.#health, [HEALTH_WORDS], 'int32');
  }

  resetSums(): void {
    this.#device.write(this.#sums, new Float32Array(this.#names.length));
  }

  resetHealth(): void {
    this.#device.write(this.#health, new Int32Array(new Uint32Array([NONE, 0, 0, 0]).buffer));
  }

  /** Lets updates go on after the cause of the flag has been found. */
  release(): void {
    this.#device.write(this.#health, new Int32Array([1]), 8);
  }

  /** Reads without waiting for work submitted later. */
  async read(): Promise<LedgerReading> {
    const [sums, health] = await Promise.all([
      this.#device.read(this.#sums, 'float32', this.#names.length),
      this.#device.read(this.#health, 'int32', 1),
    ]);
    const first = health[0] >>> 0;
    return { sums: Float32Array.from(sums), firstBadStep: first === NONE ? null : first };
  }

  /** Means over `samples` examples, by name. */
  means(sums: ArrayLike<number>, samples: number): Logs {
    return Object.fromEntries(this.#names.map((name, at) => [name, sums[at] / samples]));
  }

  dispose(): void {
    if (this.#device.closed) return;
    this.#device.free(this.#sums);
    this.#device.free(this.#health);
  }
}

/** A ledger to plan with. */
export const standInLedger = (metrics: number): Ledger => ({
  sums: standIn([metrics + 1]),
  health: { ...standIn([HEALTH_WORDS]), dtype: 'int32' },
});
