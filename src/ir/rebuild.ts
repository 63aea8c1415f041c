/** Copies a graph with some nodes replaced. */

import { createNode, type Node } from './op.ts';
import { topologicalOrder } from './walk.ts';

/** For every node, the one that now stands for it. */
export type Replacements = ReadonlyMap<Node, Node>;

/** What a rule may ask about a graph. */
export interface GraphView {
  /** Nodes that read this one. */
  usersOf(node: Node): readonly Node[];
  /** The node that stands for an earlier one. */
  now(node: Node): Node;
}

/**
 * The graph of `roots` rebuilt, inputs before users. `replace` is asked for every node and returns what stands in its
 * place, or null to keep the operation on its rebuilt inputs.
 */
export function rebuild(
  roots: readonly Node[],
  replace: (node: Node, view: GraphView) => Node | null,
): Map<Node, Node> {
  const order = topologicalOrder(roots);
  const users = new Map<Node, Node[]>();
  for (const node of order) {
    for (const input of new Set(node.inputs)) {
      const list = users.get(input);
      if (list === undefined) users.set(input, [node]);
      else list.push(node);
    }
  }
  const replaced = new Map<Node, Node>();
  const view: GraphView = {
    usersOf: (node) => users.get(node) ?? [],
    now: (node) => replaced.get(node) ?? node,
  };
  for (const node of order) {
    const other = replace(node, view);
    if (other !== null) replaced.set(node, other);
    else if (node.inputs.some((input) => view.now(input) !== input)) {
      replaced.set(node, createNode(node.op, node.inputs.map(view.now), node.attributes));
    } else replaced.set(node, node);
  }
  return replaced;
}
