/** A copy of a model where it lies: weights, and what the optimizer remembers. */

import { StateError } from '../../base/errors.ts';
import type { Snapshot } from '../../callbacks/callback.ts';
import type { SavedState, State } from '../../io/state.ts';
import type { Storage } from '../../ir/storage.ts';
import type { Compiled } from '../../network/compiled.ts';

export class DeviceSnapshot implements Snapshot {
  step = 0;
  readonly #compiled: Compiled;
  readonly #restored: () => void;
  readonly #parts: readonly { readonly storage: Storage; readonly start: number }[];
  readonly #copy: Storage;
  readonly #size: number;
  /** Steps that the moments have seen. */
  #moments = 0;

  /** Takes the model as it is. `restored`: called when the model has gone back. */
  constructor(compiled: Compiled, restored: () => void) {
    const { device, network, moments } = compiled;
    this.#compiled = compiled;
    this.#restored = restored;
    const blocks = [network.trainable, network.fixed].filter(({ size }) => size > 0).map(({ node }) => node);
    let bytes = 0;
    const remembered = moments.nodes();
    this.#parts = [...blocks, ...remembered.moments, remembered.leftOut].map((node) => {
      const storage = device.storageOf(node);
      const start = bytes;
      bytes += storage.bytes;
      return { storage, start };
    });
    this.#size = bytes / 4;
    this.#copy = device.allocate(Math.max(4, this.#size), 'float32', 'snapshot');
    this.take();
  }

  take(): void {
    const { progress, moments } = this.#compiled;
    this.step = progress.step;
    this.#moments = moments.steps;
    this.#copyAll(({ storage, start }) => [storage, 0, this.#copy, start]);
  }

  restore(): void {
    this.#compiled.moments.steps = this.#moments;
    this.#copyAll(({ storage, start }) => [this.#copy, start, storage, 0]);
    this.#restored();
  }

  #copyAll(
    way: (part: { readonly storage: Storage; readonly start: number }) => readonly [Storage, number, Storage, number],
  ): void {
    const { device, network, moments } = this.#compiled;
    device.check();
    if (network.trainable.disposed || moments.disposed) {
      throw new StateError(
        'A snapshot ends when its model is compiled anew, or when layers are frozen or freed. Take another one.',
      );
    }
    const encoder = device.gpu.createCommandEncoder({ label: 'snapshot' });
    for (const part of this.#parts) {
      const [from, fromStart, to, toStart] = way(part);
      const { bytes } = part.storage;
      encoder.copyBufferToBuffer(from.buffer, from.offset + fromStart, to.buffer, to.offset + toStart, bytes);
    }
    device.gpu.queue.submit([encoder.finish()]);
  }

  async state(): Promise<State> {
    const { step } = this;
    const moments = this.#moments;
    const values = Float32Array.from(await this.#compiled.device.read(this.#copy, 'float32', this.#size));
    return { step, moments, values };
  }

  load(saved: SavedState): void {
    this.#compiled.device.write(this.#copy, saved.array('values', this.#size));
    this.step = saved.whole('step');
    this.#moments = saved.whole('moments');
  }

  dispose(): void {
    const { device } = this.#compiled;
    if (!device.closed) device.free(this.#copy);
  }
}
