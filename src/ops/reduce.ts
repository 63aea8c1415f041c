/** Sums and maxima over axes, their way back (broadcasting), and the position of the maximum. */

import type { Dtype } from '../base/dtype.ts';
import { ShapeError } from '../base/errors.ts';
import {
  broadcastShapes,
  formatShape,
  normalizeAxes,
  normalizeAxis,
  type Shape,
  sameShape,
  sizeOf,
} from '../base/shape.ts';
import {
  type BuiltInOp,
  createNode,
  type Extents,
  inWays,
  type KernelTemplate,
  type Node,
  type Op,
  type Reduction,
  refuseInt32,
  type Scratch,
  type Target,
} from '../ir/op.ts';
import { valueType } from '../ir/scope.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { copy, div, equal, mul, neg } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { reshape } from './reshape.ts';
import { transpose } from './views.ts';

/** A tensor seen as [outer, extent, inner], reduced over `extent`. */
export interface ReduceAttributes {
  readonly axis: number;
  /** Neighbouring axes reduced, from `axis` on. */
  readonly count: number;
}

function extents(node: Node<ReduceAttributes>): Extents {
  const { axis, count } = node.attributes;
  const { shape } = node.inputs[0];
  return {
    outer: sizeOf(shape.slice(0, axis)),
    extent: sizeOf(shape.slice(axis, axis + count)),
    inner: sizeOf(shape.slice(axis + count)),
  };
}

const KEPT = (shape: Shape, { axis, count }: ReduceAttributes): Shape =>
  shape.map((extent, d) => (d >= axis && d < axis + count ? 1 : extent));

/** Of values that `load` gives, or of those in memory. */
const plainReduction = (label: string, combine: string, dtype: Dtype, extents: Extents, from?: Scratch): Reduction => ({
  label,
  source: '',
  combine,
  number: (width) => valueType(dtype, width),
  words: 1,
  vector: true,
  value: from === undefined ? 'load(i)' : 'input[i]',
  reads: (width) => (from === undefined ? [] : [{ name: 'input', operand: from, element: valueType(dtype, width) }]),
  result: 'store(result, total);',
  byThread: (width) => threadKernels(label, combine, dtype, extents, from, width),
});

/**
 * A reduction by a thread a result. Where few results come of many values, the extent is split: a first kernel reduces chunks
 * side by side, a second one reduces the chunks' results. That is also what keeps the rounding error of long sums small.
 */
function threadKernels(
  label: string,
  combine: string,
  dtype: Dtype,
  { outer, extent, inner }: Extents,
  from: Scratch | undefined,
  width: 1 | 4,
): KernelTemplate[] {
  const columns = inner / width;
  const results = outer * columns;
  // On the CPU a dispatch costs as much as a few hundred values; on a GPU this way is taken where results are many.
  const chunk = Math.ceil(extent / Math.max(1, Math.min(Math.ceil(512 / results), Math.ceil(extent / 512))));
  const splits = Math.ceil(extent / chunk);
  const element = valueType(dtype, width);
  const pass = (stage: string, chunks: number, length: number, input?: Scratch, output?: Scratch): KernelTemplate => ({
    label: stage,
    source: shaders.reduce,
    holes: {
      COMBINE: combine,
      NUMBER: dtype === 'int32' ? 'I' : 'V',
      FROM_MEMORY: input !== undefined,
      TO_MEMORY: output !== undefined,
    },
    reads: input === undefined ? [] : [{ name: 'input', operand: input, element }],
    writes: output === undefined ? [] : [{ name: 'partial', operand: output, element }],
    uniforms: { results: results * chunks, columns, extent: length, chunk: chunks === 1 ? length : chunk, chunks },
    grid: Math.ceil((results * chunks) / 64),
    width,
    apart: input === undefined ? inner : undefined,
  });
  if (splits === 1) return [pass(label, 1, extent, from)];
  const partial: Scratch = { bytes: results * splits * width * 4 };
  return [pass(`${label} (parts)`, splits, extent, from, partial), pass(label, 1, splits, partial)];
}

