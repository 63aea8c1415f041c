/** Every n-th element along each axis, forward or backward. */

import { describe } from '../base/describe.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { formatShape, type Shape, stridesOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { reshape } from './reshape.ts';
import { dot, lastOf, pad, runOf, slice } from './views.ts';

export interface StridedSliceAttributes {
  /** The first element's coordinates. */
  readonly begin: readonly number[];
  /** Of the result; all elements lie within the input. */
  readonly size: Shape;
  /** From one element to the next; no 0. */
  readonly strides: readonly number[];
}

export const stridedSliceOp: BuiltInOp<StridedSliceAttributes> = {
  name: 'stridedSlice',
  infer: ([x], { size }) => ({ shape: size, dtype: x.dtype }),
  gradient: ({ inputs: [x], attributes }, g) => [spread(g, x.shape, attributes)],
  partition: {
    cuts: ({ inputs: [x], attributes: { strides }, shape }, axis) =>
      shape.slice(0, axis + 1).every((extent, d) => extent === x.shape[d] && strides[d] === 1) ? [axis] : [],
    sizes: ['size'],
  },
  lowering: {
    kind: 'view',
    body({ inputs: [x], attributes: { begin, strides }, shape }, scope) {
      const places = stridesOf(x.shape);
      const start = begin.reduce((sum, at, d) => sum + at * places[d], 0);
      // Backward as well: unsigned numbers wrap.
      const steps = places.map((place, d) => (place * strides[d]) >>> 0);
      return `${scope.coordinates(shape)} return ${scope.read(0, `${scope.word(start)} + ${dot(steps)}`)};`;
    },
    keepsRows: ({ inputs: [x], attributes: { begin, strides }, shape }) =>
      (strides.at(-1) ?? 1) === 1 ? runOf(lastOf(x.shape), lastOf(shape), begin.at(-1) ?? 0) : 1,
  },
};

export const stridedSlice = (x: Node, attributes: StridedSliceAttributes): Node =>
  createNode(stridedSliceOp, [x], attributes);

/** The elements in reverse order along some axes. */
export function flip(x: Node, axes: readonly number[]): Node {
  if (axes.length === 0) return x;
  const turned = (d: number): boolean => axes.includes(d);
  return stridedSlice(x, {
    begin: x.shape.map((extent, d) => (turned(d) ? extent - 1 : 0)),
    size: x.shape,
    strides: x.shape.map((_, d) => (turned(d) ? -1 : 1)),
  });
}

/** The elements of a slice at their places among zeros. */
function spread(g: Node, shape: Shape, { begin, size, strides }: StridedSliceAttributes): Node {
  const backward = [...strides.keys()].filter((d) => strides[d] < 0);
  const steps = strides.map(Math.abs);
  const first = begin.map((at, d) => (strides[d] < 0 ? at - (size[d] - 1) * steps[d] : at));
  // Zeros after each element: of an axis two are made.
  const apart = pad(
    reshape(
      flip(g, backward),
      size.flatMap((extent, d) => (steps[d] > 1 ? [extent, 1] : [extent])),
    ),
    steps.flatMap((step): [number, number][] =>
      step > 1
        ? [
            [0, 0],
            [0, step - 1],
          ]
        : [[0, 0]],
    ),
  );
  // Those after the last one may reach past the end.
  const length = size.map((extent, d) => Math.min(extent * steps[d], shape[d] - first[d]));
  const whole = reshape(
    apart,
    size.map((extent, d) => extent * steps[d]),
  );
  const inside = whole.shape.every((extent, d) => extent === length[d])
    ? whole
    : slice(
        whole,
        length.map(() => 0),
        length,
      );
  return pad(
    inside,
    shape.map((extent, d) => [first[d], extent - first[d] - length[d]]),
  );
}

/** An index as Python's slices have it, negative from the end on; null: where the axis begins or ends. */
export type SliceIndex = number | null;

/** The elements from `begin` on up to and without `end`, by `strides`: what is left out of a list is null. */
export function sliceBetween(
  x: Node,
  begin: readonly SliceIndex[],
  end: readonly SliceIndex[],
  strides: readonly SliceIndex[],
): Node {
  const who = 'stridedSlice';
  for (const list of [begin, end, strides]) {
    const whole = Array.isArray(list) && list.every((at) => at === null || Number.isSafeInteger(at));
    if (whole && list.length <= x.shape.length && !(list === strides && list.includes(0))) continue;
    throw new ArgumentError(
      `${who}: expected up to ${x.shape.length} whole numbers or nulls${list === strides ? ', no stride of 0' : ''}, got ` +
        `${Array.isArray(list) ? JSON.stringify(list) : describe(list)}. Give one an axis of ${formatShape(x.shape)}.`,
    );
  }
  const ranges = x.shape.map((extent, d) => {
    const stride = strides[d] ?? 1;
    // Where backward steps end lies before the first element.
    const [first, last] = stride > 0 ? [0, extent] : [-1, extent - 1];
    const within = (at: number): number => Math.min(Math.max(at < 0 ? at + extent : at, first), last);
    const from = begin[d] ?? null;
    const to = end[d] ?? null;
    const start = from === null ? (stride > 0 ? 0 : last) : within(from);
    const stop = to === null ? (stride > 0 ? last : first) : within(to);
    return { start, stride, count: Math.ceil((stop - start) / stride) };
  });
  const size = ranges.map(({ count }) => count);
  if (size.some((count) => count < 1)) {
    throw new ShapeError(
      `${who}: nothing is left of ${formatShape(x.shape)} from ${JSON.stringify(begin)} to ${JSON.stringify(end)} by ` +
        `${JSON.stringify(strides)}. Leave one element an axis at least.`,
    );
  }
  const first = ranges.map(({ start }) => start);
  if (ranges.every(({ stride }) => stride === 1)) return slice(x, first, size);
  return stridedSlice(x, { begin: first, size, strides: ranges.map(({ stride }) => stride) });
}
