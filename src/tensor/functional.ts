/** Operations that are functions alone: of several tensors, with several results, or with a random draw. */

import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { batchNorm as batchNormNode } from '../ops/batchNorm.ts';
import { concat as concatNodes } from '../ops/concat.ts';
import { dropout as dropoutNode } from '../ops/elementwise.ts';
import { nodeOf, nodesOf, numberOf } from './operands.ts';
import { Tensor, type TensorLike } from './tensor.ts';

/** Joins tensors along an axis, by default the last. */
export const concat = (tensors: readonly TensorLike[], axis?: number): Tensor =>
  new Tensor(concatNodes(nodesOf(tensors, 'concat'), axis));

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
