/** What works along the last axis, along another one. */

import { normalizeAxis } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { transpose } from './views.ts';

/** `x` with an axis, as a non-negative number, and the last one in each other's place. */
export function swapWithLast(x: Node, axis: number): Node {
  const last = x.shape.length - 1;
  if (axis === last) return x;
  return transpose(
    x,
    x.shape.map((_, d) => (d === axis ? last : d === last ? axis : d)),
  );
}

/** `make` along `axis`, which is swapped with the last one before and after. */
export function alongAxis(x: Node, axis: number, who: string, make: (x: Node) => Node): Node {
  // A scalar has no axis to swap: `make` says so.
  const from = x.shape.length === 0 ? -1 : normalizeAxis(axis, x.shape.length, who);
  return swapWithLast(make(swapWithLast(x, from)), from);
}
