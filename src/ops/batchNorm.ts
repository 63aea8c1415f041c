/**
 * Batch normalisation over all axes but the last (Ioffe and Szegedy 2015), an expression with a gradient of its own: the planner
 * turns it into two reductions with fused prologues and one elementwise kernel each way, so it needs no kernel of its own.
 */

import { ShapeError } from '../base/errors.ts';
import { formatShape, sizeOf } from '../base/shape.ts';
import { createNode, type Node, refuseInt32 } from '../ir/op.ts';
import { add, div, elementwise, maximum, mul, NONE, sqrt, square, sub, where } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { mean, sum } from './reduce.ts';
import { reshape } from './reshape.ts';

export interface Normalised {
  readonly y: Node;
  /** [channels], of this batch. */
  readonly mean: Node;
  /** [channels], of this batch, biased (divided by the count). */
  readonly variance: Node;
}

/** gamma (x - mean) / sqrt(variance + epsilon) + beta with given statistics, each [channels]. */
export function normalise(
  x: Node,
  mean: Node,
  variance: Node,
  gamma: Node | null,
  beta: Node | null,
  epsilon: number,
): Node {
  const deviation = sqrt(add(variance, fullNode(epsilon)));
  const scale = gamma === null ? div(fullNode(1), deviation) : div(gamma, deviation);
  const y = mul(sub(x, mean), scale);
  return beta === null ? y : add(y, beta);
}

/**
 * gamma (x - mean) r + beta with x's own mean and r, the reciprocal of its deviation, each [channels]. The gradient to x is the whole one,
 * so that none flows to mean and r: what goes through them needs two sums, and no element of x more than once.
 */
export const batchNormOp = elementwise('batchNorm', {
  expression: ([x, mean, r, gamma, beta]) => `(${x} - ${mean}) * (${r} * ${gamma}) + ${beta}`,
  gradient([x, average, r, gamma], _, g) {
    const axes = axesOf(x);
    const count = fullNode(sizeOf(x.shape) / sizeOf(average.shape));
    const total = sum(g, axes);
    // Deviations are computed where they are read, which costs less than to keep them.
    const moment = sum(mul(g, sub(x, average)), axes);
    const along = mul(sub(x, average), div(mul(square(r), moment), count));
    return [
      () => mul(sub(sub(g, along), div(total, count)), mul(r, gamma)),
      () => null,
      () => null,
      () => mul(moment, r),
      () => total,
    ];
  },
});

const axesOf = (x: Node): number[] => x.shape.slice(0, -1).map((_, d) => d);

/**
 * Normalises by the batch's own statistics; the variance is computed from the deviations, not from a difference of squares. `mask`: 1 or
 * 0 for each step [batch, steps]: the statistics are those of the steps that are there, 0 where there is none.
 */
export function batchNorm(x: Node, gamma: Node | null, beta: Node | null, epsilon = 1e-3, mask?: Node): Normalised {
  const channels = x.shape.at(-1);
  for (const parameter of [gamma, beta]) {
    if (parameter !== null && (parameter.shape.length !== 1 || parameter.shape[0] !== channels)) {
      throw new ShapeError(
        `batchNorm: expected gamma and beta [${channels}] for inputs ${formatShape(x.shape)}, got ${formatShape(parameter.shape)}. ` +
          'They hold one number a channel, the last axis.',
      );
    }
  }
  refuseInt32([x], 'batchNorm');
  const axes = axesOf(x);
  const over = mask === undefined ? (values: Node): Node => mean(values, axes) : meanOf(x, axes, mask);
  const average = over(x);
  const variance = over(square(sub(x, average)));
  // The expression's gradient is that of statistics over all of x.
  if (mask !== undefined) {
    return { y: normalise(x, average, variance, gamma, beta, epsilon), mean: average, variance };
  }
  const r = div(fullNode(1), sqrt(add(variance, fullNode(epsilon))));
  const inputs = [x, average, r, gamma ?? fullNode(1, average.shape), beta ?? fullNode(0, average.shape)];
  return { y: createNode(batchNormOp, inputs, NONE), mean: average, variance };
}

/** Means of values of x's shape over the axes, of the steps that a mask has. */
function meanOf({ shape }: Node, axes: readonly number[], mask: Node): (values: Node) => Node {
  const there = reshape(mask, [...mask.shape, ...shape.slice(mask.shape.length).map(() => 1)]);
  const each = sizeOf(shape.slice(mask.shape.length, -1));
  const count = maximum(mul(sum(mask), fullNode(each)), fullNode(1));
  return (values) => div(sum(where(there, values, fullNode(0)), axes), count);
}
