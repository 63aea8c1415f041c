/** Shapes and places: functions alone, so that programs that do not use them do not load them. */

import { describe } from '../base/describe.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { formatShape, normalizeAxes, normalizeAxis } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { concat } from '../ops/concat.ts';
import { einsum as einsumNode } from '../ops/einsum.ts';
import { padEdge as padEdgeNode, padReflect as padReflectNode } from '../ops/padModes.ts';
import { tile as tileNode } from '../ops/repeat.ts';
import { reshape } from '../ops/reshape.ts';
import { split as splitNode } from '../ops/split.ts';
import { stopGradient as stopGradientNode } from '../ops/stopGradient.ts';
import { flip as flipNode, type SliceIndex, sliceBetween } from '../ops/stridedSlice.ts';
import { nodeOf, nodesOf } from './operands.ts';
import { type Axes, Tensor, type TensorLike } from './tensor.ts';

/** A new axis of extent 1 at `axis`, by default the first; -1 puts it last. */
export const expandDims = (x: TensorLike, axis = 0): Tensor =>
  new Tensor(expanded(nodeOf(x, 'expandDims'), axis, 'expandDims'));

function expanded(x: Node, axis: number, who: string): Node {
  const at = normalizeAxis(axis, x.shape.length + 1, who);
  return reshape(x, x.shape.toSpliced(at, 0, 1));
}

/** Without the axes of extent 1, by default all of them. */
export function squeeze(x: TensorLike, axes?: Axes): Tensor {
  const node = nodeOf(x, 'squeeze');
  const list = axes === undefined ? null : normalizeAxes(axes, node.shape.length, 'squeeze');
  const long = list?.find((d) => node.shape[d] !== 1);
  if (long !== undefined) {
    throw new ShapeError(
      `squeeze: axis ${long} of ${formatShape(node.shape)} is longer than 1. Name axes of extent 1, or none for all of them.`,
    );
  }
  return new Tensor(
    reshape(
      node,
      node.shape.filter((extent, d) => (list === null ? extent !== 1 : !list.includes(d))),
    ),
  );
}

/** Tensors of one shape side by side along a new axis, by default the first. */
export function stack(tensors: readonly TensorLike[], axis = 0): Tensor {
  const nodes = nodesOf(tensors, 'stack').map((node) => expanded(node, axis, 'stack'));
  return new Tensor(concat(nodes, axis));
}

/** The tensors of which `stack` makes `x`: one for each place along an axis, by default the first, which is gone. */
export function unstack(x: TensorLike, axis = 0): Tensor[] {
  const node = nodeOf(x, 'unstack');
  const at = normalizeAxis(axis, node.shape.length, 'unstack');
  const shape = node.shape.toSpliced(at, 1);
  return splitNode(node, new Array<number>(node.shape[at]).fill(1), at).map((part) => new Tensor(reshape(part, shape)));
}

/** `x` cut along an axis, by default the last: into so many equal parts, or into parts of these lengths. `concat` undoes it. */
export function split(x: TensorLike, parts: number | readonly number[], axis = -1): Tensor[] {
  const node = nodeOf(x, 'split');
  const at = normalizeAxis(axis, node.shape.length, 'split');
  const extent = node.shape[at];
  const lengths =
    typeof parts === 'number'
      ? new Array<number>(parts >= 1 && parts <= extent ? Math.floor(parts) : 0).fill(extent / parts)
      : parts;
  const whole = Array.isArray(lengths) && lengths.every((length) => Number.isInteger(length) && length >= 1);
  if (!whole || lengths.reduce((total, length) => total + length, 0) !== extent) {
    throw new ArgumentError(
      `split: ${describe(parts)} does not cut the ${extent} elements along axis ${at} of ${formatShape(node.shape)}. Give a number of parts ` +
        'that divides them, or lengths of at least 1 that add up to them.',
    );
  }
  return splitNode(node, lengths, at).map((part) => new Tensor(part));
}

/** Copies side by side, `repetitions[i]` along axis i. Lists of different lengths are aligned at the last axis, as in NumPy. */
export const tile = (x: TensorLike, repetitions: readonly number[]): Tensor =>
  new Tensor(tileNode(nodeOf(x, 'tile'), repetitions));

/** The elements in reverse order along the axes, by default all. */
export function flip(x: TensorLike, axes?: Axes): Tensor {
  const node = nodeOf(x, 'flip');
  return new Tensor(flipNode(node, normalizeAxes(axes, node.shape.length, 'flip')));
}

/**
 * Python's slices, an entry an axis: `stridedSlice(x, [null, 1], [null, -1], [-1, 2])` is `x[::-1, 1:-1:2]`. From `begin` on, up to
 * and without `end`; negative indices count from the end, null and what is left out is where the axis begins or ends; negative
 * strides go backward.
 * @throws ShapeError where nothing is left of an axis
 */
export const stridedSlice = (
  x: TensorLike,
  begin: readonly SliceIndex[],
  end: readonly SliceIndex[] = [],
  strides: readonly SliceIndex[] = [],
): Tensor => new Tensor(sliceBetween(nodeOf(x, 'stridedSlice'), begin, end, strides));

/** Adds [before, after] elements to every axis, mirrored at its outermost ones: 1, 2, 3 by [2, 1] is 3, 2, 1, 2, 3, 2. */
export const padReflect = (x: TensorLike, padding: readonly (readonly [number, number])[]): Tensor =>
  new Tensor(padReflectNode(nodeOf(x, 'padReflect'), padding));
/** Adds [before, after] elements to every axis, copies of its outermost ones: 1, 2, 3 by [2, 1] is 1, 1, 1, 2, 3, 3. */
export const padEdge = (x: TensorLike, padding: readonly (readonly [number, number])[]): Tensor =>
  new Tensor(padEdgeNode(nodeOf(x, 'padEdge'), padding));

/** The same values, as a constant for gradients. */
export const stopGradient = (x: TensorLike): Tensor => new Tensor(stopGradientNode(nodeOf(x, 'stopGradient')));

/**
 * Sums of products by an equation, as NumPy's: `einsum('bij,bjk->bik', a, b)`. Each letter is an axis; letters that the result does
 * not name are added up; `...` stands for axes that are broadcast; a letter twice in an operand takes its diagonal. Without an
 * arrow the result has the letters that stand once, in alphabetical order. Operands are taken from left to right, two at a time,
 * as matrix products.
 */
export const einsum = (equation: string, ...operands: readonly TensorLike[]): Tensor => {
  if (typeof equation !== 'string') {
    throw new ArgumentError(
      `einsum: expected an equation, got ${describe(equation)}. Write einsum('ij,jk->ik', a, b).`,
    );
  }
  return new Tensor(
    einsumNode(
      equation,
      operands.map((one) => nodeOf(one, 'einsum')),
    ),
  );
};
