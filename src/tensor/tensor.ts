/** Tensors as users see them: lazy values with the operations as methods, and variables that optimizers write to. */

import { counted, describe, ordinal } from '../base/describe.ts';
import type { Dtype, HostArray } from '../base/dtype.ts';
import { ArgumentError, DtypeError, ShapeError, StateError } from '../base/errors.ts';
import { INSPECT } from '../base/inspect.ts';
import { checkNoMore, checkOptions, flagOf } from '../base/optionNames.ts';
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from '../base/shape.ts';
import { isOf, type Node } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import { type Conv2dOptions, conv2d } from '../ops/conv2d.ts';
import * as e from '../ops/elementwise.ts';
import { type GatherAttributes, gather, oneHot } from '../ops/gather.ts';
import { data, dataNode, full, fullNode, storedNode } from '../ops/leaf.ts';
import { dense, matmul } from '../ops/matmul.ts';
import { avgPool2d, maxPool2d, type Pool2dOptions } from '../ops/pool2d.ts';
import * as r from '../ops/reduce.ts';
import { reshape } from '../ops/reshape.ts';
import { type CrossEntropyOptions, logSoftmax, softmax, softmaxCrossEntropyPerExample } from '../ops/softmax.ts';
import { assign } from '../ops/update.ts';
import { newCell, type VariableCell, variableInTurn, variableNode } from '../ops/variable.ts';
import { copyOf, pad, slice, transpose } from '../ops/views.ts';
import type { Device } from '../runtime/device.ts';
import { type RunOptions, readVariable, runOnce } from '../runtime/run.ts';

/** Numbers nested as deep as the tensor's rank. */
export type NestedArray = number | readonly NestedArray[];

/** Numbers nested as deep as the tensor's rank, where the rows may be typed arrays. */
export type NestedRows = NestedArray | readonly (NumberArray | NestedRows)[];

/** Arrays of numbers with a type of their own. */
export type NumberArray =
  | HostArray
  | Float64Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint32Array
  | Uint8ClampedArray;

/** Whatever stands for a tensor in a call. */
export type TensorLike = Tensor | NestedRows | HostArray;

/** One axis or several, counted from 0, or from the last by negative numbers. */
export type Axes = number | readonly number[];

/** Tensors that were made together and are computed together. */
interface Family {
  readonly members: readonly Tensor[];
}

/**
 * A lazy tensor: a shape, a dtype and how to compute the values. Nothing runs until `data()` is awaited or an optimizer
 * applies it; then the value is kept. Memory is freed when the tensor is collected, or at once by `dispose()`.
 */
export class Tensor {
  /** @internal */
  static readonly name: string = 'Tensor';
  #node: Node;
  #kept: { device: Device; storage: Storage } | null = null;
  #family: Family | null = null;
  #disposed = false;

