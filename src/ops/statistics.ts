/** Reductions that are made of others. */

import { checkNumber } from '../base/checks.ts';
import { normalizeAxes, sizeOf } from '../base/shape.ts';
import { type Node, refuseInt32 } from '../ir/op.ts';
import { add, div, equal, exp, log, neg, sqrt, square, sub, where } from './elementwise.ts';
import { finites } from './finiteness.ts';
import { fullNode } from './leaf.ts';
import { type Axes, argMax, kept, max, mean, min, sum } from './reduce.ts';
import { reshape } from './reshape.ts';
import { stopGradient } from './stopGradient.ts';

/** Σ (x - mean)² / (n - correction). */
export function variance(x: Node, axes: Axes, keepDims: boolean, correction: number, who: string): Node {
  refuseInt32([x], who);
  const average = mean(x, axes, true);
  const count = sizeOf(x.shape) / sizeOf(average.shape);
  checkNumber(
    who,
    'correction',
    correction,
    `a number below ${count}, as many as are averaged`,
    (n) => n < count,
    'Use 0 or 1.',
  );
  return div(sum(square(sub(x, average)), axes, keepDims), fullNode(count - correction));
}

/** The root of the variance. */
export const std = (x: Node, axes: Axes, keepDims: boolean, correction: number): Node =>
  sqrt(variance(x, axes, keepDims, correction, 'std'));

/** ln Σ e^x, the maximum taken off first. */
export function logSumExp(x: Node, axes?: Axes, keepDims = false): Node {
  refuseInt32([x], 'logSumExp');
  // It moves nothing, so no gradient needs to flow through it. An infinite one cannot be taken off.
  const top = stopGradient(max(x, axes, true));
  const shift = where(finites(top), top, fullNode(0));
  const result = add(log(sum(exp(sub(x, shift)), axes, true)), shift);
  return kept(result, normalizeAxes(axes, x.shape.length, 'logSumExp'), keepDims);
}

/** 1 or 0: whether it is not 0. */
const truth = (x: Node): Node => where(x, fullNode(1), fullNode(0));

export const any = (x: Node, axes?: Axes, keepDims = false): Node => max(truth(x), axes, keepDims);
export const all = (x: Node, axes?: Axes, keepDims = false): Node => min(truth(x), axes, keepDims);

/** The place of the first largest along one axis, or in row-major order (null). */
export function argMaxOver(x: Node, axis: number | null, keepDims: boolean): Node {
  const place = axis === null ? argMax(reshape(x, [-1])) : argMax(x, axis);
  if (!keepDims) return place;
  return reshape(place, axis === null ? x.shape.map(() => 1) : x.shape.with(axis, 1));
}

/** The place of the first smallest; a NaN counts as smallest. */
export function argMinOver(x: Node, axis: number | null, keepDims: boolean): Node {
  // The smallest int32 has no negative, and large ones would be rounded.
  const turned = x.dtype === 'int32' ? equal(x, min(x, axis ?? undefined, true)) : neg(x);
  return argMaxOver(turned, axis, keepDims);
}
