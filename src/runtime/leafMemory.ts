/** Where a graph's leaves lie on a device: values of the host are uploaded once, and kept while these are reachable. */

import type { Dtype, HostArray } from '../base/dtype.ts';
import { StateError } from '../base/errors.ts';
import { formatShape, sizeOf } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import type { Storage, StorageOwner } from '../ir/storage.ts';
import type { Lifetimes } from './lifetimes.ts';
import type { Rollback } from './rollback.ts';

/** A device as far as this module needs it. */
export interface Uploading extends StorageOwner {
  allocate(size: number, dtype: Dtype, label: string): Storage;
  write(storage: Storage, values: HostArray): void;
}

export class LeafMemory {
  readonly #device: Uploading;
  readonly #lifetimes: Lifetimes;
  readonly #rollback: Rollback;
  readonly #uploaded = new WeakMap<HostArray, Storage>();

  constructor(device: Uploading, lifetimes: Lifetimes, rollback: Rollback) {
    this.#device = device;
    this.#lifetimes = lifetimes;
    this.#rollback = rollback;
  }

  /** The memory of a leaf: a variable's own, or that of uploaded values. */
  storageOf(leaf: Node): Storage {
    const { lowering } = leaf.op;
    if (lowering.kind !== 'leaf') throw new StateError(`'${leaf.op.name}' has no memory of its own. Run it in a plan.`);
    const source = lowering.storage(leaf);
    if (source.kind === 'host') return this.#uploaded.get(source.values) ?? this.#upload(leaf, source.values);
    if (source.storage.owner !== this.#device) {
      throw new StateError(
        'A tensor lives on another device. Read it with data() there and make a new tensor from the values.',
      );
    }
    return source.storage;
  }

  #upload({ shape, dtype }: Node, values: HostArray): Storage {
    const storage = this.#device.allocate(sizeOf(shape), dtype, `tensor ${dtype} ${formatShape(shape)}`);
    this.#device.write(storage, values);
    this.#uploaded.set(values, storage);
    this.#lifetimes.tie(values, storage);
    this.#rollback.note(() => {
      this.#lifetimes.untie(storage);
      this.#uploaded.delete(values);
    });
    return storage;
  }
}
