/** Computes what depends on nothing but numbers when the plan is made: one step of gradient scaling less at every replay. */

import { isOf, type Node } from '../../ir/op.ts';
import { rebuild } from '../../ir/rebuild.ts';
import { full, fullNode } from '../../ops/leaf.ts';

const numberOf = (node: Node): number | null => (isOf(node, full) ? Math.fround(node.attributes.value) : null);

/** Each operation says by its `fold` what it is of numbers. */
export function foldConstants(roots: readonly Node[]): Map<Node, Node> {
  return rebuild(roots, ({ op, inputs, attributes, shape }, { now }) => {
    if (op.fold === undefined) return null;
    const present = inputs.map(now);
    const folded = op.fold(present, present.map(numberOf), attributes);
    return typeof folded === 'number' ? fullNode(Math.fround(folded), shape) : folded;
  });
}
