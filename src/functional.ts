/** The operations as functions, constructors of tensors, and differentiation of functions of tensors. */

import { gradients } from './autodiff.ts';
import { ArgumentError } from './errors.ts';
import { createNode } from './graph/node.ts';
import { batchNorm as batchNormNode } from './ops/batchNorm.ts';
import { dropout as dropoutNode } from './ops/elementwise.ts';
import { dataNode, fullNode } from './ops/leaf.ts';
import type { Pool2dOptions } from './ops/pool2d.ts';
import { reshapeOp } from './ops/reshape.ts';
import type { CrossEntropyOptions } from './ops/softmax.ts';
import { concat as concatNodes } from './ops/views.ts';
import { normal as drawNormal, uniform as drawUniform } from './random.ts';
import { checkShape, type Shape, sizeOf } from './shape.ts';
import { asTensor, type ConvOptions, nodeOf, Tensor, type TensorLike, Variable } from './tensor.ts';

// Constructors

/** The same number everywhere; takes no memory until it is read. */
export function full(shape: Shape, value: number): Tensor {
  checkShape(shape, 'full');
  return new Tensor(fullNode(value, shape));
}
export const zeros = (shape: Shape): Tensor => full(shape, 0);
export const ones = (shape: Shape): Tensor => full(shape, 1);

/** Uniform draws from [low, high), default [0, 1). The same seed gives the same values everywhere. */
export function uniform(
  shape: Shape,
  { low = 0, high = 1, seed }: { low?: number; high?: number; seed: number },
): Tensor {
  checkShape(shape, 'uniform');
  return new Tensor(dataNode(drawUniform(sizeOf(shape), { seed, low, high }), shape));
}

/** Normal draws, by default of mean 0 and standard deviation 1. The same seed gives the same values. */
export function normal(
  shape: Shape,
  { mean = 0, std = 1, seed }: { mean?: number; std?: number; seed: number },
): Tensor {
  checkShape(shape, 'normal');
  return new Tensor(dataNode(drawNormal(sizeOf(shape), { seed, mean, std }), shape));
}

/** A tensor with memory of its own that optimizers and `assign` write to; it starts as `value`. */
export const variable = (value: TensorLike): Variable => new Variable(nodeOf(value));

// Arithmetic

export const add = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).add(b);
export const sub = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).sub(b);
export const mul = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).mul(b);
export const div = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).div(b);
export const neg = (x: TensorLike): Tensor => asTensor(x).neg();
export const pow = (x: TensorLike, y: TensorLike): Tensor => asTensor(x).pow(y);
export const square = (x: TensorLike): Tensor => asTensor(x).square();
export const sqrt = (x: TensorLike): Tensor => asTensor(x).sqrt();
export const exp = (x: TensorLike): Tensor => asTensor(x).exp();
export const log = (x: TensorLike): Tensor => asTensor(x).log();
export const abs = (x: TensorLike): Tensor => asTensor(x).abs();
export const sign = (x: TensorLike): Tensor => asTensor(x).sign();
export const maximum = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).maximum(b);
export const minimum = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).minimum(b);
export const clip = (x: TensorLike, low: number, high: number): Tensor => asTensor(x).clip(low, high);
export const where = (c: TensorLike, a: TensorLike, b: TensorLike): Tensor => asTensor(c).where(a, b);
export const equal = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).equal(b);
export const greater = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).greater(b);
export const less = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).less(b);

// Activations

export const relu = (x: TensorLike): Tensor => asTensor(x).relu();
export const leakyRelu = (x: TensorLike, slope?: number): Tensor => asTensor(x).leakyRelu(slope);
export const elu = (x: TensorLike, alpha?: number): Tensor => asTensor(x).elu(alpha);
export const gelu = (x: TensorLike): Tensor => asTensor(x).gelu();
export const sigmoid = (x: TensorLike): Tensor => asTensor(x).sigmoid();
export const tanh = (x: TensorLike): Tensor => asTensor(x).tanh();
export const softplus = (x: TensorLike): Tensor => asTensor(x).softplus();
export const silu = (x: TensorLike): Tensor => asTensor(x).silu();
export const softmax = (x: TensorLike): Tensor => asTensor(x).softmax();
export const logSoftmax = (x: TensorLike): Tensor => asTensor(x).logSoftmax();

// Reductions

type Axes = number | readonly number[];

