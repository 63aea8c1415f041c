/** What an optimizer remembers of a model: its moments, side by side like the weights, and the steps taken. */

import type { Node } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import { storedNode } from '../ops/leaf.ts';
import { LEFT_OUT, momentsOf, type UpdateRule } from '../ops/update.ts';
import type { Device } from '../runtime/device.ts';

/** Moments on the host. */
export interface SavedMoments {
  /** By name; none before they are trained with. */
  readonly moments: ReadonlyMap<string, Float32Array>;
  /** Steps since the moments were zero, those included that were left out. */
  readonly steps: number;
  /** How many of them were left out, because they were not finite. */
  readonly leftOut: number;
}

/** What an update reads and writes. */
export interface MomentNodes {
  readonly moments: readonly Node[];
  /** The words in which updates count the steps that they leave out; see optimizer.wgsl. */
  readonly leftOut: Node;
}

export class Moments {
  /** Steps submitted since the moments were zero; the GPU counts which of them it left out. */
  steps = 0;
  /** Whether its memory was given back. */
  disposed = false;
  readonly names: readonly string[];
  readonly #device: Device;
  /** Elements of each moment. */
  readonly size: number;
  readonly #storages: readonly Storage[];
  readonly #leftOut: Storage;

  constructor(device: Device, rule: UpdateRule, size: number) {
    this.#device = device;
    this.size = size;
    this.names = momentsOf(rule);
    this.#storages = size === 0 ? [] : this.names.map((name) => device.allocate(size, 'float32', name));
    this.#leftOut = device.allocate(LEFT_OUT.words, 'int32', 'steps left out');
    this.reset();
  }

  nodes(): MomentNodes {
    return {
      moments: this.#storages.map((storage) => storedNode(storage, [this.size])),
      leftOut: storedNode(this.#leftOut, [LEFT_OUT.words], 'int32'),
    };
  }

  reset(): void {
    for (const storage of this.#storages) this.#device.write(storage, new Float32Array(this.size));
    this.#count(0, 0);
  }

  #count(steps: number, leftOut: number): void {
    this.steps = steps;
    const words = new Int32Array(LEFT_OUT.words);
    words[LEFT_OUT.count] = leftOut;
    this.#device.write(this.#leftOut, words);
  }

  /** How many steps were left out since the moments were zero. */
  async leftOut(): Promise<number> {
    const words = await this.#device.read(this.#leftOut, 'int32', LEFT_OUT.words);
    return words[LEFT_OUT.count];
  }

  /** Copies of all as they are now, though they arrive later. */
  async read(): Promise<SavedMoments> {
    const { steps } = this;
    const [leftOut, ...values] = await Promise.all([
      this.leftOut(),
      ...this.#storages.map((storage) => this.#device.read(storage, 'float32', this.size)),
    ]);
    const moments = new Map(values.map((value, at) => [this.names[at], Float32Array.from(value)]));
    return { moments, steps, leftOut };
  }

  /** Takes moments by their names; where a name or a size is another one, all stay zero. */
  restore({ moments, steps, leftOut }: SavedMoments): void {
    if (this.size > 0 && !this.names.every((name) => moments.get(name)?.length === this.size)) return;
    this.#storages.forEach((storage, at) => {
      this.#device.write(storage, moments.get(this.names[at]) ?? new Float32Array(0));
    });
    this.#count(steps, leftOut);
  }

  dispose(): void {
    this.disposed = true;
    if (this.#device.closed) return;
    for (const storage of [...this.#storages, this.#leftOut]) this.#device.free(storage);
  }
}
