/** Products over axes. */

import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { div, equal, mul, sub, where } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { type ReduceAttributes, reduceOp, reduceTogether, sumOp } from './reduce.ts';

const number = (value: number): Node => fullNode(value);

/**
 * Of each element the product of the others, also where there are zeros: of one zero the others' product, of several 0, and of
 * what is no zero 0 where there is one.
 */
function others(node: Node<ReduceAttributes>): Node {
  const [x] = node.inputs;
  const isZero = equal(x, number(0));
  const zeros = createNode(sumOp, [isZero], node.attributes);
  const nonZero = where(isZero, number(1), x);
  const rest = createNode(prodOp, [nonZero], node.attributes);
  return where(sub(zeros, isZero), number(0), div(rest, nonZero));
}

export const prodOp: BuiltInOp<ReduceAttributes> = {
  ...reduceOp('prod', 'a * b', (node, upstream) => mul(upstream, others(node)), 'add'),
  // Parts of a product are not put together, so only what stands beside them is cut.
  partition: { cuts: ({ attributes: { axis, count } }, row) => (row < axis || row >= axis + count ? [row] : []) },
};

export const prod = (x: Node, axes?: number | readonly number[], keepDims = false): Node =>
  reduceTogether(prodOp, x, axes, keepDims);