  /** Use `tensor`, `zeros` and the like. */
  constructor(node: Node) {
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
    const values = knownValues(this.firstNode);
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
  get relatives(): readonly Tensor[] {
    return this.#family?.members ?? [];
  }

  /** Computes `members` whenever one of them is. @internal */
  static join(members: readonly Tensor[]): void {
    const family = { members };
    for (const member of members) member.#family = family;
  }

  // Arithmetic; the other operand broadcasts as in NumPy.

  /** this + y. */
  add(y: TensorLike): Tensor {
    return new Tensor(e.add(this.node, nodeOf(y, 'add')));
  }
  /** this - y. */
  sub(y: TensorLike): Tensor {
    return new Tensor(e.sub(this.node, nodeOf(y, 'sub')));
  }
  /** Elementwise product. */
  mul(y: TensorLike): Tensor {
    return new Tensor(e.mul(this.node, nodeOf(y, 'mul')));
  }
  /** this / y. */
  div(y: TensorLike): Tensor {
    return new Tensor(e.div(this.node, nodeOf(y, 'div')));
  }
  /** -this. */
  neg(): Tensor {
    return new Tensor(e.neg(this.node));
  }
  /**
   * this^y as IEEE 754 defines it: NaN for a negative base with a fractional exponent; this^0 and 1^y are 1. The number 0.5 as
   * an exponent is `sqrt`.
   */
  pow(y: TensorLike): Tensor {
    return new Tensor(e.pow(this.node, nodeOf(y, 'pow')));
  }
  /** this². */
  square(): Tensor {
    return new Tensor(e.square(this.node));
  }
  /** Square root; NaN below 0. */
  sqrt(): Tensor {
    return new Tensor(e.sqrt(this.node));
  }
  /** e^this. */
  exp(): Tensor {
    return new Tensor(e.exp(this.node));
  }
  /** Natural logarithm: -infinity at 0, NaN below. */
  log(): Tensor {
    return new Tensor(e.log(this.node));
  }
  /** Absolute value; its gradient at 0 is 0. */
  abs(): Tensor {
    return new Tensor(e.abs(this.node));
  }
  /** -1, 0 or 1. */
  sign(): Tensor {
    return new Tensor(e.sign(this.node));
  }
  /** The larger of both; NaN if one of them is. */
  maximum(y: TensorLike): Tensor {
    return new Tensor(e.maximum(this.node, nodeOf(y, 'maximum')));
  }
  /** The smaller of both; NaN if one of them is. */
  minimum(y: TensorLike): Tensor {
    return new Tensor(e.minimum(this.node, nodeOf(y, 'minimum')));
  }
  /** min(max(this, low), high); NaN stays NaN. */
  clip(low: number, high: number): Tensor {
    return new Tensor(e.clip(this.node, numberOf(low, 'clip', 'low'), numberOf(high, 'clip', 'high')));
  }
  /** `a` where this tensor is not 0, else `b`. */
  where(a: TensorLike, b: TensorLike): Tensor {
    return new Tensor(e.where(this.node, nodeOf(a, 'where'), nodeOf(b, 'where')));
  }
  /** 1 where equal, else 0; NaN equals nothing. */
  equal(y: TensorLike): Tensor {
    return new Tensor(e.equal(this.node, nodeOf(y, 'equal')));
  }
  /** 1 where this > y, else 0. */
  greater(y: TensorLike): Tensor {
    return new Tensor(e.greater(this.node, nodeOf(y, 'greater')));
  }
  /** 1 where this < y, else 0. */
  less(y: TensorLike): Tensor {
    return new Tensor(e.less(this.node, nodeOf(y, 'less')));
  }

  // Activations

  /** max(x, 0); a NaN passes. */
  relu(): Tensor {
    return new Tensor(e.relu(this.node));
  }
  /** x, or slope x below 0; Keras' default slope is 0.2. */
  leakyRelu(slope = 0.2): Tensor {
    return new Tensor(e.leakyRelu(this.node, numberOf(slope, 'leakyRelu', 'slope')));
  }
  /** x, or alpha (e^x - 1) below 0. */
  elu(alpha = 1): Tensor {
    return new Tensor(e.elu(this.node, numberOf(alpha, 'elu', 'alpha')));
  }
  /** x Φ(x), the exact form. */
  gelu(): Tensor;
  gelu(...extra: readonly unknown[]): Tensor {
    checkNoMore('gelu', extra);
    return new Tensor(e.gelu(this.node));
  }
  /** 1 / (1 + e^-x). */
  sigmoid(): Tensor {
    return new Tensor(e.sigmoid(this.node));
  }
  /** Hyperbolic tangent. */
  tanh(): Tensor {
    return new Tensor(e.tanh(this.node));
  }
  /** ln(1 + e^x), which does not overflow. */
  softplus(): Tensor {
    return new Tensor(e.softplus(this.node));
  }
  /** x sigmoid(x). */
  silu(): Tensor {
    return new Tensor(e.silu(this.node));
  }
  /** Along the last axis. */
  softmax(): Tensor;
  softmax(...extra: readonly unknown[]): Tensor {
    checkNoMore('softmax', extra);
    return new Tensor(softmax(this.node));
  }
  /** Along the last axis. */
  logSoftmax(): Tensor;
  logSoftmax(...extra: readonly unknown[]): Tensor {
    checkNoMore('logSoftmax', extra);
    return new Tensor(logSoftmax(this.node));
  }

  // Reductions; without axes over all of them.

  /** Sum over the axes. */
  sum(axes?: Axes, keepDims = false): Tensor {
    return new Tensor(r.sum(this.node, axes, flagOf(keepDims, 'sum', 'keepDims')));
  }
  /** Mean over the axes. */
  mean(axes?: Axes, keepDims = false): Tensor {
    return new Tensor(r.mean(this.node, axes, flagOf(keepDims, 'mean', 'keepDims')));
  }
  /** Largest element over the axes; NaN if there is one. Ties share the gradient. */
  max(axes?: Axes, keepDims = false): Tensor {
    return new Tensor(r.max(this.node, axes, flagOf(keepDims, 'max', 'keepDims')));
  }
  /** Smallest element over the axes; NaN if there is one. Ties share the gradient. */
  min(axes?: Axes, keepDims = false): Tensor {
    return new Tensor(r.min(this.node, axes, flagOf(keepDims, 'min', 'keepDims')));
  }
  /** Index (int32) of the first largest element along an axis. */
  argMax(axis?: number): Tensor;
  argMax(axis = -1, ...extra: readonly unknown[]): Tensor {
    checkNoMore('argMax', extra);
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
    return new Tensor(pad(this.node, padding, numberOf(value, 'pad', 'value')));
  }
  /** Repeats along axes of extent 1 and along new leading ones. */
  broadcastTo(shape: Shape): Tensor {
    checkShape(shape, 'broadcastTo');
    return new Tensor(r.broadcastTo(this.node, shape));
  }
  /** Rows along `axis`, in the order of int32 ids. */
  gather(ids: TensorLike, axis = 0): Tensor {
    const node = gather(this.node, idsOf(ids, 'gather'), axis);
    checkIds(node);
    return new Tensor(node);
  }
  /** Rows of zeros with a one at the id. */
  oneHot(classes: number): Tensor;
  oneHot(classes: number, ...extra: readonly unknown[]): Tensor {
    checkNoMore('oneHot', extra);
    return new Tensor(oneHot(idsOf(this, 'oneHot'), classes));
  }
  /** To int32 (rounding toward zero) or float32. */
  cast(dtype: 'float32' | 'int32'): Tensor {
    if (dtype !== 'float32' && dtype !== 'int32') {
      throw new DtypeError(`cast: expected 'float32' or 'int32', got ${describe(dtype)}. Name one of the two.`);
    }
    if (dtype === this.dtype) return this;
    return new Tensor(dtype === 'int32' ? e.toInt32(this.node) : e.copy(this.node));
  }

  // Products

  /** [..., m, k] by [..., k, n]; leading dimensions broadcast. */
  matmul(y: TensorLike): Tensor;
  matmul(y: TensorLike, ...extra: readonly unknown[]): Tensor {
    checkNoMore('matmul', extra);
    return new Tensor(matmul(this.node, nodeOf(y, 'matmul')));
  }
  /** [..., in] by a kernel [in, out], plus a bias [out]. */
  dense(kernel: TensorLike, bias?: TensorLike): Tensor;
  dense(kernel: TensorLike, bias?: TensorLike, ...extra: readonly unknown[]): Tensor {
    checkNoMore('dense', extra);
    return new Tensor(
      dense(this.node, nodeOf(kernel, 'dense'), bias === undefined ? undefined : nodeOf(bias, 'dense')),
    );
  }
  /** Images [batch, height, width, in] by a kernel [height, width, in, out]. */
  conv2d(kernel: TensorLike, given: ConvOptions = {}): Tensor {
    checkOptions('conv2d', given, { bias: true, stride: true, padding: true });
    const { bias, ...options } = given;
    const node = bias === undefined ? undefined : nodeOf(bias, 'conv2d');
    return new Tensor(conv2d(this.node, nodeOf(kernel, 'conv2d'), { ...options, bias: node }));
  }
  /** Largest value of each window of images [batch, height, width, channels]. */
  maxPool2d(options: Pool2dOptions): Tensor {
    checkOptions('maxPool2d', options, POOL_OPTIONS, 'size: 2');
    return new Tensor(maxPool2d(this.node, options));
  }
  /** Mean of each window of images; `same` padding divides by the pixels that are there. */
  avgPool2d(options: Pool2dOptions): Tensor {
    checkOptions('avgPool2d', options, POOL_OPTIONS, 'size: 2');
    return new Tensor(avgPool2d(this.node, options));
  }
  /** Mean over the batch of the cross-entropy of softmax(this) with class ids [batch] or rows [batch, classes]. */
  softmaxCrossEntropy(labels: TensorLike, options: CrossEntropyOptions = {}): Tensor {
    checkOptions('softmaxCrossEntropy', options, { labelSmoothing: true, clip: true });
    return new Tensor(r.mean(softmaxCrossEntropyPerExample(this.node, nodeOf(labels, 'softmaxCrossEntropy'), options)));
  }
}

/** `: 1, 2, 3, …`, without a wait or a read; null where the host does not have the values. */
function knownValues(node: Node | null): string | null {
  if (node === null) return null;
  if (isOf(node, full)) return `: all ${node.attributes.value}`;
  if (!isOf(node, data)) return null;
  const { values } = node.attributes;
  const first = Array.from(values.subarray(0, MOST_SHOWN), (value) => Number(value.toPrecision(6)));
  return `: ${first.join(', ')}${values.length > MOST_SHOWN ? ', …' : ''}`;
}

/** Values in a tensor's text. */
const MOST_SHOWN = 12;

const POOL_OPTIONS = { size: true, stride: true, padding: true } as const;

/** Options of a convolution. */
export interface ConvOptions extends Omit<Conv2dOptions, 'bias'> {
  /** [filters] */
  readonly bias?: TensorLike;
}

/** A tensor with memory of its own that can be assigned to; float32. */
export class Variable extends Tensor {
  /** @internal */
  static override readonly name: string = 'Variable';
  /** Where the value lies. @internal */
  readonly cell: VariableCell;
  #current: { version: number; node: Node };

