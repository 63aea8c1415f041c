/** The same elements several times over. */

import { ArgumentError } from '../base/errors.ts';
import type { Node } from '../ir/op.ts';
import { broadcastTo } from './reduce.ts';
import { reshape } from './reshape.ts';

/** Copies side by side, so many along each axis; lists of other lengths are aligned at the last axis. */
export function tile(x: Node, repetitions: readonly number[]): Node {
  if (!Array.isArray(repetitions) || repetitions.some((n) => !Number.isInteger(n) || n < 1)) {
    throw new ArgumentError(
      `tile: expected whole numbers of at least 1, got ${JSON.stringify(repetitions)}. Give one an axis; 1 repeats nothing.`,
    );
  }
  const rank = Math.max(x.shape.length, repetitions.length);
  const aligned = (list: readonly number[]): readonly number[] => [
    ...new Array<number>(rank - list.length).fill(1),
    ...list,
  ];
  const [shape, times] = [aligned(x.shape), aligned(repetitions)];
  const apart = reshape(
    x,
    shape.flatMap((extent) => [1, extent]),
  );
  const wide = broadcastTo(
    apart,
    shape.flatMap((extent, d) => [times[d], extent]),
  );
  return reshape(
    wide,
    shape.map((extent, d) => times[d] * extent),
  );
}
