/** The operations as functions, constructors of tensors, and differentiation of functions of tensors. */

import { describe } from '../base/describe.ts';
import { formatBytes } from '../base/dtype.ts';
import { ArgumentError, GradientError, OutOfMemoryError } from '../base/errors.ts';
import { checkNoMore, checkOptions } from '../base/optionNames.ts';
import { normal as drawNormal, uniform as drawUniform } from '../base/random.ts';
import { checkShape, formatShape, type Shape, sizeOf } from '../base/shape.ts';
import { createNode } from '../ir/op.ts';
import { batchNorm as batchNormNode } from '../ops/batchNorm.ts';
import { concat as concatNodes } from '../ops/concat.ts';
import { dropout as dropoutNode } from '../ops/elementwise.ts';
import { oneHot as oneHotNode } from '../ops/gather.ts';
import { gradients } from '../ops/gradients.ts';
import { dataNode, fullNode } from '../ops/leaf.ts';
import type { Pool2dOptions } from '../ops/pool2d.ts';
import { randomNormal, randomUniform } from '../ops/random.ts';
import { reshapeOp } from '../ops/reshape.ts';
import type { CrossEntropyOptions } from '../ops/softmax.ts';
import {
  type Axes,
  asTensor,
  type ConvOptions,
  idsOf,
  nodeOf,
  numberOf,
  Tensor,
  type TensorLike,
  Variable,
} from './tensor.ts';

// Constructors

/** The same number everywhere; takes no memory until it is read. */
export function full(shape: Shape, value: number): Tensor;
export function full(shape: Shape, value: number, ...extra: readonly unknown[]): Tensor {
  checkNoMore('full', extra);
  return filled('full', shape, value);
}
/** All 0, float32. */
export function zeros(shape: Shape): Tensor;
export function zeros(shape: Shape, ...extra: readonly unknown[]): Tensor {
  checkNoMore('zeros', extra);
  return filled('zeros', shape, 0);
}
/** All 1, float32. */
export function ones(shape: Shape): Tensor;
export function ones(shape: Shape, ...extra: readonly unknown[]): Tensor {
  checkNoMore('ones', extra);
  return filled('ones', shape, 1);
}

function filled(who: string, shape: Shape, value: number): Tensor {
  checkShape(shape, who);
  return new Tensor(fullNode(numberOf(value, who, 'value'), [...shape]));
}

/** What random numbers are drawn from: a seed or a key. */
export type RandomSource =
  | {
      /** A whole number in [0, 2^32). The same seed gives the same values everywhere. */
      readonly seed: number;
      /** Not beside a seed. */
      readonly key?: undefined;
    }
  | {
      /**
       * For layers, whose `randomKey` it is: a whole number of at least 0, modulo 2^32, that tells this draw from others. The
       * numbers are drawn on the GPU, and every step of a model's `fit` draws anew; elsewhere they are the same each time.
       */
      readonly key: number;
      /** Not beside a key. */
      readonly seed?: undefined;
    };

/** Uniform draws from [low, high), default [0, 1). */
export function uniform(shape: Shape, options: { low?: number; high?: number } & RandomSource): Tensor {
  checkShape(shape, 'uniform');
  checkOptions('uniform', options, { low: true, high: true, seed: true, key: true }, 'seed: 1');
  const { low = 0, high = 1 } = options;
  if (options.key === undefined) return drawn('uniform', shape, () => drawUniform(sizeOf(shape), options));
  const key = keyOf('uniform', options);
  drawUniform(0, { low, high, seed: 0 }); // checks the bounds
  const fraction = new Tensor(randomUniform(shape, key));
  if (low === 0 && high === 1) return fraction;
  const value = fraction.mul(high - low).add(low);
  // Rounding may reach `high` itself; the interval is half open.
  return value.less(high).where(value, low);
}

