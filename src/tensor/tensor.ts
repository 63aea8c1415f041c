/**
 * Tensors and what can be done with them. Every operation is written once, as a function; the methods of `Tensor` are these
 * same functions of their first argument.
 */

import { flagOf } from '../base/checks.ts';
import { describe, ordinal } from '../base/describe.ts';
import type { HostArray } from '../base/dtype.ts';
import { ArgumentError, DtypeError } from '../base/errors.ts';
import { checkNoMore, checkOptions, takeOptions } from '../base/optionNames.ts';
import { checkShape, formatShape, type Shape } from '../base/shape.ts';
import { isOf, type Node } from '../ir/op.ts';
import { alongAxis } from '../ops/axes.ts';
import { type Conv2dOptions, conv2d as conv2dNode } from '../ops/conv2d.ts';
import * as e from '../ops/elementwise.ts';
import { type GatherAttributes, gather as gatherNode, oneHot as oneHotNode } from '../ops/gather.ts';
import { data } from '../ops/leaf.ts';
import { dense as denseNode, matmul as matmulNode } from '../ops/matmul.ts';
import { avgPool2d as avgPool2dNode, maxPool2d as maxPool2dNode, type Pool2dOptions } from '../ops/pool2d.ts';
import * as r from '../ops/reduce.ts';
import { reshape as reshapeNode } from '../ops/reshape.ts';
import * as s from '../ops/softmax.ts';
import { argMaxOver, std as stdNode, variance as varianceNode } from '../ops/statistics.ts';
import { pad as padNode, slice as sliceNode, transpose as transposeNode } from '../ops/views.ts';
import { LazyValue } from './lazyValue.ts';
import { idsOf, type NestedRows, nodeOf, numberOf } from './operands.ts';

/** Whatever stands for a tensor in a call. */
export type TensorLike = Tensor | NestedRows | HostArray;

/** One axis or several, counted from 0, or from the last by negative numbers. */
export type Axes = number | readonly number[];

/** Options of a convolution. */
export interface ConvOptions extends Omit<Conv2dOptions, 'bias'> {
  /** [filters] */
  readonly bias?: TensorLike;
}

/** Options of what works along one axis. */
export interface AxisOptions {
  /** Default -1, the last; negative ones count from there. */
  readonly axis?: number;
}

/** Options of `variance` and `std`. */
export interface VarianceOptions {
  /** Taken off the number of elements: 0 by default, for the variance of just these; 1 for the estimate from a sample. */
  readonly correction?: number;
}

/**
 * A lazy tensor: a shape, a dtype and how to compute the values. Nothing runs until `data()` is awaited or an optimizer
 * applies it; then the value is kept. Memory is freed when the tensor is collected, or at once by `dispose()`.
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the table at the end of this file has every method, or does not compile
export class Tensor extends LazyValue {
  /** @internal */
  static override readonly name: string = 'Tensor';

  /** To int32 (rounding toward zero), or to float32, which rounds int32 beyond 2^24. */
  cast(dtype: 'float32' | 'int32'): Tensor {
    if (dtype !== 'float32' && dtype !== 'int32') {
      throw new DtypeError(`cast: expected 'float32' or 'int32', got ${describe(dtype)}. Name one of the two.`);
    }
    if (dtype === this.dtype) return this;
    return new Tensor(dtype === 'int32' ? e.toInt32(this.node) : e.copy(this.node));
  }
}

/** What this file exports beside the class. `Pick`, unlike `Omit`, keeps the comments. */
type Module = typeof import('./tensor.ts');
type Operations = Pick<Module, Exclude<keyof Module, 'Tensor'>>;
type Methods<Functions> = {
  readonly [Name in keyof Functions]: Functions[Name] extends (x: TensorLike, ...rest: infer Rest) => Tensor
    ? (...rest: Rest) => Tensor
    : never;
};
export interface Tensor extends Methods<Operations> {}

/**
 * An operation of a tensor, and of whatever else the call gives: a function, and the method of this name. `take` makes the
 * node of the first argument.
 */
