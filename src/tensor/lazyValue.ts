/** A value that is computed when it is asked for: a node of the graph, and its result once there is one. */

import { isNode } from '#platform';
import type { Dtype, HostArray } from '../base/dtype.ts';
import { ArgumentError, ShapeError, StateError } from '../base/errors.ts';
import { INSPECT } from '../base/inspect.ts';
import { formatShape, type Shape, sizeOf } from '../base/shape.ts';
import { isOf, type Node } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import { data, full, storedNode } from '../ops/leaf.ts';
import { copyOf } from '../ops/views.ts';
import type { Device } from '../runtime/device.ts';
import { type RunOptions, runOnce } from '../runtime/run.ts';

/** Numbers nested as deep as the tensor's rank. */
export type NestedArray = number | readonly NestedArray[];

/** Values that were made together and are computed together. */
interface Family {
  readonly members: readonly LazyValue[];
}

/** What every tensor is, whatever can be done with it. */
export class LazyValue {
  #node: Node;
  #kept: { device: Device; storage: Storage } | null = null;
  #family: Family | null = null;
  #disposed = false;

  /** Use `tensor`, `zeros` and the like. */
  constructor(node: Node) {
    const given: unknown = node;
    if (given instanceof LazyValue) {
      throw new ArgumentError('new Tensor: expected a node, got a tensor. Write x, not new Tensor(x).');
    }
    this.#node = node;
  }

  /** The graph behind the tensor; for parts of your own. */
  get node(): Node {
    return this.#node;
  }

  /** Extents, the first one outermost; [] for a scalar. */
  get shape(): Shape {
    return Object.freeze(this.node.shape);
  }

  /** Type of the elements. */
  get dtype(): Dtype {
    return this.node.dtype;
  }

  /** Number of dimensions. */
  get rank(): number {
    return this.shape.length;
  }

  /** Number of elements. */
  get size(): number {
    return sizeOf(this.shape);
  }

  /** Dtype and shape; values need `await data()`. */
  toString(): string {
    return this.#text('; await data() to see its values');
  }

  /** What Node's `console.log` shows: the first values, too, where the host has them. @internal */
  [INSPECT](): string {
    const values = isNode ? knownValues(this.firstNode) : null;
    return values === null ? this.toString() : this.#text(values);
  }

  #text(values: string): string {
    return `${this.constructor.name}(${this.dtype} ${formatShape(this.shape)}${values})`;
  }

  /** What the values are made from, where that tells them. @internal */
  protected get firstNode(): Node | null {
    return this.#node;
  }

  /**
   * The values in row-major order: a Float32Array, or an Int32Array for int32.
   * @throws DeviceError when the device was lost or refused the work
   */
  async data(): Promise<HostArray> {
    if (!this.#disposed) await realise([this]);
    const kept = this.#kept;
    if (kept === null) throw new StateError('This tensor was disposed of. Read it before dispose(), or build it anew.');
    return kept.device.read(kept.storage, this.dtype, this.size);
  }

  /** The values as nested arrays; a number for a scalar. */
  async array(): Promise<NestedArray> {
    const values = await this.data();
    const nest = (offset: number, shape: Shape): NestedArray => {
      if (shape.length === 0) return values[offset];
      const rest = shape.slice(1);
      const stride = sizeOf(rest);
      return Array.from({ length: shape[0] }, (_, i) => nest(offset + i * stride, rest));
    };
    return nest(0, this.shape);
  }

  /** The single value of a tensor of size 1. */
  async item(): Promise<number> {
    if (this.size !== 1) {
      throw new ShapeError(
        `item: expected a tensor of one element, got ${formatShape(this.shape)}. Use data() or array().`,
      );
    }
    return (await this.data())[0];
  }

  /** Frees the value's memory at once, if it was computed. */
  dispose(): void {
    if (this.#kept === null) return;
    this.#kept.device.free(this.#kept.storage);
    this.#kept = null;
    this.#disposed = true;
  }

  /** Whether the value is in memory. @internal */
  get realised(): boolean {
    return this.#kept !== null;
  }

  /** Makes the tensor hold a computed value. @internal */
  keep(device: Device, storage: Storage): void {
    this.#node = storedNode(storage, this.shape, this.dtype);
    this.#kept = { device, storage };
    // Graphs built from this tensor may outlive it: the memory goes when nothing refers to it any more.
    device.releaseWith(storage, storage);
    this.#family = null;
  }

  /** Tensors that are computed when this one is. @internal */
  get relatives(): readonly LazyValue[] {
    return this.#family?.members ?? [];
  }

  /** Computes `members` whenever one of them is. @internal */
  static join(members: readonly LazyValue[]): void {
    const family = { members };
    for (const member of members) member.#family = family;
  }
}

/** `: 1, 2, 3, …`, without a wait or a read; null where the host does not have the values. */
function knownValues(node: Node | null): string | null {
  if (node === null) return null;
  if (isOf(node, full)) return `: all ${node.attributes.value}`;
  if (!isOf(node, data)) return null;
  const { values } = node.attributes;
  const first = Array.from(values.subarray(0, MOST_SHOWN), (value) =>
    node.dtype === 'int32' ? value : Number(value.toPrecision(6)),
  );
  return `: ${first.join(', ')}${values.length > MOST_SHOWN ? ', …' : ''}`;
}

/** Values in a tensor's text. */
const MOST_SHOWN = 12;

/** Computes tensors together and keeps their values. */
export async function realise(
  tensors: readonly LazyValue[],
  effects: readonly Node[] = [],
  options: RunOptions = {},
): Promise<void> {
  const asked = tensors.flatMap((one) => [one, ...one.relatives]);
  const waiting = [...new Set(asked)].filter((one) => !one.realised);
  if (waiting.length === 0 && effects.length === 0) return;
  // Reshapes share their input's memory, leaves their owner's, and two tensors may be one node: what is kept must be a copy.
  const owned = new Set<Node>();
  const values = waiting.map(({ node }) => {
    const { kind } = node.op.lowering;
    const mine = kind === 'alias' || kind === 'leaf' || owned.has(node) ? copyOf(node) : node;
    owned.add(mine);
    return mine;
  });
  const { device, storages } = await runOnce(values, effects, options);
  waiting.forEach((one, at) => {
    one.keep(device, storages[at]);
  });
}