/** Normal draws, by default of mean 0 and standard deviation 1. */
export function normal(shape: Shape, options: { mean?: number; std?: number } & RandomSource): Tensor {
  checkShape(shape, 'normal');
  checkOptions('normal', options, { mean: true, std: true, seed: true, key: true }, 'seed: 1');
  const { mean = 0, std = 1 } = options;
  if (options.key === undefined) return drawn('normal', shape, () => drawNormal(sizeOf(shape), options));
  const key = keyOf('normal', options);
  drawNormal(0, { mean, std, seed: 0 }); // checks them
  return new Tensor(randomNormal(shape, key)).mul(std).add(mean);
}

/** The key of draws on the GPU, modulo 2^32: a layer may count up from its own. */
function keyOf(who: string, { key, seed }: { readonly key: unknown; readonly seed?: unknown }): number {
  if (seed !== undefined) {
    throw new ArgumentError(
      `${who}: got a seed and a key. Give the seed for fixed numbers, or a layer's randomKey as key for new ones in every step.`,
    );
  }
  if (typeof key === 'number' && Number.isSafeInteger(key) && key >= 0) return key % 2 ** 32;
  throw new ArgumentError(
    `${who}: expected key to be a whole number of at least 0, got ${describe(key)}. In a layer use the randomKey that call is given.`,
  );
}

/** The most values that are drawn: 4 GiB, about what the largest buffers hold. */
const MOST_DRAWN = 2 ** 30;

function drawn(who: string, shape: Shape, draw: () => Float32Array): Tensor {
  if (sizeOf(shape) > MOST_DRAWN) {
    throw new OutOfMemoryError(
      `${who}: ${formatShape(shape)} holds ${sizeOf(shape)} elements, more than the ${MOST_DRAWN} that a buffer may hold. Draw a smaller tensor, or several.`,
    );
  }
  try {
    return new Tensor(dataNode(draw(), [...shape]));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new OutOfMemoryError(
      `${who}: there is no memory for ${sizeOf(shape)} numbers, ${formatBytes(sizeOf(shape) * 4)}. Draw a smaller tensor, or several.`,
      { cause },
    );
  }
}

/** A tensor with memory of its own that optimizers and `assign` write to; it starts as `value`. */
export const variable = (value: TensorLike): Variable => new Variable(nodeOf(value, 'variable'));

// Arithmetic

/**
 * a + b. Shapes broadcast as in NumPy, here and in all elementwise functions; int32 and uint8 are taken as float32, but for
 * comparisons and choices: where all that is compared or chosen from is int32 or plain whole numbers, these are exact, and
 * what is chosen is int32.
 */
export const add = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'add').add(b);
/** a - b, broadcast. */
export const sub = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'sub').sub(b);
/** a b, elementwise and broadcast; `matmul` is the matrix product. */
export const mul = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'mul').mul(b);
/** a / b, broadcast. Divided by 0 it is an infinity, or NaN for 0 / 0. */
export const div = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'div').div(b);
/** -x. */
export const neg = (x: TensorLike): Tensor => asTensor(x, 'neg').neg();
/**
 * x^y, broadcast, as IEEE 754 defines it: a negative base with a fractional exponent is NaN, x^0 and 1^y are 1. The number 0.5
 * as an exponent is `sqrt`.
 */
