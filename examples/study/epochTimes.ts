/** How long epochs take. Equal ones take unequal times, within a training and even more from one to the next. */

import { mean, trainingsOf } from './facts.ts';
import type { Training, UnjudgedRun } from './results.ts';

/** Seconds of the fastest and the slowest whole epoch; empty where none was timed. */
export function epochRange(
  trainings: readonly Training[],
): { low: number; high: number } | { low?: undefined; high?: undefined } {
  const times = trainings
    .flatMap(({ epochSeconds = [], interrupted }) => epochSeconds.filter((_, i) => i !== interrupted?.epoch))
    .filter(Number.isFinite);
  return times.length === 0 ? {} : { low: Math.min(...times), high: Math.max(...times) };
}

/** A run and how many of its epochs are meant. */
interface Stretch<Run> {
  readonly run: Run;
  readonly epochs: number;
}

/**
 * The stretch that took the least time, with its share of another one's, and between which shares it lies: all that epochs of
 * the two batch sizes have taken in any of `runs`. Null where none
 * is sure to be less than 1, or nothing was timed.
 */
export function fastest<Run extends UnjudgedRun>(
  stretches: readonly Stretch<Run>[],
  other: Stretch<Run>,
  runs: readonly Run[],
): { readonly run: Run; readonly share: number; readonly low: number; readonly high: number } | null {
  const rangeOf = ({ batchSize }: UnjudgedRun) =>
    epochRange(runs.filter((run) => run.batchSize === batchSize).flatMap(trainingsOf));
  const theirs = rangeOf(other.run);
  const shares = stretches.flatMap(({ run, epochs }) => {
    const ours = rangeOf(run);
    if (ours.low === undefined || theirs.low === undefined) return [];
    const times = epochs / other.epochs;
    return {
      run,
      share: (times * paceOf(run)) / paceOf(other.run),
      low: (times * ours.low) / theirs.high,
      high: (times * ours.high) / theirs.low,
    };
  });
  const [first] = shares.filter(({ high }) => high < 1).sort((a, b) => a.share - b.share);
  return first ?? null;
}

const paceOf = (run: UnjudgedRun): number => mean(trainingsOf(run).map(({ secondsPerEpoch }) => secondsPerEpoch));