function operation<Rest extends readonly unknown[]>(
  name: keyof Operations,
  make: (x: Node, ...rest: Rest) => Node,
  take: (value: TensorLike, who: string) => Node = nodeOf,
): (x: TensorLike, ...rest: Rest) => Tensor {
  // A function that is a property has its name.
  const { [name]: apply } = { [name]: (x: TensorLike, ...rest: Rest) => new Tensor(make(take(x, name), ...rest)) };
  Object.defineProperty(Tensor.prototype, name, {
    value(this: Tensor, ...rest: Rest): Tensor {
      return apply(this, ...rest);
    },
    writable: true,
    configurable: true,
  });
  return apply;
}

const unary = (name: keyof Operations, make: (x: Node) => Node): ((x: TensorLike) => Tensor) =>
  operation(name, (x) => make(x));

/** One that elsewhere takes options. */
const plain = (
  name: Parameters<typeof checkNoMore>[0] & keyof Operations,
  make: (x: Node) => Node,
): ((x: TensorLike) => Tensor) =>
  operation(name, (x, ...extra: readonly unknown[]) => {
    checkNoMore(name, extra);
    return make(x);
  });

const binary = (name: keyof Operations, make: (x: Node, y: Node) => Node): ((x: TensorLike, y: TensorLike) => Tensor) =>
  operation(name, (x, y: TensorLike) => make(x, nodeOf(y, name)));

const reduction = (
  name: keyof Operations,
  make: (x: Node, axes: Axes | undefined, keepDims: boolean) => Node,
): ((x: TensorLike, axes?: Axes, keepDims?: boolean) => Tensor) =>
  operation(name, (x, axes?: Axes, keepDims = false) => make(x, axes, flagOf(keepDims, name, 'keepDims')));

/** Along one axis. */
const along = (name: keyof Operations, make: (x: Node) => Node): ((x: TensorLike, options?: AxisOptions) => Tensor) =>
  operation(name, (x, options: AxisOptions = {}) => {
    const { axis } = takeOptions(name, options, { axis: -1 });
    return alongAxis(x, axis, name, make);
  });

const spread = (
  name: keyof Operations,
  make: (x: Node, axes: Axes | undefined, keepDims: boolean, correction: number, who: string) => Node,
): ((x: TensorLike, axes?: Axes, keepDims?: boolean, options?: VarianceOptions) => Tensor) =>
  operation(name, (x, axes?: Axes, keepDims: boolean = false, options: VarianceOptions = {}) => {
    const { correction } = takeOptions(name, options, { correction: 0 });
    return make(x, axes, flagOf(keepDims, name, 'keepDims'), correction, name);
  });

const pooling = (
  name: keyof Operations,
  make: (x: Node, options: Pool2dOptions) => Node,
): ((x: TensorLike, options: Pool2dOptions) => Tensor) =>
  operation(name, (x, options: Pool2dOptions) => {
    checkOptions(name, options, { poolSize: true, strides: true, padding: true }, 'poolSize: 2');
    return make(x, options);
  });

// Arithmetic

/**
 * x + y. Shapes broadcast as in NumPy, here and in all elementwise operations. Of int32, also beside uint8 and plain whole
 * numbers, the result is int32, modulo 2^32; beside float32 they are refused, here and wherever float32 would round them.
 * @throws DtypeError for int32 beside float32: convert it with `cast('float32')`
 */
export const add = binary('add', e.add);
/** x - y, broadcast. */
export const sub = binary('sub', e.sub);
/** x y, elementwise and broadcast, of int32 modulo 2^32; `matmul` is the matrix product. */
export const mul = binary('mul', e.mul);
/** x / y, broadcast. Divided by 0 it is an infinity, or NaN for 0 / 0. */
export const div = binary('div', e.div);
/** -x. */
export const neg = unary('neg', e.neg);
/**
 * x^y, broadcast, as IEEE 754 defines it: a negative base with a fractional exponent is NaN, x^0 and 1^y are 1. The number 0.5
 * as an exponent is `sqrt`. Of int32 the powers 1, 2 and 3 are int32, and others are refused.
 */
