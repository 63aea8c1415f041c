/** Reductions that few programs use: functions alone, so that others do not load them. */

import { flagOf } from '../base/checks.ts';
import type { Node } from '../ir/op.ts';
import { prod as prodNode } from '../ops/prod.ts';
import * as s from '../ops/statistics.ts';
import { nodeOf } from './operands.ts';
import { type Axes, Tensor, type TensorLike } from './tensor.ts';

const reduction =
  (name: string, make: (x: Node, axes: Axes | undefined, keepDims: boolean) => Node) =>
  (x: TensorLike, axes?: Axes, keepDims = false): Tensor =>
    new Tensor(make(nodeOf(x, name), axes, flagOf(keepDims, name, 'keepDims')));

/**
 * Product over the axes, by default all, of int32 modulo 2^32; `keepDims` keeps them with an extent of 1. Its gradient is right at zeros, too; that of
 * the gradient leaves out what a zero would contribute.
 */
export const prod = reduction('prod', prodNode);
/** ln Σ e^x over the axes, by default all; the maximum is taken off first, so that nothing overflows. */
export const logSumExp = reduction('logSumExp', s.logSumExp);
/** 1 where some element over the axes, by default all, is not 0, else 0; NaN is not 0. No gradient flows. */
export const any = reduction('any', s.any);
/** 1 where no element over the axes, by default all, is 0, else 0; NaN is not 0. No gradient flows. */
export const all = reduction('all', s.all);
/**
 * Index (int32) of the first smallest element along an axis, by default the last, or in row-major order among all (null); NaN
 * counts as smallest. `keepDims` keeps what was searched with an extent of 1.
 */
export const argMin = (x: TensorLike, axis: number | null = -1, keepDims = false): Tensor =>
  new Tensor(s.argMinOver(nodeOf(x, 'argMin'), axis, flagOf(keepDims, 'argMin', 'keepDims')));
