/** Running sums, sorting and the largest elements: functions alone, so that others do not load them. */

import { checkWhole, flagOf } from '../base/checks.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { checkOptions, takeOptions } from '../base/optionNames.ts';
import { formatShape, normalizeAxis } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { alongAxis, swapWithLast } from '../ops/axes.ts';
import { cumsum as cumsumNode } from '../ops/scan.ts';
import { inOrder, sortOrder } from '../ops/sort.ts';
import { slice } from '../ops/views.ts';
import { nodeOf } from './operands.ts';
import { type AxisOptions, Tensor, type TensorLike } from './tensor.ts';

/** Options of `cumsum`. */
export interface CumsumOptions {
  /** Whether each sum leaves out its own element; default false. */
  readonly exclusive?: boolean;
  /** Whether sums run from the end; default false. */
  readonly reverse?: boolean;
}

/** The sum of everything so far along an axis, by default the last; of int32 it is exact modulo 2^32, and int32. */
export function cumsum(x: TensorLike, axis = -1, options: CumsumOptions = {}): Tensor {
  const { exclusive, reverse } = takeOptions('cumsum', options, { exclusive: false, reverse: false });
  return new Tensor(
    cumsumNode(
      nodeOf(x, 'cumsum'),
      axis,
      flagOf(exclusive, 'cumsum', 'exclusive'),
      flagOf(reverse, 'cumsum', 'reverse'),
    ),
  );
}

/** Options of `sort` and `argSort`. */
export interface SortOptions extends AxisOptions {
  /** Whether the largest comes first; default false. */
  readonly descending?: boolean;
}

function sorted(x: TensorLike, options: SortOptions, who: string, make: (x: Node, order: Node) => Node): Tensor {
  checkOptions(who, options, { axis: true, descending: true });
  const descending = flagOf(options.descending ?? false, who, 'descending');
  return new Tensor(
    alongAxis(withAxis(x, who), options.axis ?? -1, who, (last) => make(last, sortOrder(last, descending, false))),
  );
}

function withAxis(x: TensorLike, who: string): Node {
  const node = nodeOf(x, who);
  if (node.shape.length > 0) return node;
  throw new ShapeError(`${who}: a scalar has no axis. Give at least one dimension.`);
}

/** The elements in order along an axis, by default the last: NaN last, also with `descending`. Gradients follow the elements. */
export const sort = (x: TensorLike, options: SortOptions = {}): Tensor =>
  sorted(x, options, 'sort', (last, order) => inOrder(last, order, last.shape[last.shape.length - 1]));

/** Where the elements of `sort` come from: indices (int32) along the axis. Of equal elements the first stands first. */
export const argSort = (x: TensorLike, options: SortOptions = {}): Tensor =>
  sorted(x, options, 'argSort', (_, order) => order);

/**
 * The k largest elements along an axis, by default the last, the largest first, and their indices (int32) there; NaN counts as
 * largest, as for `argMax`, and of equal elements the first stands first. Gradients flow to the elements that were taken.
 */
export function topK(
  x: TensorLike,
  k: number,
  options: AxisOptions = {},
): {
  /** The elements, k along the axis. */
  values: Tensor;
  /** Where they are along the axis, int32. */
  indices: Tensor;
} {
  checkOptions('topK', options, { axis: true });
  const node = withAxis(x, 'topK');
  checkWhole('topK', 'k', k, 1);
  const axis = normalizeAxis(options.axis ?? -1, node.shape.length, 'topK');
  if (k > node.shape[axis]) {
    throw new ArgumentError(
      `topK: there are no ${k} elements along axis ${axis} of ${formatShape(node.shape)}. Ask for ${node.shape[axis]} at most.`,
    );
  }
  const last = swapWithLast(node, axis);
  const order = sortOrder(last, true, true);
  const first = slice(
    order,
    order.shape.map(() => 0),
    order.shape.with(-1, k),
  );
  const [values, indices] = [inOrder(last, order, k), first].map((one) => new Tensor(swapWithLast(one, axis)));
  return { values, indices };
}
