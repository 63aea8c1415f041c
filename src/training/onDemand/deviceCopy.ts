/** Copies of parts of a model, side by side where the model lies. */

import { StateError } from '../../base/errors.ts';
import type { SavedState } from '../../io/state.ts';
import type { Node } from '../../ir/op.ts';
import type { Storage } from '../../ir/storage.ts';
import type { Compiled } from '../../network/compiled.ts';

export class DeviceCopy {
  readonly #compiled: Compiled;
  readonly #parts: readonly { readonly storage: Storage; readonly start: number }[];
  readonly #copy: Storage;
  readonly #size: number;

  /** Of nodes that lie on the model's device, as they are. */
  constructor(compiled: Compiled, nodes: readonly Node[]) {
    const { device } = compiled;
    this.#compiled = compiled;
    let bytes = 0;
    this.#parts = nodes.map((node) => {
      const storage = device.storageOf(node);
      const start = bytes;
      bytes += storage.bytes;
      return { storage, start };
    });
    this.#size = bytes / 4;
    this.#copy = device.allocate(Math.max(4, this.#size), 'float32', 'snapshot');
    this.take();
  }

  /** Copies all as it is now over the copy of before. */
  take(): void {
    this.#copyAll(({ storage, start }) => [storage, 0, this.#copy, start]);
  }

  /** Copies all back. */
  restore(): void {
    this.#copyAll(({ storage, start }) => [this.#copy, start, storage, 0]);
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

  /** What `load` takes. */
  async values(): Promise<Float32Array> {
    return Float32Array.from(await this.#compiled.device.read(this.#copy, 'float32', this.#size));
  }

  /** Replaces the copy by `values` that were saved. */
  load(saved: SavedState): void {
    this.#compiled.device.write(this.#copy, saved.array('values', this.#size));
  }

  dispose(): void {
    const { device } = this.#compiled;
    if (!device.closed) device.free(this.#copy);
  }
}
