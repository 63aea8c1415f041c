/**
 * Examples on the GPU: uploaded once, in shards no larger than a binding may be, and read in any order by a gather that
 * turns bytes into floats. A step uploads nothing.
 */

import type { HostArray } from '../../base/dtype.ts';
import { OutOfMemoryError, ShapeError } from '../../base/errors.ts';
import { formatShape, sizeOf } from '../../base/shape.ts';
import { isOf, type Node } from '../../ir/op.ts';
import type { Storage } from '../../ir/storage.ts';
import type { ByTarget } from '../../network/compiled.ts';
import { batchRows } from '../../ops/batchRows.ts';
import { data, dataNode, storedNode } from '../../ops/leaf.ts';
import type { Device } from '../../runtime/device.ts';
import { realise } from '../../tensor/lazyValue.ts';
import { Tensor } from '../../tensor/tensor.ts';

/** Shards that one kernel may bind beside its other buffers. */
const MAX_SHARDS = 6;

/** The values of a tensor that the host gave and that were not computed with; else null. */
export const givenValues = ({ node }: Tensor): HostArray | null => (isOf(node, data) ? node.attributes.values : null);

/**
 * A tensor's values on the host; unlike `data()` it leaves what the host gave where it is, and computes what nobody has
 * computed yet on the device where it is needed.
 */
export async function valuesOf(device: Device, tensor: Tensor): Promise<HostArray> {
  const given = givenValues(tensor);
  if (given !== null) return given;
  await realise([tensor], [], { device });
  return tensor.data();
}

/** One tensor [count, ...] on the GPU. */
export class Rows {
  readonly count: number;
  readonly #shards: readonly Node[];
  readonly #rowsPerShard: number;
  readonly #owned: readonly Storage[];
  readonly #device: Device;

  private constructor(
    device: Device,
    count: number,
    shards: readonly Node[],
    rowsPerShard: number,
    owned: readonly Storage[],
  ) {
    this.#device = device;
    this.count = count;
    this.#shards = shards;
    this.#rowsPerShard = rowsPerShard;
    this.#owned = owned;
  }

  /** Uploads host values, or takes the memory of a tensor that was computed. */
  static async of(device: Device, tensor: Tensor, who: string): Promise<Rows> {
    const { node } = tensor;
    const [count] = node.shape;
    if (count === undefined) {
      throw new ShapeError(
        `${who}: expected examples along the first axis, got a scalar. Give a tensor [examples, ...].`,
      );
    }
    const values = givenValues(tensor);
    if (values === null) {
      await realise([tensor], [], { device });
      return new Rows(device, count, [tensor.node], count, []);
    }
    const row = sizeOf(node.shape.slice(1));
    const rowBytes = row * values.BYTES_PER_ELEMENT;
    // Shards begin at whole words, also for rows of odd bytes.
    const fitting = Math.floor(device.limits.binding / rowBytes / 4) * 4;
    const rowsPerShard = Math.min(count, fitting);
    const shards = rowsPerShard === 0 ? Number.POSITIVE_INFINITY : Math.ceil(count / rowsPerShard);
    if (shards > MAX_SHARDS) {
      const smaller = node.dtype === 'uint8' ? 'Train' : 'Use uint8 for images, or train';
      throw new OutOfMemoryError(
        `${who}: ${formatShape(node.shape)} (${node.dtype}) has ${count * rowBytes} bytes, ${MAX_SHARDS} buffers of ` +
          `'${device.info.name}' hold ${MAX_SHARDS * fitting * rowBytes}. ${smaller} on part of the examples at a time.`,
      );
    }
    const owned: Storage[] = [];
    const nodes: Node[] = [];
    for (let shard = 0; shard < shards; shard++) {
      const begin = shard * rowsPerShard;
      const end = Math.min(begin + rowsPerShard, count);
      const storage = device.allocate((end - begin) * row, node.dtype, `${who}, part ${shard + 1}`);
      owned.push(storage);
      nodes.push(storedNode(storage, [end - begin, ...node.shape.slice(1)], node.dtype));
    }
    const rows = new Rows(device, count, nodes, rowsPerShard, owned);
    rows.write(values);
    return rows;
  }