export const pow = binary('pow', e.pow);
/** x². */
export const square = unary('square', e.square);
/** √x; NaN below 0. */
export const sqrt = unary('sqrt', e.sqrt);
/** e^x. */
export const exp = unary('exp', e.exp);
/** Natural logarithm: -infinity at 0, NaN below. */
export const log = unary('log', e.log);
/** |x|; its gradient at 0 is 0. */
export const abs = unary('abs', e.abs);
/** -1, 0 or 1; NaN stays NaN. No gradient flows. */
export const sign = unary('sign', e.sign);
/** The larger of x and y, broadcast; NaN if one of them is. Where they are equal the gradient goes to x. */
export const maximum = binary('maximum', e.maximum);
/** The smaller of x and y, broadcast; NaN if one of them is. Where they are equal the gradient goes to x. */
export const minimum = binary('minimum', e.minimum);
/** min(max(x, low), high); NaN stays NaN. No gradient flows outside the range. */
export const clip = operation('clip', (x, low: number, high: number) =>
  e.clip(x, numberOf(low, 'clip', 'low'), numberOf(high, 'clip', 'high')),
);
/** a where x is not 0, else b; all three broadcast. No gradient flows to x. */
export const where = operation('where', (x, a: TensorLike, b: TensorLike) =>
  e.where(x, nodeOf(a, 'where'), nodeOf(b, 'where')),
);
/** 1 where x equals y, else 0; NaN equals nothing. int32 are not rounded, here and in `greater` and `less`, also beside float32. No gradient flows. */
export const equal = binary('equal', e.equal);
/** 1 where x > y, else 0, also for NaN. No gradient flows. */
export const greater = binary('greater', e.greater);
/** 1 where x < y, else 0, also for NaN. No gradient flows. */
export const less = binary('less', e.less);

// Activations

/** max(x, 0); NaN stays NaN. */
export const relu = unary('relu', e.relu);
/** x, or slope x below 0; the default slope is Keras' 0.2. */
export const leakyRelu = operation('leakyRelu', (x, slope: number = 0.2) =>
  e.leakyRelu(x, numberOf(slope, 'leakyRelu', 'slope')),
);
/** x, or alpha (e^x - 1) below 0 (Clevert et al. 2015); alpha is 1 by default. */
export const elu = operation('elu', (x, alpha: number = 1) => e.elu(x, numberOf(alpha, 'elu', 'alpha')));
/** x Φ(x), the exact form (Hendrycks and Gimpel 2016). */
export const gelu = plain('gelu', e.gelu);
/** 1 / (1 + e^-x). */
export const sigmoid = unary('sigmoid', e.sigmoid);
/** Hyperbolic tangent. */
export const tanh = unary('tanh', e.tanh);
/** ln(1 + e^x), which does not overflow. */
export const softplus = unary('softplus', e.softplus);
/** x sigmoid(x), also called swish. */
export const silu = unary('silu', e.silu);
/** e^x over its sum along an axis, by default the last; the maximum is taken off first, so that nothing overflows. */
export const softmax = along('softmax', s.softmax);
/** Logarithm of `softmax`, without its rounding of small probabilities to 0. */
export const logSoftmax = along('logSoftmax', s.logSoftmax);

// Reductions

/** Sum over the axes, by default all, of int32 modulo 2^32; `keepDims` keeps them with an extent of 1. */
export const sum = reduction('sum', r.sum);
/** Mean over the axes, by default all; `keepDims` keeps them with an extent of 1. int32 are refused: cast them first. */
export const mean = reduction('mean', r.mean);
/** Largest element over the axes, by default all; NaN if there is one. Ties share the gradient. */
export const max = reduction('max', r.max);
/** Smallest element over the axes, by default all; NaN if there is one. Ties share the gradient. */
export const min = reduction('min', r.min);
/**
 * Mean of (x - mean)² over the axes, by default all, which `keepDims` keeps with an extent of 1.
 * @throws ArgumentError where `correction` leaves nothing to divide by
 */
export const variance = spread('variance', varianceNode);
/** Standard deviation, the root of `variance`; its gradient is NaN where all elements are equal. */
export const std = spread('std', stdNode);
/**
 * Index (int32) of the first largest element along an axis, by default the last, or in row-major order among all (null); NaN
 * counts as largest. `keepDims` keeps what was searched with an extent of 1.
 */
export const argMax = operation('argMax', (x, axis: number | null = -1, keepDims: boolean = false) =>
  argMaxOver(x, axis, flagOf(keepDims, 'argMax', 'keepDims')),
);

// Shape

