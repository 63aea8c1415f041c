/** Tensors as users see them: lazy values with the operations as methods, and variables that optimizers write to. */

import { DtypeError, ShapeError, StateError } from './errors.ts';
import type { Device } from './gpu/device.ts';
import type { Dtype, HostArray, Node } from './graph/node.ts';
import type { Storage } from './graph/storage.ts';
import { type Conv2dOptions, conv2d } from './ops/conv2d.ts';
import * as e from './ops/elementwise.ts';
import { gather, oneHot } from './ops/gather.ts';
import { dataNode, fullNode, storedNode } from './ops/leaf.ts';
import { dense, matmul } from './ops/matmul.ts';
import { avgPool2d, maxPool2d, type Pool2dOptions } from './ops/pool2d.ts';
import * as r from './ops/reduce.ts';
import { reshape } from './ops/reshape.ts';
import { type CrossEntropyOptions, logSoftmax, softmax, softmaxCrossEntropyPerExample } from './ops/softmax.ts';
import { assign } from './ops/update.ts';
import { type VariableCell, variableNode } from './ops/variable.ts';
import { pad, slice, transpose } from './ops/views.ts';
import { runOnce } from './run.ts';
import { checkShape, formatShape, type Shape, sizeOf } from './shape.ts';

/** Numbers nested as deep as the tensor's rank. */
export type NestedArray = number | readonly NestedArray[];

/** Whatever stands for a tensor in a call. */
export type TensorLike = Tensor | NestedArray | HostArray;

type Axes = number | readonly number[];

/** Tensors that were made together and are computed together. */
interface Family {
  readonly members: readonly Tensor[];
}

/**
 * A lazy tensor: a shape, a dtype and how to compute the values. Nothing runs until `data()` is awaited or an optimizer
 * applies it; then the value is kept. Memory is freed when the tensor is collected, or at once by `dispose()`.
 */
export class Tensor {
  #node: Node;
  #kept: { device: Device; storage: Storage } | null = null;
  #family: Family | null = null;
  #disposed = false;

  /** Use `tensor`, `zeros` and the like. */
  constructor(node: Node) {
    this.#node = node;
  }

  /** The graph behind the tensor. */
  get node(): Node {
    return this.#node;
  }

  get shape(): Shape {
    return this.node.shape;
  }

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

  toString(): string {
    return `Tensor(${this.dtype} ${formatShape(this.shape)}; await data() to see its values)`;
  }

