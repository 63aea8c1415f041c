/** The schedule of a graph on a device. What few graphs need is loaded only for them. */

import { isOversized } from '../compiler/limits.ts';
import { foldConstants } from '../compiler/rewrite/foldConstants.ts';
import type { Pass } from '../compiler/rewrite/rewrite.ts';
import { type Schedule, schedule } from '../compiler/schedule.ts';
import type { Node } from '../ir/op.ts';
import type { Target } from '../ir/target.ts';
import { topologicalOrder } from '../ir/walk.ts';
import { dropoutOp } from '../ops/elementwise.ts';
import { maxPool2dOp } from '../ops/pool2d.ts';
import type { Device } from './device.ts';

/** Operations that some pass looks for; of the other passes every graph has need. */
const SELDOM: readonly string[] = [maxPool2dOp.name, dropoutOp.name];

/** The passes that can find something in a graph. */
async function passesFor(roots: readonly Node[], device: Device): Promise<readonly Pass[]> {
  if (!topologicalOrder(roots).some(({ op }) => SELDOM.includes(op.name))) return [foldConstants];
  return (await device.rare()).ALL_PASSES;
}

/** The schedule of a graph, cut where it would be too large for the adapter as it is. `target`: default, the device's now. */
export async function scheduleWithin(
  asked: readonly Node[],
  device: Device,
  target: Target = device.target,
): Promise<Schedule> {
  const { limits } = device;
  const passes = await passesFor(asked, device);
  const planned = schedule(asked, target, passes);
  if (!isOversized(planned, limits)) return planned;
  const { cut } = await device.rare();
  const pieces = cut(asked, limits.binding);
  const again = schedule(pieces.flat(), target, passes);
  // What does not help is not told of: the error is about the graph as it was given.
  if (isOversized(again, limits)) return planned;
  return { ...again, roots: new Map(asked.map((root, at) => [root, again.roots.get(pieces[at][0]) ?? pieces[at][0]])) };
}
