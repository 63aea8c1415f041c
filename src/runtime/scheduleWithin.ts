/** The schedule of a graph on a device. What few graphs need is loaded only for them. */

import { KernelError } from '../base/errors.ts';
import { isOversized } from '../compiler/limits.ts';
import { needsPasses } from '../compiler/rewrite/rewrite.ts';
import { type Schedule, schedule } from '../compiler/schedule.ts';
import type { Node, Target } from '../ir/op.ts';
import type { Replacements } from '../ir/rebuild.ts';
import { loadLayers, needsLayers } from '../ops/loadWays.ts';
import type { Device } from './device.ts';

/** What a plan has to know of a device. */
export type Planned = Pick<Device, 'target' | 'limits' | 'rare'>;

/**
 * The schedule of a graph, cut where it would be too large for the adapter as it is. `target`: default, the device's now. `note`
 * is told what passes replace, but not of a graph that was cut.
 */
export async function scheduleWithin(
  asked: readonly Node[],
  device: Planned,
  target: Target = device.target,
  note?: (replaced: Replacements) => void,
): Promise<Schedule> {
  const { limits } = device;
  const [passes] = await Promise.all([
    needsPasses(asked) ? device.rare().then(({ passesFor }) => passesFor) : null,
    needsLayers(asked) ? loadLayers(target.ways) : null,
  ]);
  let planned: Schedule;
  try {
    planned = schedule(asked, target, passes, note);
  } catch (error) {
    throw error instanceof KernelError ? (await device.rare()).templateErrorOf(error) : error;
  }
  if (!isOversized(planned, limits)) return planned;
  const { cut } = await device.rare();
  const pieces = cut(asked, limits.binding);
  const again = schedule(pieces.flat(), target, passes);
  // What does not help is not told of: the error is about the graph as it was given.
  if (isOversized(again, limits)) return planned;
  return { ...again, roots: new Map(asked.map((root, at) => [root, again.roots.get(pieces[at][0]) ?? pieces[at][0]])) };
}