/** The same elements in row-major order under another shape; one extent may be -1. */
export const reshape = operation('reshape', (x, shape: Shape) => reshapeNode(x, shape));
/** Reverses the axes, or puts axis `permutation[i]` in the place of axis i. */
export const transpose = operation('transpose', (x, permutation?: readonly number[]) => transposeNode(x, permutation));
/** The box of `size` from `begin` on, which counts from the end where it is negative; -1 as a size takes the rest of the axis. */
export const slice = operation('slice', (x, begin: readonly number[], size: readonly number[]) =>
  sliceNode(x, begin, size),
);
/** Adds [before, after] elements to every axis, by default zeros. */
export const pad = operation('pad', (x, padding: readonly (readonly [number, number])[], value: number = 0) =>
  padNode(x, padding, numberOf(value, 'pad', 'value')),
);
/** Repeats along axes of extent 1 and along new leading ones. */
export const broadcastTo = operation('broadcastTo', (x, shape: Shape) => {
  checkShape(shape, 'broadcastTo');
  return r.broadcastTo(x, shape);
});
/** Rows of zeros with a one at the id: [...] of int32 to [..., classes]. An id out of range gives zeros. */
export const oneHot: (ids: TensorLike, classes: number) => Tensor = operation(
  'oneHot',
  (ids, classes: number, ...extra: readonly unknown[]) => {
    checkNoMore('oneHot', extra);
    return oneHotNode(ids, classes);
  },
  idsOf,
);
/** Rows along `axis`, by default 0, in the order of int32 ids; an id out of range, also a negative one, gives NaN, or an error where it is a plain number. */
export const gather = operation('gather', (x, ids: TensorLike, axis: number = 0) => {
  const node = gatherNode(x, idsOf(ids, 'gather'), axis);
  checkIds(node);
  return node;
});

/** Refuses ids that the host can see to be out of range. */
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

// Products and layers' operations

/** [..., m, k] by [..., k, n] gives [..., m, n]; leading dimensions broadcast. */
export const matmul: (x: TensorLike, y: TensorLike) => Tensor = operation(
  'matmul',
  (x, y: TensorLike, ...extra: readonly unknown[]) => {
    checkNoMore('matmul', extra);
    return matmulNode(x, nodeOf(y, 'matmul'));
  },
);
/** [..., in] by a kernel [in, out] gives [..., out], plus a bias [out]. */
export const dense: (x: TensorLike, kernel: TensorLike, bias?: TensorLike) => Tensor = operation(
  'dense',
  (x, kernel: TensorLike, bias?: TensorLike, ...extra: readonly unknown[]) => {
    checkNoMore('dense', extra);
    return denseNode(x, nodeOf(kernel, 'dense'), bias === undefined ? undefined : nodeOf(bias, 'dense'));
  },
);
/**
 * Images [batch, height, width, in] by a kernel [height, width, in, out] give [batch, height, width, out]; with `groups` the
 * kernel's in is that of a group.
 */
export const conv2d = operation('conv2d', (x, kernel: TensorLike, options: ConvOptions = {}) => {
  checkOptions('conv2d', options, { bias: true, strides: true, padding: true, dilationRate: true, groups: true });
  const bias = options.bias === undefined ? undefined : nodeOf(options.bias, 'conv2d');
  return conv2dNode(x, nodeOf(kernel, 'conv2d'), { ...options, bias });
});
/** Largest value of each window of images [batch, height, width, channels]; NaN if there is one. */
export const maxPool2d = pooling('maxPool2d', maxPool2dNode);
/** Mean of each window of images [batch, height, width, channels]; `same` padding divides by the pixels that are there. */
export const avgPool2d = pooling('avgPool2d', avgPool2dNode);
/**
 * Mean over the batch of the cross-entropy of softmax(logits [batch, classes]) with class ids [batch] or rows [batch,
 * classes].
 */
export const softmaxCrossEntropy = operation(
  'softmaxCrossEntropy',
  (logits, labels: TensorLike, options: s.CrossEntropyOptions = {}) => {
    checkOptions('softmaxCrossEntropy', options, { labelSmoothing: true, clip: true });
    return r.mean(s.softmaxCrossEntropyPerExample(logits, nodeOf(labels, 'softmaxCrossEntropy'), options));
  },
);