  /** Replaces the values of rows that the host gave. */
  write(values: HostArray): void {
    const row = values.length / this.count;
    this.#owned.forEach((storage, shard) => {
      const begin = shard * this.#rowsPerShard;
      const end = Math.min(begin + this.#rowsPerShard, this.count);
      const part: HostArray = values.subarray(begin * row, end * row);
      this.#device.write(storage, part);
    });
  }

  /** The rows that `order` names from the step's position on: [size, ...]. */
  batch(order: Node, size: number): Node {
    return batchRows(this.#shards, order, size, this.#rowsPerShard);
  }

  dispose(): void {
    if (this.#device.closed) return;
    for (const storage of this.#owned) this.#device.free(storage);
  }
}

/** The order in which examples are visited, on the GPU. */
export class Order {
  readonly node: Node;
  readonly #device: Device;
  readonly #storage: Storage;

  constructor(device: Device, count: number) {
    this.#device = device;
    this.#storage = device.allocate(count, 'int32', 'order of the examples');
    this.node = storedNode(this.#storage, [count], 'int32');
  }

  write(order: Int32Array): void {
    this.#device.write(this.#storage, order);
  }

  dispose(): void {
    if (!this.#device.closed) this.#device.free(this.#storage);
  }
}

/** Inputs, labels and weights of the same examples. */
export interface Examples {
  /** One an input of the network. */
  readonly x: readonly Rows[];
  /** One a target. */
  readonly y: readonly Rows[];
  /** Several targets may have the same ones. */
  readonly weights: ByTarget<Rows>;
}

export function disposeExamples({ x, y, weights }: Examples): void {
  for (const rows of [...x, ...y, ...distinct(weights)]) rows.dispose();
}

/** Each once. */
export const distinct = <T extends object>(weights: ByTarget<T>): T[] =>
  [...new Set(weights)].flatMap((one) => (one === null ? [] : [one]));

/** The same for what targets have in common. */
export function eachOnce<T extends object, U>(weights: ByTarget<T>, make: (one: T) => U): ByTarget<U> {
  const made = new Map(distinct(weights).map((one) => [one, make(one)]));
  return weights === null ? null : weights.map((one) => (one === null ? null : (made.get(one) ?? null)));
}

/** Their rows that `order` names from the step's position on, as a step takes them. */
export const batchOf = ({ x, y, weights }: Examples, { node }: Order, size: number) => ({
  x: x.map((rows) => rows.batch(node, size)),
  y: y.map((rows) => rows.batch(node, size)),
  weights: eachOnce(weights, (rows) => rows.batch(node, size)),
});

/** Uploads examples, which are equally many. */
export async function uploadExamples(
  device: Device,
  x: readonly Tensor[],
  y: readonly Tensor[],
  weights: ByTarget<Float32Array>,
): Promise<Examples> {
  const rows: Rows[] = [];
  const upload = async (tensor: Tensor, who: string): Promise<Rows> => {
    const uploaded = await Rows.of(device, tensor, who);
    rows.push(uploaded);
    return uploaded;
  };
  try {
    const [inputs, labels]: [Rows[], Rows[]] = [[], []];
    for (const one of x) inputs.push(await upload(one, 'inputs'));
    for (const one of y) labels.push(await upload(one, 'labels'));
    const weighing = new Map<Float32Array, Rows>();
    for (const one of distinct(weights))
      weighing.set(one, await upload(new Tensor(dataNode(one, [one.length])), 'example weights'));
    return { x: inputs, y: labels, weights: eachOnce(weights, (one) => weighing.get(one) ?? null) };
  } catch (error) {
    for (const one of rows) one.dispose();
    throw error;
  }
}
