/** Pure arithmetic on shapes: sizes, broadcasting, axes, and the windows of convolution and pooling. */

import { counted, describe } from './describe.ts';
import { ArgumentError, ShapeError } from './errors.ts';
import { checkName } from './optionNames.ts';

/** Extents of a tensor, outermost first; `[]` is a scalar. Every extent is at least 1. */
export type Shape = readonly number[];

/** A copy of a shape that nobody can change: for what is kept and handed out. */
export const frozen = (shape: Shape): Shape => Object.freeze([...shape]);

/** Number of elements. */
export function sizeOf(shape: Shape): number {
  let size = 1;
  for (const extent of shape) size *= extent;
  return size;
}

/** Row-major strides in elements. */
export function stridesOf(shape: Shape): number[] {
  const strides = new Array<number>(shape.length);
  let stride = 1;
  for (let d = shape.length - 1; d >= 0; d--) {
    strides[d] = stride;
    stride *= shape[d];
  }
  return strides;
}

export function sameShape(a: Shape, b: Shape): boolean {
  return a.length === b.length && a.every((extent, d) => extent === b[d]);
}

/** A shape as a person writes it: `[2, 3]`. */
export function formatShape(shape: Shape): string {
  return `[${shape.join(', ')}]`;
}

/** Throws unless every extent is a whole number of at least 1. */
export function checkShape(shape: Shape, who: string): void {
  if (!Array.isArray(shape)) {
    throw new ShapeError(
      `${who}: expected a shape, an array of whole numbers, got ${describe(shape)}. Write [2, 3], or [] for a scalar.`,
    );
  }
  for (const extent of shape) {
    if (!Number.isInteger(extent) || extent < 1) {
      throw new ShapeError(
        `${who}: expected extents that are whole numbers of at least 1, got ${formatShape(shape)}. Leave out empty dimensions.`,
      );
    }
  }
}

/** NumPy's rule: align at the end; extents must be equal or 1. */
export function broadcastShapes(shapes: readonly Shape[], who: string): number[] {
  const rank = Math.max(0, ...shapes.map((shape) => shape.length));
  const result = new Array<number>(rank).fill(1);
  for (const shape of shapes) {
    shape.forEach((extent, d) => {
      const at = rank - shape.length + d;
      if (extent === 1 || extent === result[at]) return;
      if (result[at] !== 1) {
        throw new ShapeError(
          `${who}: shapes ${shapes.map(formatShape).join(' and ')} do not broadcast: extents ${result[at]} and ${extent} ` +
            `meet at dimension ${at}. Make them equal or 1, for example with reshape.`,
        );
      }
      result[at] = extent;
    });
  }
  return result;
}

/** The axes of `from` that were broadcast to reach `to`, and whether leading axes were added. */
export function broadcastAxes(from: Shape, to: Shape): number[] {
  const lead = to.length - from.length;
  const axes: number[] = [];
  to.forEach((extent, d) => {
    if (d < lead || (from[d - lead] === 1 && extent !== 1)) axes.push(d);
  });
  return axes;
}

/** Axes as sorted non-negative numbers; none means all. */
export function normalizeAxes(axes: number | readonly number[] | undefined, rank: number, who: string): number[] {
  if (axes === undefined) return Array.from({ length: rank }, (_, d) => d);
  const list = Array.isArray(axes) ? axes : [axes];
  const result = new Set<number>();
  for (const axis of list) {
    if (typeof axis !== 'number') {
      throw new ShapeError(`${who}: expected an axis or an array of axes, got ${describe(axes)}. Give whole numbers.`);
    }
    const d = axis < 0 ? axis + rank : axis;
    if (!Number.isInteger(d) || d < 0 || d >= rank) {
      throw new ShapeError(`${who}: axis ${axis} is out of range for rank ${rank}. Use ${-rank} to ${rank - 1}.`);
    }
    result.add(d);
  }
  return [...result].sort((a, b) => a - b);
}

/** One axis as a non-negative number. */
export function normalizeAxis(axis: number, rank: number, who: string): number {
  if (typeof axis !== 'number') {
    throw new ShapeError(`${who}: expected one axis, got ${describe(axis)}. Give a whole number.`);
  }
  return normalizeAxes(axis, rank, who)[0];
}