  /**
   * The values in row-major order: a Float32Array, or an Int32Array for int32.
   * @throws DeviceError when the device was lost or refused the work
   */
  async data(): Promise<HostArray> {
    if (!this.#disposed) await realise([this, ...(this.#family?.members ?? [])]);
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

  /** Internal: whether the value is in memory. */
  get realised(): boolean {
    return this.#kept !== null;
  }

  /** Internal: makes the tensor hold a computed value. */
  keep(device: Device, storage: Storage): void {
    this.#node = storedNode(storage, this.shape, this.dtype);
    this.#kept = { device, storage };
    // Graphs built from this tensor may outlive it: the memory goes when nothing refers to it any more.
    device.releaseWith(storage, storage);
    this.#family = null;
  }

  /** Internal: tensors that are computed when this one is. */
  get relatives(): readonly Tensor[] {
    return this.#family?.members ?? [];
  }

  /** Internal: computes `members` whenever one of them is. */
  static join(members: readonly Tensor[]): void {
    const family = { members };
    for (const member of members) member.#family = family;
  }

  // Arithmetic; the other operand broadcasts as in NumPy.

  add(y: TensorLike): Tensor {
    return new Tensor(e.add(this.node, nodeOf(y)));
  }
  sub(y: TensorLike): Tensor {
    return new Tensor(e.sub(this.node, nodeOf(y)));
  }
  mul(y: TensorLike): Tensor {
    return new Tensor(e.mul(this.node, nodeOf(y)));
  }
  div(y: TensorLike): Tensor {
    return new Tensor(e.div(this.node, nodeOf(y)));
  }
  neg(): Tensor {
    return new Tensor(e.neg(this.node));
  }
  /** NaN for a negative base with a fractional exponent. */
  pow(y: TensorLike): Tensor {
    return new Tensor(e.pow(this.node, nodeOf(y)));
  }
  square(): Tensor {
    return new Tensor(e.square(this.node));
  }
  sqrt(): Tensor {
    return new Tensor(e.sqrt(this.node));
  }
  exp(): Tensor {
    return new Tensor(e.exp(this.node));
  }
  /** Natural logarithm. */
  log(): Tensor {
    return new Tensor(e.log(this.node));
  }
  abs(): Tensor {
    return new Tensor(e.abs(this.node));
  }
  /** -1, 0 or 1. */
  sign(): Tensor {
    return new Tensor(e.sign(this.node));
  }
  maximum(y: TensorLike): Tensor {
    return new Tensor(e.maximum(this.node, nodeOf(y)));
  }
  minimum(y: TensorLike): Tensor {
    return new Tensor(e.minimum(this.node, nodeOf(y)));
  }
  /** min(max(x, low), high). */
  clip(low: number, high: number): Tensor {
    return new Tensor(e.clip(this.node, low, high));
  }
  /** `a` where this tensor is not 0, else `b`. */
  where(a: TensorLike, b: TensorLike): Tensor {
    return new Tensor(e.where(this.node, nodeOf(a), nodeOf(b)));
  }
  /** 1 where equal, else 0; NaN equals nothing. */
  equal(y: TensorLike): Tensor {
    return new Tensor(e.equal(this.node, nodeOf(y)));
  }
  greater(y: TensorLike): Tensor {
    return new Tensor(e.greater(this.node, nodeOf(y)));
  }
  less(y: TensorLike): Tensor {
    return new Tensor(e.less(this.node, nodeOf(y)));
  }

  // Activations

  /** max(x, 0); a NaN passes. */
  relu(): Tensor {
    return new Tensor(e.relu(this.node));
  }
  /** x, or slope x below 0; Keras' default slope is 0.2. */
  leakyRelu(slope = 0.2): Tensor {
    return new Tensor(e.leakyRelu(this.node, slope));
  }
  /** x, or alpha (e^x - 1) below 0. */
  elu(alpha = 1): Tensor {
    return new Tensor(e.elu(this.node, alpha));
  }
  /** x Φ(x), the exact form. */
  gelu(): Tensor {
    return new Tensor(e.gelu(this.node));
  }
  sigmoid(): Tensor {
    return new Tensor(e.sigmoid(this.node));
  }
  tanh(): Tensor {
    return new Tensor(e.tanh(this.node));
  }
  softplus(): Tensor {
    return new Tensor(e.softplus(this.node));
  }
  /** x sigmoid(x). */
  silu(): Tensor {
    return new Tensor(e.silu(this.node));
  }
  /** Along the last axis. */
  softmax(): Tensor {
    return new Tensor(softmax(this.node));
  }
  /** Along the last axis. */
  logSoftmax(): Tensor {
    return new Tensor(logSoftmax(this.node));
  }

  // Reductions; without axes over all of them.

  sum(axes?: Axes, keepDims = false): Tensor {
    return new Tensor(r.sum(this.node, axes, keepDims));
  }
  mean(axes?: Axes, keepDims = false): Tensor {
    return new Tensor(r.mean(this.node, axes, keepDims));
  }
  max(axes?: Axes, keepDims = false): Tensor {
    return new Tensor(r.max(this.node, axes, keepDims));
  }
  min(axes?: Axes, keepDims = false): Tensor {
    return new Tensor(r.min(this.node, axes, keepDims));
  }
  /** Index (int32) of the first largest element along an axis. */
  argMax(axis = -1): Tensor {
    return new Tensor(r.argMax(this.node, axis));
  }

  // Shape

  /** One extent may be -1. */
  reshape(shape: Shape): Tensor {
    return new Tensor(reshape(this.node, shape));
  }
  /** Reverses the axes, or permutes them. */
  transpose(permutation?: readonly number[]): Tensor {
    return new Tensor(transpose(this.node, permutation));
  }
  /** A box of `size` from `begin` on; -1 as a size takes the rest. */
  slice(begin: readonly number[], size: readonly number[]): Tensor {
    return new Tensor(slice(this.node, begin, size));
  }
  /** [before, after] for every axis. */
  pad(padding: readonly (readonly [number, number])[], value = 0): Tensor {
    return new Tensor(pad(this.node, padding, value));
  }
  broadcastTo(shape: Shape): Tensor {
    return new Tensor(r.broadcastTo(this.node, shape));
  }
  /** Rows along `axis`, in the order of int32 ids. */
  gather(ids: TensorLike, axis = 0): Tensor {
    return new Tensor(gather(this.node, idsOf(ids), axis));
  }
  /** Rows of zeros with a one at the id. */
  oneHot(classes: number): Tensor {
    return new Tensor(oneHot(idsOf(this), classes));
  }
  /** To int32 (rounding toward zero) or float32. */
  cast(dtype: 'float32' | 'int32'): Tensor {
    if (dtype === this.dtype) return this;
    return new Tensor(dtype === 'int32' ? e.toInt32(this.node) : e.copy(this.node));
  }

  // Products

  /** [..., m, k] by [..., k, n]; leading dimensions broadcast. */
  matmul(y: TensorLike): Tensor {
    return new Tensor(matmul(this.node, nodeOf(y)));
  }
  /** [..., in] by a kernel [in, out], plus a bias [out]. */
  dense(kernel: TensorLike, bias?: TensorLike): Tensor {
    return new Tensor(dense(this.node, nodeOf(kernel), bias === undefined ? undefined : nodeOf(bias)));
  }
  /** Images [batch, height, width, in] by a kernel [height, width, in, out]. */
  conv2d(kernel: TensorLike, { bias, ...options }: ConvOptions = {}): Tensor {
    const node = bias === undefined ? undefined : nodeOf(bias);
    return new Tensor(conv2d(this.node, nodeOf(kernel), { ...options, bias: node }));
  }
  maxPool2d(options: Pool2dOptions): Tensor {
    return new Tensor(maxPool2d(this.node, options));
  }
  /** `same` padding divides by the pixels that are there. */
  avgPool2d(options: Pool2dOptions): Tensor {
    return new Tensor(avgPool2d(this.node, options));
  }
  /** Mean over the batch of the cross-entropy of softmax(this) with class ids [batch] or rows [batch, classes]. */
  softmaxCrossEntropy(labels: TensorLike, options: CrossEntropyOptions = {}): Tensor {
    return new Tensor(r.mean(softmaxCrossEntropyPerExample(this.node, nodeOf(labels), options)));
  }
}

export interface ConvOptions extends Omit<Conv2dOptions, 'bias'> {
  /** [filters] */
  readonly bias?: TensorLike;
}

/** A tensor with memory of its own that can be assigned to; float32. */
export class Variable extends Tensor {
  readonly cell: VariableCell;
  #current: { version: number; node: Node };

  /** Use `variable`. */
  constructor(initial: Node) {
    super(initial);
    this.cell = { storage: null, initial, version: 0 };
    this.#current = { version: 0, node: variableNode(this.cell, initial.shape) };
  }

  override get node(): Node {
    if (this.#current.version !== this.cell.version) {
      this.#current = { version: this.cell.version, node: variableNode(this.cell, this.#current.node.shape) };
    }
    return this.#current.node;
  }

  override get realised(): boolean {
    return true;
  }

  override async data(): Promise<HostArray> {
    const { device, storages } = await runOnce([e.copy(this.node)]);
    const values = await device.read(storages[0], 'float32', this.size);
    device.free(storages[0]);
    return values;
  }

  /** Replaces the value. Tensors built from the old one and not yet read can then no longer be read. */
  async assign(value: TensorLike): Promise<void> {
    await runOnce([], [assign(this.node, nodeOf(value))]);
    this.cell.version++;
  }

  override dispose(): void {
    const { storage } = this.cell;
    if (storage === null) return;
    this.cell.storage = null;
    storage.owner.free(storage);
  }
}

/** Computes tensors together and keeps their values. */
export async function realise(
  tensors: readonly Tensor[],
  effects: readonly Node[] = [],
  step?: RunStep,
): Promise<void> {
  const waiting = [...new Set(tensors)].filter((one) => !one.realised);
  if (waiting.length === 0 && effects.length === 0) return;
  // Reshapes share their input's memory, leaves their owner's, and two tensors may be one node: what is kept must be a copy.
  const owned = new Set<Node>();
  const values = waiting.map(({ node }) => {
    const { kind } = node.op.lowering;
    const mine = kind === 'alias' || kind === 'leaf' || owned.has(node) ? copyOf(node) : node;
    owned.add(mine);
    return mine;
  });
  const { device, storages } = await runOnce(values, effects, { step });
  waiting.forEach((one, at) => {
    one.keep(device, storages[at]);
  });
}

type RunStep = Parameters<typeof runOnce>[2] extends { step?: infer S } | undefined ? S : never;

/** The same values in memory of their own. */
function copyOf(node: Node): Node {
  if (node.dtype === 'float32') return e.copy(node);
  return slice(
    node,
    node.shape.map(() => 0),
    node.shape,
  );
}

export interface TensorOptions {
  /** Default: that of a typed array, else float32. */
  readonly dtype?: Dtype;
}

function shapeOfNested(value: NestedArray): number[] {
  const shape: number[] = [];
  let level: NestedArray = value;
  while (typeof level !== 'number') {
    shape.push(level.length);
    level = level[0] ?? 0;
  }
  return shape;
}

function flatten(value: NestedArray, shape: Shape, into: number[], depth = 0): void {
  if (typeof value === 'number') {
    if (depth !== shape.length)
      throw new ShapeError('tensor: nested arrays differ in depth. Give numbers at one depth only.');
    into.push(value);
    return;
  }
  if (depth >= shape.length || value.length !== shape[depth]) {
    throw new ShapeError(
      `tensor: nested arrays differ in length: expected ${shape[depth] ?? 'a number'} at depth ${depth}, got ${value.length}. Make all rows equally long.`,
    );
  }
  for (const inner of value) flatten(inner, shape, into, depth + 1);
}

/**
 * A tensor of the given values, copied. `data` is a number, nested arrays, or a typed array with a shape.
 * @throws ShapeError when the values do not fill the shape
 */
export function tensor(data: NestedArray | HostArray, shape?: Shape, { dtype }: TensorOptions = {}): Tensor {
  const typed = data instanceof Float32Array || data instanceof Int32Array || data instanceof Uint8Array;
  let values: readonly number[] | HostArray;
  let extents: Shape;
  if (typed) {
    values = data;
    extents = shape ?? [data.length];
  } else {
    const nested = shapeOfNested(data);
    const flat: number[] = [];
    flatten(data, nested, flat);
    values = flat;
    extents = shape ?? nested;
  }
  checkShape(extents, 'tensor');
  if (sizeOf(extents) !== values.length) {
    throw new ShapeError(
      `tensor: shape ${formatShape(extents)} holds ${sizeOf(extents)} elements, got ${values.length} values. Make the two agree.`,
    );
  }
  const kind = dtype ?? (data instanceof Int32Array ? 'int32' : data instanceof Uint8Array ? 'uint8' : 'float32');
  return new Tensor(dataNode(convert(values, kind), extents));
}

function convert(values: readonly number[] | HostArray, dtype: Dtype): HostArray {
  if (dtype === 'float32') return Float32Array.from(values);
  const [low, high] = dtype === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 255];
  for (const value of values) {
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new DtypeError(
        `tensor: ${value} is no ${dtype} (a whole number from ${low} to ${high}). Use dtype 'float32'.`,
      );
    }
  }
  return dtype === 'int32' ? Int32Array.from(values) : Uint8Array.from(values);
}

/** The tensor that `value` is or stands for. */
export const asTensor = (value: TensorLike): Tensor => (value instanceof Tensor ? value : new Tensor(nodeOf(value)));

/** The node of whatever stands for a tensor. */
export function nodeOf(value: TensorLike): Node {
  if (value instanceof Tensor) return value.node;
  if (typeof value === 'number') return fullNode(value);
  return tensor(value).node;
}

/** The same for ids: plain numbers become int32. */
function idsOf(value: TensorLike): Node {
  if (value instanceof Tensor) {
    if (value.dtype === 'int32') return value.node;
    if (value.dtype === 'uint8') return e.toInt32(value.node);
    throw new DtypeError(`Expected int32 ids, got ${value.dtype}. Convert them with cast('int32').`);
  }
  if (value instanceof Float32Array) throw new DtypeError('Expected int32 ids, got a Float32Array. Use an Int32Array.');
  return tensor(value, undefined, { dtype: 'int32' }).node;
}
