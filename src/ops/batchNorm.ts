/**
 * Batch normalisation over all axes but the last (Ioffe and Szegedy 2015), written with other operations: the planner
 * turns it into two reductions with fused prologues and one elementwise kernel each way, so it needs no kernel of its own.
 */

import { ShapeError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import { type Node, refuseInt32 } from '../ir/op.ts';
import { add, div, mul, sqrt, square, sub } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { mean } from './reduce.ts';

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

/** Normalises by the batch's own statistics; the variance is computed from the deviations, not from a difference of squares. */
export function batchNorm(x: Node, gamma: Node | null, beta: Node | null, epsilon = 1e-3): Normalised {
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
  const axes = x.shape.slice(0, -1).map((_, d) => d);
  const average = mean(x, axes);
  const variance = mean(square(sub(x, average)), axes);
  return { y: normalise(x, average, variance, gamma, beta, epsilon), mean: average, variance };
}