export const pow = (x: TensorLike, y: TensorLike): Tensor => asTensor(x, 'pow').pow(y);
/** x². */
export const square = (x: TensorLike): Tensor => asTensor(x, 'square').square();
/** √x; NaN below 0. */
export const sqrt = (x: TensorLike): Tensor => asTensor(x, 'sqrt').sqrt();
/** e^x. */
export const exp = (x: TensorLike): Tensor => asTensor(x, 'exp').exp();
/** Natural logarithm: -infinity at 0, NaN below. */
export const log = (x: TensorLike): Tensor => asTensor(x, 'log').log();
/** |x|; its gradient at 0 is 0. */
export const abs = (x: TensorLike): Tensor => asTensor(x, 'abs').abs();
/** -1, 0 or 1; NaN stays NaN. No gradient flows. */
export const sign = (x: TensorLike): Tensor => asTensor(x, 'sign').sign();
/** The larger of a and b, broadcast; NaN if one of them is. Where they are equal the gradient goes to a. */
export const maximum = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'maximum').maximum(b);
/** The smaller of a and b, broadcast; NaN if one of them is. Where they are equal the gradient goes to a. */
export const minimum = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'minimum').minimum(b);
/** min(max(x, low), high); NaN stays NaN. No gradient flows outside the range. */
export const clip = (x: TensorLike, low: number, high: number): Tensor => asTensor(x, 'clip').clip(low, high);
/** a where c is not 0, else b; all three broadcast. No gradient flows to c. */
export const where = (c: TensorLike, a: TensorLike, b: TensorLike): Tensor => asTensor(c, 'where').where(a, b);
/** 1 where a equals b, else 0; NaN equals nothing. No gradient flows. */
export const equal = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'equal').equal(b);
/** 1 where a > b, else 0, also for NaN. No gradient flows. */
export const greater = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'greater').greater(b);
/** 1 where a < b, else 0, also for NaN. No gradient flows. */
export const less = (a: TensorLike, b: TensorLike): Tensor => asTensor(a, 'less').less(b);

// Activations

/** max(x, 0); NaN stays NaN. */
export const relu = (x: TensorLike): Tensor => asTensor(x, 'relu').relu();
/** x, or slope x below 0; the default slope is Keras' 0.2. */
export const leakyRelu = (x: TensorLike, slope?: number): Tensor => asTensor(x, 'leakyRelu').leakyRelu(slope);
/** x, or alpha (e^x - 1) below 0 (Clevert et al. 2015); alpha is 1 by default. */
export const elu = (x: TensorLike, alpha?: number): Tensor => asTensor(x, 'elu').elu(alpha);
/** x Φ(x), the exact form (Hendrycks and Gimpel 2016). */
export function gelu(x: TensorLike): Tensor;
export function gelu(x: TensorLike, ...extra: readonly unknown[]): Tensor {
  checkNoMore('gelu', extra);
  return asTensor(x, 'gelu').gelu();
}
/** 1 / (1 + e^-x). */
export const sigmoid = (x: TensorLike): Tensor => asTensor(x, 'sigmoid').sigmoid();
/** Hyperbolic tangent. */
export const tanh = (x: TensorLike): Tensor => asTensor(x, 'tanh').tanh();
/** ln(1 + e^x), which does not overflow. */
export const softplus = (x: TensorLike): Tensor => asTensor(x, 'softplus').softplus();
/** x sigmoid(x), also called swish. */
export const silu = (x: TensorLike): Tensor => asTensor(x, 'silu').silu();
/** e^x over its sum along the last axis; the maximum is taken off first, so that nothing overflows. */
export function softmax(x: TensorLike): Tensor;
export function softmax(x: TensorLike, ...extra: readonly unknown[]): Tensor {
  checkNoMore('softmax', extra);
  return asTensor(x, 'softmax').softmax();
}
/** Logarithm of `softmax`, without its rounding of small probabilities to 0. */
export function logSoftmax(x: TensorLike): Tensor;
export function logSoftmax(x: TensorLike, ...extra: readonly unknown[]): Tensor {
  checkNoMore('logSoftmax', extra);
  return asTensor(x, 'logSoftmax').logSoftmax();
}

// Reductions

/** Sum over the axes, by default all; `keepDims` keeps them with an extent of 1. */
export const sum = (x: TensorLike, axes?: Axes, keepDims?: boolean): Tensor => asTensor(x, 'sum').sum(axes, keepDims);
/** Mean over the axes, by default all; `keepDims` keeps them with an extent of 1. */
export const mean = (x: TensorLike, axes?: Axes, keepDims?: boolean): Tensor =>
  asTensor(x, 'mean').mean(axes, keepDims);
