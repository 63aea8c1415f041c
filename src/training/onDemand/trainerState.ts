/** Reads from a file where a trainer stood. */

import { nonFiniteFrom } from '../../callbacks/divergence/nonFiniteState.ts';
import type { SavedState } from '../../io/state.ts';
import type { EpochProgress, TrainerState } from '../loop/epochProgress.ts';
import type { MetricsReading } from '../loop/stepMetrics.ts';

/**
 * What `stateOfTrainer` has made. `size`: how many numbers are added up.
 * @throws DataError for what it cannot have made
 */
export function trainerStateFrom(saved: SavedState, size: number): TrainerState {
  const nonFinite = saved.recordOrNull('nonFinite');
  const epoch = saved.recordOrNull('epoch');
  return {
    // Older files have none.
    before: saved.keys.includes('before') ? saved.whole('before') : 0,
    nonFinite: nonFinite && nonFiniteFrom(nonFinite),
    epoch: epoch && { progress: progressFrom(epoch, size), metrics: readingFrom(epoch.record('ledger'), size) },
  };
}

function progressFrom(saved: SavedState, size: number): EpochProgress {
  const means = saved.record('means');
  const pending = saved.recordOrNull('pending');
  return {
    begun: saved.whole('begun'),
    batch: saved.whole('batch'),
    samples: saved.whole('samples'),
    forgotten: saved.whole('forgotten'),
    means: Object.fromEntries(means.keys.map((name) => [name, means.number(name)])),
    totals: Float64Array.from(saved.numbers('totals', size)),
    read: saved.whole('read'),
    pending: pending && {
      reading: Promise.resolve(readingFrom(pending.record('reading'), size)),
      batch: pending.whole('batch'),
      step: pending.whole('step'),
      samples: pending.whole('samples'),
    },
  };
}

const readingFrom = (saved: SavedState, size: number): MetricsReading => ({
  sums: saved.array('sums', size),
  firstBadStep: saved.wholeOrNull('firstBadStep'),
});
