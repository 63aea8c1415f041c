/** Operations that only pick elements by index: transpose, slice, pad. They fuse with whatever follows. */

import { describe } from '../base/describe.ts';
import type { Dtype } from '../base/dtype.ts';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors.ts';
import { formatShape, type Shape, stridesOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, layersOf, type Node } from '../ir/op.ts';
import { copy } from './elementwise.ts';

/** Terms `c0 * stride0 + …`, zero strides left out. */
export function dot(strides: readonly number[]): string {
  const terms = strides.map((stride, d) => (stride === 1 ? `c${d}` : `c${d} * ${stride}u`));
  return terms.length === 0 ? '0u' : terms.join(' + ');
}

/** Extent of the last axis. */
export const lastOf = (shape: Shape): number => shape.at(-1) ?? 1;

/** The longest run that fits into each of these numbers without a rest: the length of runs that begin and end at all of them. */
export const runOf = (...places: readonly number[]): number => places.reduce((a, b) => (b === 0 ? a : runOf(b, a % b)));

export interface TransposeAttributes {
  readonly permutation: readonly number[];
}

export const transposeOp: BuiltInOp<TransposeAttributes> = {
  name: 'transpose',
  infer([x], { permutation }) {
    const sorted = [...permutation].sort((a, b) => a - b);
    if (sorted.length !== x.shape.length || sorted.some((axis, d) => axis !== d)) {
      throw new ShapeError(
        `transpose: ${formatShape(permutation)} is no permutation of the axes of ${formatShape(x.shape)}. Name each axis once.`,
      );
    }
    return { shape: permutation.map((axis) => x.shape[axis]), dtype: x.dtype };
  },
  gradient(node, upstream) {
    const inverse = new Array<number>(node.attributes.permutation.length);
    node.attributes.permutation.forEach((axis, d) => {
      inverse[axis] = d;
    });
    return [createNode(transposeOp, [upstream], { permutation: inverse })];
  },
  partition: {
    cuts: ({ attributes: { permutation } }, axis) =>
      permutation.slice(0, axis + 1).every((from, d) => from === d) ? [axis] : [],
  },
  lowering: {
    kind: 'view',
    body(node, scope) {
      const strides = stridesOf(node.inputs[0].shape);
      const index = dot(node.attributes.permutation.map((axis) => strides[axis]));
      return `${scope.coordinates(node.shape)} return ${scope.read(0, index)};`;
    },
    keepsRows: ({ attributes: { permutation }, shape }) =>
      permutation.at(-1) === permutation.length - 1 ? lastOf(shape) : 1,
    tiles: ({ inputs: [x], attributes: { permutation } }, target) => layersOf(target).permutation(x, permutation),
    ofLayers: true,
  },
};

/** Permutes the axes; without a permutation it reverses them. */
export function transpose(x: Node, permutation?: readonly number[]): Node {
  const rank = x.shape.length;
  checkLists('transpose', 'the permutation', permutation ?? []);
  const wanted = permutation ?? Array.from({ length: rank }, (_, d) => rank - 1 - d);
  return createNode(transposeOp, [x], { permutation: wanted.map((axis) => (axis < 0 ? axis + rank : axis)) });
}

/** Where a result that its input overlaps is as long as this along the rows. */
const cutsOfBox = ({ inputs: [x], shape }: Node, axis: number): number[] =>
  shape.slice(0, axis + 1).every((extent, d) => extent === x.shape[d]) ? [axis] : [];

export interface SliceAttributes {
  readonly begin: readonly number[];
  readonly size: Shape;
}

export const sliceOp: BuiltInOp<SliceAttributes> = {
  name: 'slice',
  infer([x], { begin, size }) {
    const fits =
      begin.length === x.shape.length &&
      size.length === x.shape.length &&
      x.shape.every((extent, d) => begin[d] >= 0 && size[d] >= 1 && begin[d] + size[d] <= extent) &&
      [...begin, ...size].every(Number.isInteger);
    if (!fits) {
      throw new ShapeError(
        `slice: begin ${formatShape(begin)} and size ${formatShape(size)} do not lie within ${formatShape(x.shape)}. ` +
          'Give one number an axis; -1 as a size takes the rest.',
      );
    }
    return { shape: size, dtype: x.dtype };
  },
  gradient(node, upstream) {
    const { begin, size } = node.attributes;
    const padding = node.inputs[0].shape.map((extent, d): [number, number] => [begin[d], extent - begin[d] - size[d]]);
    return [pad(upstream, padding)];
  },
  partition: { cuts: cutsOfBox, sizes: ['size'], corner: 'begin' },
  lowering: {
    kind: 'view',
    body(node, scope) {
      const strides = stridesOf(node.inputs[0].shape);
      const start = node.attributes.begin.reduce((sum, at, d) => sum + at * strides[d], 0);
      // In the uniforms: slices of a data set that begin elsewhere are one kernel.
      return `${scope.coordinates(node.shape)} return ${scope.read(0, `${scope.word(start)} + ${dot(strides)}`)};`;
    },
    keepsRows: ({ inputs: [x], attributes: { begin }, shape }) =>
      runOf(lastOf(x.shape), lastOf(shape), begin.at(-1) ?? 0),
  },
};

