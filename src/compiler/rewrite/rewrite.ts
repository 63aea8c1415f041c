/** Replaces operations by cheaper ones that compute the same, before kernels are formed: one pass after the other. */

import type { Node } from '../../ir/op.ts';
import type { Replacements } from '../../ir/rebuild.ts';

/** For every node of a graph, the one that now stands for it. */
export type Pass = (roots: readonly Node[]) => Replacements;

/** For every root, the node that now stands for it. */
export function rewrite(roots: readonly Node[], passes: readonly Pass[]): Map<Node, Node> {
  let present = [...roots];
  for (const pass of passes) {
    const replaced = pass(present);
    present = present.map((root) => replaced.get(root) ?? root);
  }
  return new Map(roots.map((root, at) => [root, present[at]]));
}