/** The kernels that add up what lies in memory, seen as `extents`. */
export const sumOfParts = (label: string, from: Scratch, extents: Extents, target: Target): readonly KernelTemplate[] =>
  target.ways.reduction(plainReduction(label, 'a + b', 'float32', extents, from), extents, target)[0].kernels();

/**
 * `combined`: what puts the results of parts together; null where nothing does, so that only what stands beside the extent is cut.
 * `ofInt32`: how int32 are combined, which then stay int32, modulo 2^32.
 */
export function reduceOp(
  name: string,
  combine: string,
  gradient: (node: Node<ReduceAttributes>, upstream: Node) => Node,
  combined: 'add' | 'maximum' | 'minimum' | null,
  ofInt32: string,
): BuiltInOp<ReduceAttributes> {
  return {
    name,
    infer: ([x], attributes) => ({
      shape: KEPT(x.shape, attributes),
      dtype: x.dtype === 'int32' ? 'int32' : 'float32',
    }),
    gradient: (node, upstream) => [gradient(node, upstream)],
    partition: {
      cuts({ attributes: { axis, count } }, row) {
        if (row < axis || row >= axis + count) return [row];
        return combined === null ? [] : [{ inputs: [row], result: combined }];
      },
    },
    lowering: {
      kind: 'reduce',
      ...reduced(name, extents, (node, seen) => {
        return plainReduction(name, node.dtype === 'int32' ? ofInt32 : combine, node.dtype, seen);
      }),
    },
  };
}

/** How a reduction over what `extentsOf` tells of a node is lowered. */
const reduced = <A>(
  name: string,
  extentsOf: (node: Node<A>) => Extents,
  reduction: (node: Node<A>, extents: Extents) => Reduction,
) =>
  inWays<A>(
    (node) => {
      const { outer, extent, inner } = extentsOf(node);
      return `${name} ${formatShape([outer, extent, inner])}`;
    },
    (node, target) => target.ways.reduction(reduction(node, extentsOf(node)), extentsOf(node), target),
  );

export const sumOp = reduceOp(
  'sum',
  'a + b',
  (node, upstream) => broadcastTo(upstream, node.inputs[0].shape),
  'add',
  'a + b',
);

/** Ties share the gradient equally. */
const shareTies = (node: Node<ReduceAttributes>, upstream: Node): Node => {
  const ties = equal(node.inputs[0], node);
  return mul(ties, div(upstream, createNode(sumOp, [ties], node.attributes)));
};

export const maxOp = reduceOp('max', 'maximum(a, b)', shareTies, 'maximum', 'max(a, b)');

/** Of int32: its smallest number has no negative. */
export const minOp = reduceOp('min', 'minimum(a, b)', shareTies, 'minimum', 'min(a, b)');

function reduceAxes(op: Op<ReduceAttributes>, x: Node, axes: Axes, keepDims: boolean): Node {
  const list = normalizeAxes(axes, x.shape.length, op.name);
  let result = x;
  // Runs of neighbouring axes reduce at once; the last run first, so that earlier axes keep their numbers.
  let end = list.length;
  while (end > 0) {
    let start = end - 1;
    while (start > 0 && list[start - 1] === list[start] - 1) start--;
    result = createNode(op, [result], { axis: list[start], count: end - start });
    end = start;
  }
  return kept(result, list, keepDims);
}

/** The result of a reduction that left an extent of 1 along its axes, with these axes or without. */
export const kept = (result: Node, axes: readonly number[], keepDims: boolean): Node =>
  keepDims
    ? result
    : reshape(
        result,
        result.shape.filter((_, d) => !axes.includes(d)),
      );

export type Axes = number | readonly number[] | undefined;

export const sum = (x: Node, axes?: Axes, keepDims = false): Node => reduceAxes(sumOp, x, axes, keepDims);

/** Axes that are no neighbours are brought together: one reduction after the other would share among the ties of each. */
export function reduceTogether(op: Op<ReduceAttributes>, x: Node, axes: Axes, keepDims: boolean): Node {
  const list = normalizeAxes(axes, x.shape.length, op.name);
  const neighbours = list.every((axis, at) => axis === list[0] + at);
  if (neighbours) return reduceAxes(op, x, list, keepDims);
  const others = [...x.shape.keys()].filter((axis) => !list.includes(axis));
  const last = list.map((_, at) => others.length + at);
  const result = reduceAxes(op, transpose(x, [...others, ...list]), last, false);
  return keepDims
    ? reshape(
        result,
        x.shape.map((extent, d) => (list.includes(d) ? 1 : extent)),
      )
    : result;
}