export const sum = (x: TensorLike, axes?: Axes, keepDims?: boolean): Tensor => asTensor(x).sum(axes, keepDims);
export const mean = (x: TensorLike, axes?: Axes, keepDims?: boolean): Tensor => asTensor(x).mean(axes, keepDims);
export const max = (x: TensorLike, axes?: Axes, keepDims?: boolean): Tensor => asTensor(x).max(axes, keepDims);
export const min = (x: TensorLike, axes?: Axes, keepDims?: boolean): Tensor => asTensor(x).min(axes, keepDims);
export const argMax = (x: TensorLike, axis?: number): Tensor => asTensor(x).argMax(axis);

// Shape

export const reshape = (x: TensorLike, shape: Shape): Tensor => asTensor(x).reshape(shape);
export const transpose = (x: TensorLike, permutation?: readonly number[]): Tensor => asTensor(x).transpose(permutation);
export const slice = (x: TensorLike, begin: readonly number[], size: readonly number[]): Tensor =>
  asTensor(x).slice(begin, size);
export const pad = (x: TensorLike, padding: readonly (readonly [number, number])[], value?: number): Tensor =>
  asTensor(x).pad(padding, value);
/** Joins tensors along an axis, by default the last. */
export const concat = (tensors: readonly TensorLike[], axis?: number): Tensor =>
  new Tensor(concatNodes(tensors.map(nodeOf), axis));
export const oneHot = (ids: TensorLike, classes: number): Tensor =>
  (ids instanceof Tensor ? ids : new Tensor(nodeOf(ids)).cast('int32')).oneHot(classes);
export const gather = (x: TensorLike, ids: TensorLike, axis?: number): Tensor => asTensor(x).gather(ids, axis);

// Products and layers' operations

export const matmul = (a: TensorLike, b: TensorLike): Tensor => asTensor(a).matmul(b);
export const dense = (x: TensorLike, kernel: TensorLike, bias?: TensorLike): Tensor => asTensor(x).dense(kernel, bias);
export const conv2d = (x: TensorLike, kernel: TensorLike, options?: ConvOptions): Tensor =>
  asTensor(x).conv2d(kernel, options);
export const maxPool2d = (x: TensorLike, options: Pool2dOptions): Tensor => asTensor(x).maxPool2d(options);
export const avgPool2d = (x: TensorLike, options: Pool2dOptions): Tensor => asTensor(x).avgPool2d(options);
export const softmaxCrossEntropy = (logits: TensorLike, labels: TensorLike, options?: CrossEntropyOptions): Tensor =>
  asTensor(logits).softmaxCrossEntropy(labels, options);

/**
 * Batch normalisation by the batch's own statistics over all axes but the last; gamma and beta are [channels].
 * epsilon defaults to 1e-3, as in Keras.
 */
export function batchNorm(
  x: TensorLike,
  gamma: TensorLike,
  beta: TensorLike,
  { epsilon = 1e-3 }: { epsilon?: number } = {},
): { y: Tensor; mean: Tensor; variance: Tensor } {
  const result = batchNormNode(nodeOf(x), nodeOf(gamma), nodeOf(beta), epsilon);
  return { y: new Tensor(result.y), mean: new Tensor(result.mean), variance: new Tensor(result.variance) };
}

/** Zeroes a share `rate` in [0, 1] of the elements and scales the rest by 1 / (1 - rate); `seed` chooses which. */
export function dropout(x: TensorLike, rate: number, { seed }: { seed: number }): Tensor {
  if (!(rate >= 0 && rate <= 1)) {
    throw new ArgumentError(`dropout: rate must lie in [0, 1], got ${rate}. It is the share that is dropped.`);
  }
  return new Tensor(dropoutNode(nodeOf(x), rate, seed >>> 0));
}

// Differentiation

/**
 * A function that gives the value of `f`, a scalar, and its gradient to every argument. The value and the gradients are
 * computed together when one of them is read.
 */
export function valueAndGrad(f: (...args: Tensor[]) => Tensor): (...args: TensorLike[]) => [Tensor, Tensor[]] {
  return (...args) => {
    // An argument given twice has two gradients, so each gets a node of its own; a reshape costs nothing.
    const inputs = args.map((arg) => {
      const node = nodeOf(arg);
      return createNode(reshapeOp, [node], { shape: node.shape });
    });
    const value = f(...inputs.map((node) => new Tensor(node)));
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
