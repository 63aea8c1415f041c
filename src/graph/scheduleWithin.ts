/** The schedule of a graph on a device. What few graphs need is loaded only for them. */

import { maxPool2dOp } from '../ops/pool2d.ts';
import { foldConstants } from './foldConstants.ts';
import { topologicalOrder } from './fuse.ts';
import { gateByDropout } from './gateByDropout.ts';
import type { Target } from './kernel.ts';
import { isOversized, type Limits } from './limits.ts';
import { isOf, type Node } from './node.ts';
import type { Pass } from './rewrite.ts';
import { type Schedule, schedule } from './schedule.ts';

const PASSES_WITHOUT_POOLING: readonly Pass[] = [foldConstants, gateByDropout];

/** The passes that can find something in a graph. */
export async function passesFor(roots: readonly Node[]): Promise<readonly Pass[]> {
  if (!topologicalOrder(roots).some((node) => isOf(node, maxPool2dOp))) return PASSES_WITHOUT_POOLING;
  const { ALL_PASSES } = await import('../seldom.ts');
  return ALL_PASSES;
}

/** The schedule of a graph, cut where it would be too large for the adapter as it is. */
export async function scheduleWithin(asked: readonly Node[], target: Target, limits: Limits): Promise<Schedule> {
  const passes = await passesFor(asked);
  const planned = schedule(asked, target, passes);
  if (!isOversized(planned, limits)) return planned;
  const { cut } = await import('../seldom.ts');
  const pieces = cut(asked, limits.binding);
  const again = schedule(pieces.flat(), target, passes);
  // What does not help is not told of: the error is about the graph as it was given.
  if (isOversized(again, limits)) return planned;
  return { ...again, roots: new Map(asked.map((root, at) => [root, again.roots.get(pieces[at][0]) ?? pieces[at][0]])) };
}
