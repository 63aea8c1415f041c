/** A run that was trained with several seeds, as one: means over them, and between which values they lie. */

import { listed, mean, meanHistory, trainingsOf } from './facts.ts';
import type { RunHistory, Training, UnjudgedRun } from './results.ts';
import { average } from './statistics.ts';

/** Whether any of the runs has several. */
export function repeated(runs: readonly UnjudgedRun[]): boolean {
  return runs.some((run) => trainingsOf(run).length > 1);
}

/** A run's training with a seed; null where it has none. `first`: the seed of the run itself. */
export function trainingWith(run: UnjudgedRun, seed: number, first: number): Training | null {
  return trainingsOf(run).find((training) => (training.seed ?? first) === seed) ?? null;
}

/** Seeds of a study whose first one is `first`: as many as its runs have at most. */
export function seedsOf(runs: readonly UnjudgedRun[], first: number): number[] {
  const [most = []] = runs.map(trainingsOf).sort((a, b) => b.length - a.length);
  return most.length === 0 ? [first] : most.map(({ seed }) => seed ?? first);
}

/** `seed 0`, `seeds 0, 1 and 2`, `100 seeds from 0 to 99`. */
export function seedsText(seeds: readonly number[]): string {
  if (seeds.length === 1) return `seed ${seeds[0]}`;
  if (seeds.length > 6) return `${seeds.length} seeds from ${seeds[0]} to ${seeds.at(-1)}`;
  return `seeds ${listed(seeds.map(String))}`;
}

/**
 * The run with the means over its seeds in the place of the first one's numbers, as far as all of them have come; where one
 * has NaN, so has the mean. The rate is the first seed's: between rates that fall at other times there is no mean.
 */
export function averaged<Run extends UnjudgedRun>(run: Run): Run {
  const trainings = trainingsOf(run);
  if (trainings.length === 1) return run;
  const history = meanHistory(run);
  const secondsPerEpoch = mean(trainings.map((training) => training.secondsPerEpoch));
  return {
    ...run,
    history,
    secondsPerEpoch,
    imagesPerSecond: (run.imagesPerSecond * run.secondsPerEpoch) / secondsPerEpoch,
    epochSeconds: history.loss.map((_, epoch) =>
      average(trainings.map((training) => training.epochSeconds?.[epoch] ?? training.secondsPerEpoch)),
    ),
    // Those of the first seed alone.
    controls: undefined,
    interrupted: null,
  };
}

/** The least and the greatest value of the seeds after each epoch, as far as all of them have come; null of a single one. */
export function rangeOf(run: UnjudgedRun, key: keyof RunHistory): { low: number[]; high: number[] } | null {
  const trainings = trainingsOf(run);
  if (trainings.length === 1) return null;
  const epochs = Math.min(...trainings.map(({ history }) => history.loss.length));
  const over = (choose: (...values: number[]) => number) =>
    Array.from({ length: epochs }, (_, epoch) => choose(...trainings.map(({ history }) => history[key][epoch])));
  return { low: over(Math.min), high: over(Math.max) };
}
