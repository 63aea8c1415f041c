/** Padding by what lies inside, made of slices that are joined. */

import { ArgumentError } from '../base/errors.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { concat } from './concat.ts';
import { broadcastTo } from './reduce.ts';
import { sliceBetween } from './stridedSlice.ts';
import { isPadding, type Padding, slice } from './views.ts';

/** A list with one of its numbers. */
const only = (rank: number, axis: number, at: number): (number | null)[] =>
  Array.from({ length: rank }, (_, d) => (d === axis ? at : null));

/** What stands before and after the elements of an axis. */
type Edges = (
  x: Node,
  axis: number,
  before: number,
  after: number,
) => readonly [before: Node | null, after: Node | null];

function padded(x: Node, padding: Padding, who: string, most: (extent: number) => number, edges: Edges): Node {
  const fits =
    Array.isArray(padding) &&
    isPadding(padding, x.shape) &&
    padding.every((pair, d) => Math.max(...pair) <= most(x.shape[d]));
  if (!fits) {
    throw new ArgumentError(
      `${who}: got ${JSON.stringify(padding)} for shape ${formatShape(x.shape)}. Give [before, after] for every axis, whole ` +
        `numbers of at least 0${most(1) === 0 ? ' and below its extent' : ''}.`,
    );
  }
  return padding.reduce((y: Node, [before, after], axis) => {
    const [first, last] = edges(y, axis, before, after);
    return concat(
      [first, y, last].filter((part) => part !== null),
      axis,
    );
  }, x);
}

/** Mirrored at the outermost elements, which stand once. */
export const padReflect = (x: Node, padding: Padding): Node =>
  padded(
    x,
    padding,
    'padReflect',
    (extent) => extent - 1,
    (y, axis, before, after) => {
      const rank = y.shape.length;
      const mirrored = (begin: number, end: number): Node =>
        sliceBetween(y, only(rank, axis, begin), end < 0 ? [] : only(rank, axis, end), only(rank, axis, -1));
      const extent = y.shape[axis];
      return [before > 0 ? mirrored(before, 0) : null, after > 0 ? mirrored(extent - 2, extent - 2 - after) : null];
    },
  );

/** By the outermost elements, as often as is needed. */
export const padEdge = (x: Node, padding: Padding): Node =>
  padded(
    x,
    padding,
    'padEdge',
    () => Number.POSITIVE_INFINITY,
    (y, axis, before, after) => {
      const spread = (at: number, count: number): Node | null => {
        if (count === 0) return null;
        const with_ = (extent: number): Shape => y.shape.with(axis, extent);
        const begin = y.shape.map((_, d) => (d === axis ? at : 0));
        return broadcastTo(slice(y, begin, with_(1)), with_(count));
      };
      return [spread(0, before), spread(y.shape[axis] - 1, after)];
    },
  );
