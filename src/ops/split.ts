import type { Node } from '../ir/op.ts';
import { slice } from './views.ts';

/** A tensor cut into pieces along an axis. */
export function split(x: Node, sizes: readonly number[], axis: number): Node[] {
  let start = 0;
  return sizes.map((size) => {
    const begin = x.shape.map((_, d) => (d === axis ? start : 0));
    start += size;
    return slice(
      x,
      begin,
      x.shape.map((extent, d) => (d === axis ? size : extent)),
    );
  });
}
