/** What an optimizer remembers of a model: its moments, side by side like the weights, and the steps taken. */

import type { Device } from '../gpu/device.ts';
import type { Node } from '../graph/node.ts';
import type { Storage } from '../graph/storage.ts';
import { storedNode } from '../ops/leaf.ts';
import { momentsOf, type UpdateRule } from '../ops/update.ts';

export class Moments {
  /** Steps since the moments were zero; the bias correction counts them. */
  steps = 0;
  readonly names: readonly string[];
  readonly #device: Device;
  /** Elements of each moment. */
  readonly size: number;
  readonly #storages: readonly Storage[];

  constructor(device: Device, rule: UpdateRule, size: number) {
    this.#device = device;
    this.size = size;
    this.names = momentsOf(rule);
    this.#storages = size === 0 ? [] : this.names.map((name) => device.allocate(size, 'float32', name));
    this.reset();
  }

  nodes(): Node[] {
    return this.#storages.map((storage) => storedNode(storage, [this.size]));
  }

  reset(): void {
    this.steps = 0;
    for (const storage of this.#storages) this.#device.write(storage, new Float32Array(this.size));
  }

  /** Copies, by name. */
  async read(): Promise<Map<string, Float32Array>> {
    const values = await Promise.all(
      this.#storages.map(
        async (storage, at): Promise<[string, Float32Array]> => [
          this.names[at],
          Float32Array.from(await this.#device.read(storage, 'float32', this.size)),
        ],
      ),
    );
    return new Map(values);
  }

  /** Takes moments by their names; where they are not this model's, all stay zero. */
  restore(values: ReadonlyMap<string, Float32Array>, steps: number): void {
    if (this.size > 0 && !this.names.every((name) => values.get(name)?.length === this.size)) return;
    this.#storages.forEach((storage, at) => {
      this.#device.write(storage, values.get(this.names[at]) ?? new Float32Array(0));
    });
    this.steps = steps;
  }

  dispose(): void {
    if (this.#device.closed) return;
    for (const storage of this.#storages) this.#device.free(storage);
  }
}
