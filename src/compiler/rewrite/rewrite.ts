/**
 * Replaces operations by cheaper ones that compute the same, before kernels are formed: one pass after the other. Every
 * graph has numbers to fold; the other passes are loaded and run where a graph has an operation that they look for.
 */

import type { Node } from '../../ir/op.ts';
import type { Replacements } from '../../ir/rebuild.ts';
import { topologicalOrder } from '../../ir/walk.ts';
import { foldConstants } from './foldConstants.ts';

/** For every node of a graph, the one that now stands for it. */
export type Pass = (roots: readonly Node[]) => Replacements;

/** The passes beside `foldConstants` that can find something in a graph, in order: `passesFor` of passes.ts. */
export type PassesOnDemand = (roots: readonly Node[]) => readonly Pass[];

/** Whether some pass on demand looks for an operation of the graph. */
export const needsPasses = (roots: readonly Node[]): boolean => topologicalOrder(roots).some(({ op }) => op.sought);

/**
 * For every root, the node that now stands for it. `passesFor` may be null where the graph needs no pass on demand. `note` is
 * told of each pass what it replaces by what.
 */
export function rewrite(
  roots: readonly Node[],
  passesFor: PassesOnDemand | null,
  note?: (replaced: Replacements) => void,
): Map<Node, Node> {
  if (passesFor === null && needsPasses(roots)) throw new Error('Passes were not loaded.');
  let present = [...roots];
  for (const pass of [foldConstants, ...(passesFor?.(roots) ?? [])]) {
    const replaced = pass(present);
    note?.(replaced);
    present = present.map((root) => replaced.get(root) ?? root);
  }
  return new Map(roots.map((root, at) => [root, present[at]]));
}