export const max = (x: Node, axes?: Axes, keepDims = false): Node => reduceTogether(maxOp, x, axes, keepDims);
export const min = (x: Node, axes?: Axes, keepDims = false): Node =>
  x.dtype === 'int32' ? reduceTogether(minOp, x, axes, keepDims) : neg(reduceTogether(maxOp, neg(x), axes, keepDims));

export function mean(x: Node, axes?: Axes, keepDims = false): Node {
  refuseInt32([x], 'mean');
  const total = sum(x, axes, keepDims);
  // Divided, not multiplied by a rounded 1 / n: the mean of equal numbers is that number.
  return div(total, fullNode(sizeOf(x.shape) / sizeOf(total.shape)));
}

export interface BroadcastAttributes {
  readonly shape: Shape;
}

/** The transpose of a sum: repeats along axes of extent 1, and along new leading axes. */
export const broadcastToOp: BuiltInOp<BroadcastAttributes> = {
  name: 'broadcastTo',
  infer([x], { shape }) {
    if (!sameShape(broadcastShapes([x.shape, shape], 'broadcastTo'), shape)) {
      throw new ShapeError(
        `broadcastTo: ${formatShape(x.shape)} does not broadcast to ${formatShape(shape)}. Give a shape that contains it.`,
      );
    }
    return { shape, dtype: x.dtype === 'int32' ? 'int32' : 'float32' };
  },
  gradient: (_, upstream) => [upstream],
  fold: (_, [value]) => value,
  partition: { cuts: () => ['elementwise'], sizes: ['shape'] },
  lowering: { kind: 'pointwise', expression: (_, [x]) => x, keepsInt32: () => true },
};

export const broadcastTo = (x: Node, shape: Shape): Node =>
  sameShape(x.shape, shape) ? x : createNode(broadcastToOp, [x], { shape });

export interface ArgMaxAttributes {
  readonly axis: number;
}

const alongOne = (node: Node<ArgMaxAttributes>): Extents =>
  extents({ ...node, attributes: { axis: node.attributes.axis, count: 1 } });

/** Index of the first largest element along an axis; a NaN counts as largest. */
export const argMaxOp: BuiltInOp<ArgMaxAttributes> = {
  name: 'argMax',
  infer: ([x], { axis }) => ({ shape: x.shape.filter((_, d) => d !== axis), dtype: 'int32' }),
  gradient: () => 'none',
  partition: { cuts: ({ attributes }, axis) => (axis < attributes.axis ? [axis] : []) },
  lowering: {
    kind: 'kernel',
    ...reduced('argMax', alongOne, ({ inputs: [x] }, extents) => largestPlace(x, extents)),
  },
};

/** The place of the largest element as the largest of pairs, a value's rank and a number that falls along the extent. */
function largestPlace(x: Node, { outer, extent, inner }: Extents): Reduction {
  const holes = { INTEGERS: x.dtype === 'int32' };
  const reads = [{ name: 'x', operand: x, element: x.dtype === 'int32' ? 'i32' : 'f32' }];
  return {
    label: 'argMax',
    source: shaders.argmax_pairs,
    holes,
    number: () => 'vec2u',
    words: 2,
    vector: false,
    combine: 'larger(a, b)',
    value: 'vec2u(rank(x[i]), ~r)',
    reads: () => reads,
    result: 'store(result, i32(~total.y));',
    byThread: () => [
      {
        label: 'argMax',
        source: shaders.argmax,
        holes,
        reads,
        uniforms: { results: outer * inner, extent, inner },
        grid: Math.ceil((outer * inner) / 64),
      },
    ],
  };
}

export function argMax(x: Node, axis = -1): Node {
  const normalized = normalizeAxis(axis, x.shape.length, 'argMax');
  return createNode(argMaxOp, [x.dtype === 'uint8' ? copy(x) : x], { axis: normalized });
}