  /** Use `variable`. */
  constructor(initial: Node) {
    if (initial.dtype !== 'float32') {
      throw new DtypeError(
        `variable: expected float32, which optimizers compute with, got ${initial.dtype}. Convert the value with cast('float32').`,
      );
    }
    super(initial);
    this.cell = newCell(initial);
    this.#current = { version: 0, node: variableNode(this.cell, initial.shape) };
  }

  override get node(): Node {
    if (this.#current.version !== this.cell.version) {
      this.#current = { version: this.cell.version, node: variableNode(this.cell, this.#current.node.shape) };
    }
    return this.#current.node;
  }

  /** @internal */
  protected override get firstNode(): Node | null {
    return this.cell.version === 0 ? this.cell.initial : null;
  }

  /** @internal */
  override get realised(): boolean {
    return true;
  }

  override async data(): Promise<HostArray> {
    return readVariable(this.cell, this.shape);
  }

  /** A tensor: unlike the variable it keeps the present value, or can no longer be read after an update. */
  override cast(dtype: 'float32' | 'int32'): Tensor {
    return dtype === this.dtype ? new Tensor(this.node) : super.cast(dtype);
  }

  /**
   * Replaces the value. Tensors built from the old one and not yet read can then no longer be read; variables made of it
   * have it. Assignments take place in the order of the calls.
   */
  async assign(value: TensorLike): Promise<void> {
    const node = nodeOf(value, 'assign');
    if (!sameShape(node.shape, this.shape)) {
      throw new ShapeError(
        `assign: a variable ${formatShape(this.shape)} cannot hold ${formatShape(node.shape)}. Give a value of its shape.`,
      );
    }
    const effect = assign(variableInTurn(this.cell, this.shape), node);
    await runOnce([], [effect], {
      submitted: () => {
        this.cell.version++;
      },
    });
  }

