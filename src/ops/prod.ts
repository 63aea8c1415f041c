/** Products over axes. */

import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { div, equal, mul, sub, where } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { type Axes, type ReduceAttributes, reduceOp, reduceTogether, sumOp } from './reduce.ts';

/**
 * Of each element the product of the others, also where there are zeros: of one zero the others' product, of several 0, and of
 * what is no zero 0 where there is one.
 */
function others(node: Node<ReduceAttributes>): Node {
  const [x] = node.inputs;
  const isZero = equal(x, fullNode(0));
  const zeros = createNode(sumOp, [isZero], node.attributes);
  const nonZero = where(isZero, fullNode(1), x);
  const rest = createNode(prodOp, [nonZero], node.attributes);
  return where(sub(zeros, isZero), fullNode(0), div(rest, nonZero));
}

export const prodOp: BuiltInOp<ReduceAttributes> = reduceOp(
  'prod',
  'a * b',
  (node, upstream) => mul(upstream, others(node)),
  null,
  'a * b',
);

export const prod = (x: Node, axes?: Axes, keepDims = false): Node => reduceTogether(prodOp, x, axes, keepDims);