/** Largest element over the axes, by default all; NaN if there is one. Ties share the gradient. */
export const max = (x: TensorLike, axes?: Axes, keepDims?: boolean): Tensor => asTensor(x, 'max').max(axes, keepDims);
/** Smallest element over the axes, by default all; NaN if there is one. Ties share the gradient. */
export const min = (x: TensorLike, axes?: Axes, keepDims?: boolean): Tensor => asTensor(x, 'min').min(axes, keepDims);
/** Index (int32) of the first largest element along an axis, by default the last; NaN counts as largest. */
export function argMax(x: TensorLike, axis?: number): Tensor;
export function argMax(x: TensorLike, axis?: number, ...extra: readonly unknown[]): Tensor {
  checkNoMore('argMax', extra);
  return asTensor(x, 'argMax').argMax(axis);
}

// Shape

/** The same elements in row-major order under another shape; one extent may be -1. */
export const reshape = (x: TensorLike, shape: Shape): Tensor => asTensor(x, 'reshape').reshape(shape);
/** Reverses the axes, or puts axis `permutation[i]` in the place of axis i. */
export const transpose = (x: TensorLike, permutation?: readonly number[]): Tensor =>
  asTensor(x, 'transpose').transpose(permutation);
/** The box of `size` from `begin` on; -1 as a size takes the rest of the axis. */
export const slice = (x: TensorLike, begin: readonly number[], size: readonly number[]): Tensor =>
  asTensor(x, 'slice').slice(begin, size);
/** Adds [before, after] elements to every axis, by default zeros. */
export const pad = (x: TensorLike, padding: readonly (readonly [number, number])[], value?: number): Tensor =>
  asTensor(x, 'pad').pad(padding, value);
/** Joins tensors along an axis, by default the last. */
export function concat(tensors: readonly TensorLike[], axis?: number): Tensor {
  if (!Array.isArray(tensors)) {
    throw new ArgumentError(`concat: expected an array of tensors, got ${describe(tensors)}. Write concat([a, b]).`);
  }
  return new Tensor(
    concatNodes(
      tensors.map((one) => nodeOf(one, 'concat')),
      axis,
    ),
  );
}
/** Rows of zeros with a one at the id: [...] of int32 to [..., classes]. An id out of range gives zeros. */
export function oneHot(ids: TensorLike, classes: number): Tensor;
export function oneHot(ids: TensorLike, classes: number, ...extra: readonly unknown[]): Tensor {
  checkNoMore('oneHot', extra);
  return new Tensor(oneHotNode(idsOf(ids, 'oneHot'), classes));
}
/** Rows along `axis`, by default 0, in the order of int32 ids. */
export const gather = (x: TensorLike, ids: TensorLike, axis?: number): Tensor =>
  asTensor(x, 'gather').gather(ids, axis);

// Products and layers' operations

/** [..., m, k] by [..., k, n] gives [..., m, n]; leading dimensions broadcast. */
export function matmul(a: TensorLike, b: TensorLike): Tensor;
export function matmul(a: TensorLike, b: TensorLike, ...extra: readonly unknown[]): Tensor {
  checkNoMore('matmul', extra);
  return asTensor(a, 'matmul').matmul(b);
}
/** [..., in] by a kernel [in, out] gives [..., out], plus a bias [out]. */
export function dense(x: TensorLike, kernel: TensorLike, bias?: TensorLike): Tensor;
export function dense(x: TensorLike, kernel: TensorLike, bias?: TensorLike, ...extra: readonly unknown[]): Tensor {
  checkNoMore('dense', extra);
  return asTensor(x, 'dense').dense(kernel, bias);
}
/** Images [batch, height, width, in] by a kernel [height, width, in, out] give [batch, height, width, out]. */
export const conv2d = (x: TensorLike, kernel: TensorLike, options?: ConvOptions): Tensor =>
  asTensor(x, 'conv2d').conv2d(kernel, options);
/** Largest value of each window of images [batch, height, width, channels]; NaN if there is one. */
export const maxPool2d = (x: TensorLike, options: Pool2dOptions): Tensor => asTensor(x, 'maxPool2d').maxPool2d(options);
/**
 * Mean of each window of images [batch, height, width, channels]; `same` padding divides by the pixels that are there.
 */
export const avgPool2d = (x: TensorLike, options: Pool2dOptions): Tensor => asTensor(x, 'avgPool2d').avgPool2d(options);
/**
 * Mean over the batch of the cross-entropy of softmax(logits [batch, classes]) with class ids [batch] or rows [batch,
 * classes].
 */
