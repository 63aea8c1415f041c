/** Replaces operations by cheaper ones that compute the same, before kernels are formed: one pass after the other. */

import { foldConstants } from './foldConstants.ts';
import { fusePooling } from './fusePooling.ts';
import { gateByDropout } from './gateByDropout.ts';
import type { Node } from './node.ts';
import type { Replacements } from './rebuild.ts';

const PASSES: readonly ((roots: readonly Node[]) => Replacements)[] = [foldConstants, fusePooling, gateByDropout];

/** For every root, the node that now stands for it. */
export function rewrite(roots: readonly Node[]): Map<Node, Node> {
  let present = [...roots];
  for (const pass of PASSES) {
    const replaced = pass(present);
    present = present.map((root) => replaced.get(root) ?? root);
  }
  return new Map(roots.map((root, at) => [root, present[at]]));
}
