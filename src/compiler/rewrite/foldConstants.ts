/** Computes what depends on nothing but numbers when the plan is made: one step of gradient scaling less at every replay. */

import { createNode, isOf, type Node } from '../../ir/op.ts';
import { rebuild } from '../../ir/rebuild.ts';
import { addOp, divOp, mulOp, negOp, subOp } from '../../ops/elementwise.ts';
import { full, fullNode } from '../../ops/leaf.ts';
import { broadcastToOp } from '../../ops/reduce.ts';
import { softmaxCrossEntropyGradientOp } from '../../ops/softmax.ts';

/** Elementwise operations on numbers, as float32 computes them. */
const ARITHMETIC: Readonly<Record<string, (a: number, b: number) => number>> = {
  [addOp.name]: (a, b) => Math.fround(Math.fround(a) + Math.fround(b)),
  [subOp.name]: (a, b) => Math.fround(Math.fround(a) - Math.fround(b)),
  [mulOp.name]: (a, b) => Math.fround(Math.fround(a) * Math.fround(b)),
  [divOp.name]: (a, b) => Math.fround(Math.fround(a) / Math.fround(b)),
  [negOp.name]: (a) => -a,
};

const numberOf = (node: Node): number | null => (isOf(node, full) ? node.attributes.value : null);

export function foldConstants(roots: readonly Node[]): Map<Node, Node> {
  return rebuild(roots, (node, { now }) => {
    const inputs = node.inputs.map(now);
    const values = inputs.map(numberOf);
    const spread = isOf(node, broadcastToOp) || node.op.lowering.kind === 'alias';
    if (spread && values[0] !== null) return fullNode(values[0], node.shape);
    const compute = ARITHMETIC[node.op.name];
    const [a, b = 0] = values;
    if (compute !== undefined && a !== null && b !== null && !values.includes(null))
      return fullNode(compute(a, b), node.shape);
    // A loss that is a plain mean sends every example the same number.
    if (isOf(node, softmaxCrossEntropyGradientOp) && values[2] !== null && values[2] !== undefined) {
      return createNode(node.op, inputs.slice(0, 2), { ...node.attributes, upstream: values[2] });
    }
    return null;
  });
}
