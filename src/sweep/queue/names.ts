/** What a queue's things are called in Redis. */

import { createHash } from 'node:crypto';
import type { Leg, SweepAsked } from '../runner.ts';
import { TRIES } from '../trial.ts';

/** Of all queues. */
export const PREFIX = 'wgrad';

/**
 * Sweeps of the same identity that give scripts the same words share a queue: what one has had trained is there for the other.
 */
export function queueOf({ identity }: SweepAsked, words: readonly string[]): string {
  const sorted = Object.entries(identity).sort(([a], [b]) => (a < b ? -1 : 1));
  const hash = createHash('sha256').update(JSON.stringify([sorted, words]));
  return `sweep-${hash.digest('hex').slice(0, 12)}`;
}

/** The same for everybody who watches the sweep, and another one for each try. */
export const jobOf = ({ number, until, failures }: Leg): string => `${number}-${until}-${failures}`;

/** All checkpoints of a sweep begin so. */
export const checkpointsOf = (sweep: string): string => `${sweep}/`;

/** What failed twice may have failed for what its checkpoint holds: the last try has one of its own. */
export const checkpointOf = (sweep: string, { number, failures }: Leg): string =>
  `${checkpointsOf(sweep)}${number}${failures === TRIES - 1 ? '-anew' : ''}.checkpoint`;