  /** Frees the memory at once; the variable cannot be used any more. */
  override dispose(): void {
    const { storage } = this.cell;
    this.cell.initial = null;
    this.cell.storage = null;
    storage?.owner.free(storage);
  }
}

/** Computes tensors together and keeps their values. */
export async function realise(
  tensors: readonly Tensor[],
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

/** Options of `tensor`. */
export interface TensorOptions {
  /** Default: that of a typed array, else float32. */
  readonly dtype?: Dtype;
}

/** Deeper than any kernel counts: such an array holds itself. */
const MAX_RANK = 32;

/** The shape that the first element of each level tells. */
function shapeOfNested(value: unknown, who: string): number[] {
  const shape: number[] = [];
  for (let level = value; isRow(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MAX_RANK) {
      throw new ShapeError(`${who}: arrays are nested more than ${MAX_RANK} deep. Give fewer dimensions.`);
    }
  }
  return shape;
}

/** An array, or a typed one whose elements are numbers. */
const isRow = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value && typeof Reflect.get(value, 0) !== 'bigint');

/** Appends the numbers of `value`, which lies `depth` arrays deep at `path` and is of `shape`, to `into`. */
function flatten(value: unknown, shape: Shape, into: number[], who: string, path: number[] = [], depth = 0): void {
  if (typeof value === 'number' && depth === shape.length) {
    into.push(value);
    return;
  }
  const at = depth === 0 ? '' : ` at [${path.slice(0, depth).join('][')}]`;
  if (typeof value !== 'number' && !isRow(value)) {
    throw new ArgumentError(`${who}: expected numbers, got ${describe(value)}${at}. ${remedyFor(value)}`);
  }
  if (typeof value === 'number' || depth >= shape.length) {
    const expected = depth < shape.length ? `an array of ${shape[depth]}` : 'a number';
    throw new ShapeError(
      `${who}: nested arrays differ in depth: expected ${expected}, got ${describe(value)}${at}. Give numbers at one depth only.`,
    );
  }
  if (value.length !== shape[depth]) {
    throw new ShapeError(
      `${who}: nested arrays differ in length: expected ${counted(shape[depth], 'element')}, got ${value.length}${at}. Make all rows equally long.`,
    );
  }
  // Not forEach: it passes over what a sparse array leaves out.
  for (let i = 0; i < value.length; i++) {
    path[depth] = i;
    flatten(value[i], shape, into, who, path, depth + 1);
  }
}

/** What to do about something that is no number. */
function remedyFor(value: unknown): string {
  if (value === undefined) return 'Fill in what is missing.';
  if (typeof value === 'boolean') return 'Write 1 for true and 0 for false.';
  if (typeof value === 'string' || typeof value === 'bigint') return 'Convert with Number(…).';
  if (value instanceof Promise) return 'Await the promise first.';
  if (value instanceof Tensor) return 'Join tensors with concat: a model, too, has one input and one output.';
  if (value instanceof ArrayBuffer || value instanceof DataView)
    return `Give new Float32Array(values${value instanceof DataView ? '.buffer' : ''}), or what else its bytes are.`;
  if (value instanceof Uint8ClampedArray) return 'Give new Uint8Array(values).';
  if (ArrayBuffer.isView(value))
    return 'Give a Float32Array, Int32Array or Uint8Array, for example Float32Array.from(values, Number).';
  const batches = 'batches go to trainOnBatch one by one.';
  if (Symbol.iterator in Object(value)) return `Collect the values with Array.from(values); ${batches}`;
  if (Symbol.asyncIterator in Object(value)) return `Collect the values with for await; ${batches}`;
  return 'Give a number, nested arrays of numbers, or a Float32Array, Int32Array or Uint8Array.';
}

const isHostArray = (value: unknown): value is HostArray =>
  value instanceof Float32Array || value instanceof Int32Array || value instanceof Uint8Array;

/**
 * A tensor of the given values, copied. `data` is a number, nested arrays, whose rows may be typed arrays of any kind of
 * number, or a typed array of one of the dtypes; `shape` defaults to theirs.
 * @throws ShapeError when the values do not fill the shape or rows differ in length
 * @throws ArgumentError when something is no number
 * @throws DtypeError when a value is none of the dtype, or a typed array of another type than the three
 */
export function tensor(data: NestedRows | HostArray, shape?: Shape, options: TensorOptions = {}): Tensor {
  return new Tensor(tensorNode(data, 'tensor', shape, options));
}

function tensorNode(data: NestedRows | HostArray, who: string, shape?: Shape, options: TensorOptions = {}): Node {
  checkOptions(who, options, { dtype: true });
  const { dtype } = options;
  let values: readonly number[] | HostArray;
  let extents: Shape;
  if (isHostArray(data)) {
    values = data;
    extents = shape ?? [data.length];
  } else {
    if (ArrayBuffer.isView(data)) {
      throw new DtypeError(
        `${who}: expected float32, int32 or uint8 values, got ${describe(data)}. ${remedyFor(data)}`,
      );
    }
    const nested = shapeOfNested(data, who);
    const flat: number[] = [];
    flatten(data, nested, flat, who);
    values = flat;
    extents = shape ?? nested;
  }
  checkShape(extents, who);
  if (sizeOf(extents) !== values.length) {
    throw new ShapeError(
      `${who}: shape ${formatShape(extents)} holds ${counted(sizeOf(extents), 'element')}, got ${counted(values.length, 'value')}. Make the two agree.`,
    );
  }
  const own = data instanceof Int32Array ? 'int32' : data instanceof Uint8Array ? 'uint8' : 'float32';
  return dataNode(convert(values, dtype ?? own, who), [...extents]);
}

function convert(values: readonly number[] | HostArray, dtype: Dtype, who: string): HostArray {
  // What an array of the dtype's own type holds fits: a data set is copied as it lies, no value of it looked at.
  if (dtype === 'float32' && values instanceof Float32Array) return new Float32Array(values);
  if (dtype === 'int32' && values instanceof Int32Array) return new Int32Array(values);
  if (dtype === 'uint8' && values instanceof Uint8Array) return new Uint8Array(values);
  if (dtype === 'float32') return Float32Array.from(values);
  if (dtype !== 'int32' && dtype !== 'uint8') {
    throw new DtypeError(
      `${who}: expected dtype 'float32', 'int32' or 'uint8', got ${describe(dtype)}. Name one of the three.`,
    );
  }
  const [low, high] = dtype === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 255];
  for (const value of values) {
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new DtypeError(
        `${who}: ${value} is no ${dtype} (a whole number from ${low} to ${high}). Use dtype 'float32'.`,
      );
    }
  }
  return dtype === 'int32' ? Int32Array.from(values) : Uint8Array.from(values);
}