/** Throws unless arguments that JavaScript may have got wrong are arrays. */
function checkLists(who: string, what: string, ...lists: readonly (readonly unknown[])[]): void {
  for (const list of lists) {
    if (Array.isArray(list)) continue;
    throw new ArgumentError(`${who}: expected an array as ${what}, got ${describe(list)}. Give one number an axis.`);
  }
}

/** A box of `size` from `begin` on, which counts from the end where it is negative; a size of -1 takes the rest of the axis. */
export function slice(x: Node, begin: readonly number[], size: readonly number[]): Node {
  checkLists('slice', 'begin and size', begin, size);
  const first = begin.map((at, d) => (at < 0 ? at + x.shape[d] : at));
  const extents = size.map((extent, d) => (extent === -1 ? x.shape[d] - first[d] : extent));
  return createNode(sliceOp, [x], { begin: first, size: extents });
}

/** The same values in memory of their own, whatever their dtype. */
export function copyOf(x: Node): Node {
  if (x.dtype === 'float32') return copy(x);
  return slice(
    x,
    x.shape.map(() => 0),
    x.shape,
  );
}

export type Padding = readonly (readonly [before: number, after: number])[];

/** Whether these are two whole numbers of at least 0 for each axis. */
export const isPadding = (padding: Padding, { length }: Shape): boolean =>
  padding.length === length &&
  padding.every((pair) => Array.isArray(pair) && pair.length === 2 && pair.every((n) => Number.isInteger(n) && n >= 0));

function holds(dtype: Dtype, value: number): boolean {
  if (dtype === 'float32') return true;
  return dtype === 'int32' ? value === (value | 0) : value === (value & 255);
}

export interface PadAttributes {
  readonly padding: Padding;
  readonly value: number;
}

export const padOp: BuiltInOp<PadAttributes> = {
  name: 'pad',
  infer([x], { padding, value }) {
    checkLists('pad', 'the padding', padding);
    if (!isPadding(padding, x.shape)) {
      throw new ArgumentError(
        `pad: expected ${x.shape.length} pairs of whole numbers for shape ${formatShape(x.shape)}, got ${JSON.stringify(padding)}. ` +
          'Give [before, after] for every axis.',
      );
    }
    if (!holds(x.dtype, value)) {
      throw new DtypeError(
        `pad: ${x.dtype} cannot hold the value ${value}. Give another one, or cast('float32') first.`,
      );
    }
    return { shape: x.shape.map((extent, d) => padding[d][0] + extent + padding[d][1]), dtype: x.dtype };
  },
  gradient(node, upstream) {
    const begin = node.attributes.padding.map(([before]) => before);
    return [slice(upstream, begin, node.inputs[0].shape)];
  },
  partition: { cuts: cutsOfBox },
  lowering: {
    kind: 'view',
    body(node, scope) {
      const [x] = node.inputs;
      const { padding, value } = node.attributes;
      const strides = stridesOf(x.shape);
      const inside: string[] = [];
      const terms = strides.map((stride, d) => {
        const [before] = padding[d];
        if (before > 0) inside.push(`c${d} >= ${before}u`);
        if (padding[d][1] > 0) inside.push(`c${d} < ${before + x.shape[d]}u`);
        return `(c${d} - ${before}u) * ${stride}u`;
      });
      const index = terms.length === 0 ? '0u' : terms.join(' + ');
      const guard = inside.length === 0 ? 'true' : inside.join(' && ');
      return `${scope.coordinates(node.shape)} if (${guard}) { return ${scope.read(0, index)}; } return ${scope.constant(value)};`;
    },
    keepsRows: ({ inputs: [x], attributes: { padding }, shape }) =>
      runOf(lastOf(x.shape), lastOf(shape), padding.at(-1)?.[0] ?? 0),
  },
};

export const pad = (x: Node, padding: Padding, value = 0): Node => createNode(padOp, [x], { padding, value });