export const softmaxCrossEntropy = (logits: TensorLike, labels: TensorLike, options?: CrossEntropyOptions): Tensor =>
  asTensor(logits, 'softmaxCrossEntropy').softmaxCrossEntropy(labels, options);

/**
 * Batch normalisation by the batch's own statistics over all axes but the last; gamma and beta are [channels].
 * epsilon defaults to 1e-3, as in Keras.
 */
export function batchNorm(
  x: TensorLike,
  gamma: TensorLike,
  beta: TensorLike,
  options: { epsilon?: number } = {},
): {
  /** Normalised, scaled by gamma and shifted by beta. */
  y: Tensor;
  /** Of the batch [channels]. */
  mean: Tensor;
  /** Of the batch [channels], divided by the count. */
  variance: Tensor;
} {
  checkOptions('batchNorm', options, { epsilon: true });
  const { epsilon = 1e-3 } = options;
  if (!(numberOf(epsilon, 'batchNorm', 'epsilon') >= 0)) {
    throw new ArgumentError(`batchNorm: epsilon must be at least 0, got ${describe(epsilon)}. Keras uses 1e-3.`);
  }
  const [images, scale, shift] = [x, gamma, beta].map((one) => nodeOf(one, 'batchNorm'));
  const result = batchNormNode(images, scale, shift, epsilon);
  return { y: new Tensor(result.y), mean: new Tensor(result.mean), variance: new Tensor(result.variance) };
}

/**
 * Zeroes a share `rate` in [0, 1] of the elements and scales the rest by 1 / (1 - rate). `seed` chooses which, the same ones
 * wherever the tensor is computed; only within a model's `fit` does every step choose anew.
 */
export function dropout(x: TensorLike, rate: number, options: { seed: number }): Tensor {
  if (!(numberOf(rate, 'dropout', 'rate') >= 0 && rate <= 1)) {
    throw new ArgumentError(
      `dropout: rate must lie in [0, 1], got ${describe(rate)}. It is the share that is dropped.`,
    );
  }
  checkOptions('dropout', options, { seed: true }, 'seed: 1');
  const { seed } = options;
  if (!Number.isInteger(seed) || seed < 0 || seed >= 2 ** 32) {
    throw new ArgumentError(
      `dropout: expected seed to be a whole number in [0, 2^32), got ${describe(seed)}. Count it up from step to step.`,
    );
  }
  return new Tensor(dropoutNode(nodeOf(x, 'dropout'), rate, seed));
}

// Differentiation

/**
 * A function that gives the value of `f`, a scalar, and its gradient to every argument. The value and the gradients are
 * computed together when one of them is read.
 */
export function valueAndGrad(f: (...args: Tensor[]) => Tensor): (...args: TensorLike[]) => [Tensor, Tensor[]] {
  if (typeof f !== 'function') {
    throw new ArgumentError(
      `grad: expected a function of tensors, got ${describe(f)}. Write grad((x) => x.square().sum()).`,
    );
  }
  return (...args) => {
    // An argument given twice has two gradients, so each gets a node of its own; a reshape costs nothing.
    const inputs = args.map((arg) => {
      const node = nodeOf(arg, 'grad');
      return createNode(reshapeOp, [node], { shape: node.shape });
    });
    const value = f(...inputs.map((node) => new Tensor(node)));
    if (!(value instanceof Tensor)) {
      throw new GradientError(
        `grad: expected a function that returns a scalar tensor, got ${describe(value)}. Return a tensor, not its values, and not from an async function.`,
      );
    }
    const result = gradients(value.node, inputs).map((node) => new Tensor(node));
    Tensor.join([value, ...result]);
    return [value, result];
  };
}

/** A function that gives the gradient of `f`, a scalar, to every argument. */
export function grad(f: (...args: Tensor[]) => Tensor): (...args: TensorLike[]) => Tensor[] {
  const both = valueAndGrad(f);
  return (...args) => both(...args)[1];
}