/** An argument that has to be a number. */
export function numberOf(value: number, who: string, name: string): number {
  if (typeof value === 'number') return value;
  throw new ArgumentError(`${who}: expected a number as ${name}, got ${describe(value)}. Give a plain number.`);
}

/** The tensor that `value` is or stands for; `who` asks for it. */
export const asTensor = (value: TensorLike, who = 'tensor'): Tensor =>
  value instanceof Tensor ? value : new Tensor(nodeOf(value, who));

/** The node of whatever stands for a tensor; `who` asks for it. */
export function nodeOf(value: TensorLike, who = 'tensor'): Node {
  if (value instanceof Tensor) return value.node;
  if (typeof value === 'number') return fullNode(value);
  if (isHostArray(value) || Array.isArray(value) || ArrayBuffer.isView(value)) return tensorNode(value, who);
  throw new ArgumentError(`${who}: expected a tensor or numbers, got ${describe(value)}. ${remedyFor(value)}`);
}

/** The same for ids: plain numbers become int32. */
export function idsOf(value: TensorLike, who: string): Node {
  const dtype = value instanceof Tensor ? value.dtype : value instanceof Float32Array ? 'float32' : null;
  if (dtype === 'float32') {
    throw new DtypeError(`${who}: expected int32 ids, got float32. Convert them with cast('int32').`);
  }
  if (value instanceof Tensor) return dtype === 'uint8' ? e.toInt32(value.node) : value.node;
  return tensorNode(value, who, undefined, { dtype: 'int32' });
}

/** Refuses ids that the host can see to be out of range; others give NaN. */
function checkIds({ inputs: [x, ids], attributes: { axis } }: Node<GatherAttributes>): void {
  if (!isOf(ids, data)) return;
  const rows = x.shape[axis];
  const at = ids.attributes.values.findIndex((id) => id < 0 || id >= rows);
  if (at < 0) return;
  throw new ArgumentError(
    `gather: id ${ids.attributes.values[at]}, the ${ordinal(at + 1)}, is out of range for axis ${axis} of ${formatShape(x.shape)}. ` +
      `Use ids from 0 to ${rows - 1}.`,
  );
}
