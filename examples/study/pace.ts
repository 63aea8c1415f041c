/**
 * Whether a batch size makes epochs faster. Other work on a machine slows down whole trainings, not single epochs, so the error of a
 * ratio comes from trainings that do the same work: those of one batch size. Pure.
 */

import { trainingsOf } from './facts.ts';
import type { UnjudgedRun } from './results.ts';
import { average, type Estimate, estimate, within } from './statistics.ts';

/**
 * The natural logarithm of how many times as long an epoch takes at the batch size of `run` as at that of `other`; no degrees of
 * freedom where no two trainings of `runs` did the same work. NaN where epochs were not timed.
 */
export function paceRatio(run: UnjudgedRun, other: UnjudgedRun, runs: readonly UnjudgedRun[]): Estimate {
  const byBatch = new Map<number, number[]>();
  for (const one of runs) {
    const times = trainingsOf(one)
      .map(({ secondsPerEpoch }) => Math.log(secondsPerEpoch))
      .filter(Number.isFinite);
    byBatch.set(one.batchSize, [...(byBatch.get(one.batchSize) ?? []), ...times]);
  }
  const { variance, df } = within([...byBatch.values()]);
  const [ours, theirs] = [run, other].map(({ batchSize }) => byBatch.get(batchSize) ?? []);
  const value = average(ours) - average(theirs);
  if (df === 0) return { value, error: Number.NaN, df };
  return estimate(value, [{ variance: variance / ours.length + variance / theirs.length, df }]);
}