/** Keras' padding: `same` keeps ceil(extent / stride) positions, `valid` uses whole windows only. */
export type Padding = 'same' | 'valid';

/** A number for both dimensions, or [height, width]. */
export type Pair = number | readonly [number, number];

/** A pair of whole numbers of at least 1, which nobody can change. */
export function pairOf(value: Pair, who: string): readonly [number, number] {
  const pair = typeof value === 'number' ? [value, value] : value;
  if (!Array.isArray(pair) || pair.length !== 2 || pair.some((v) => !Number.isSafeInteger(v) || v < 1)) {
    throw new ArgumentError(
      `${who}: expected a whole number of at least 1 or a pair of them, got ${describe(value)}. Write 2 or [2, 2], for example.`,
    );
  }
  return Object.freeze([pair[0], pair[1]]);
}

/** Pixels of zeros before the first one and behind the last one, along one dimension. */
export type Margins = readonly [before: number, after: number];

/**
 * Padding of a convolution: Keras' names, or pixels of zeros as Keras' ZeroPadding2D takes them: a number for all four sides,
 * [vertical, horizontal], or [[above, below], [left, right]].
 */
export type ConvPadding = Padding | Pair | readonly [Margins, Margins];

const isCount = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0;

/** Pixels as [before, after]: a number stands for both. */
function marginsOf(value: unknown): Margins | null {
  if (isCount(value)) return [value, value];
  if (!Array.isArray(value) || value.length !== 2) return null;
  const [before, after]: readonly unknown[] = value;
  return isCount(before) && isCount(after) ? [before, after] : null;
}

/** Padding as its name, or as pixels along each dimension, of which nobody can change anything. */
export function paddingOf(value: ConvPadding, who: string): Padding | readonly [Margins, Margins] {
  if (typeof value === 'string') return checkName(who, 'padding', value, ['same', 'valid'] as const, ', or pixels');
  const sides: readonly unknown[] = Array.isArray(value) && value.length === 2 ? value : [value, value];
  const [vertical, horizontal] = sides.map(marginsOf);
  if (vertical === null || horizontal === null) {
    throw new ArgumentError(
      `${who}: padding must be 'same', 'valid' or whole numbers of at least 0, got ${describe(value)}. ` +
        'Write 1, [1, 2] or [[above, below], [left, right]] for pixels.',
    );
  }
  return Object.freeze([Object.freeze(vertical), Object.freeze(horizontal)] as const);
}

/** The padding along one of the dimensions. */
export const paddingAlong = (padding: Padding | readonly [Margins, Margins], d: number): Padding | Margins =>
  typeof padding === 'string' ? padding : padding[d];

/** Pixels that a window of so many taps spans, `rate` from one to the next. */
export const spanOf = (taps: number, rate: number): number => (taps - 1) * rate + 1;

/** One dimension of a sliding window: how many positions, and how far before the first pixel it starts. */
export interface Window {
  readonly output: number;
  /** Padding before the first pixel. */
  readonly before: number;
}

/**
 * Positions of a window of `size` moved by `stride` over `extent` pixels. `same` pads as TensorFlow does:
 * max((ceil(extent / stride) - 1) stride + size - extent, 0) in all, the smaller half first.
 */
export function windowOf(
  extent: number,
  size: number,
  stride: number,
  padding: Padding | Margins,
  who: string,
): Window {
  if (padding === 'same') {
    const output = Math.ceil(extent / stride);
    const total = Math.max((output - 1) * stride + size - extent, 0);
    return { output, before: Math.floor(total / 2) };
  }
  if (typeof padding === 'string' && padding !== 'valid') {
    throw new ArgumentError(`${who}: padding must be 'same' or 'valid', got '${String(padding)}'. Use one of the two.`);
  }
  const [before, after] = padding === 'valid' ? [0, 0] : padding;
  const padded = before + extent + after;
  if (size > padded) {
    throw new ShapeError(
      `${who}: a window of ${size} does not fit into ${counted(extent, 'pixel')} ${padded > extent ? `and ${padded - extent} of padding` : 'without padding'}. Use padding: 'same' or a smaller window.`,
    );
  }
  return { output: Math.floor((padded - size) / stride) + 1, before };
}

/** Smallest multiple of `unit` that is at least `value`. */
export function roundUp(value: number, unit: number): number {
  return Math.ceil(value / unit) * unit;
}
