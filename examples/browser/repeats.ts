/** A run that is trained several times, with a seed each: what its trainings come to together. Pure. */

import type { Divergence } from '../../src/index.ts';
import { last, percent } from '../study/facts.ts';
import type { DropControl } from '../study/results.ts';
import { average, deviation } from '../study/statistics.ts';
import { type Band, emptyTrack, lastUpTo, type Track } from '../ui/curve.ts';
import type { Plan, RateChange } from './protocol.ts';

/** The control of a fall of the rate: its curve, and what is judged once it is whole. */
export interface RunControl {
  readonly track: Track;
  readonly drop: DropControl | null;
}

/** What one training came to. */
export interface Outcome {
  readonly training: Track;
  readonly validation: Track;
  /** Means of each epoch's training. */
  readonly epochs: Track;
  readonly divergence: Divergence | null;
  /** The detector's report, or why it failed. */
  readonly report: string;
  /** Changes of the rate by hand, in their order. */
  readonly changes: readonly RateChange[];
  /** Which validation images it was right about in the end, as `packRight` writes it. */
  readonly right: string | null;
  readonly controls: readonly RunControl[];
}

export const noOutcome = (): Outcome => ({
  training: emptyTrack(),
  validation: emptyTrack(),
  epochs: emptyTrack(),
  divergence: null,
  report: '',
  changes: [],
  right: null,
  controls: [],
});

/** The training under way or the last one, and those before it. */
export interface Repeated extends Outcome {
  readonly plan: Plan;
  readonly earlier: readonly Outcome[];
}

const outcomeOf = ({
  training,
  validation,
  epochs,
  divergence,
  report,
  changes,
  right,
  controls,
}: Outcome): Outcome => ({
  training,
  validation,
  epochs,
  divergence,
  report,
  changes,
  right,
  controls,
});

/** In the order of their seeds. */
export const outcomesOf = (run: Repeated): readonly Outcome[] => [...run.earlier, outcomeOf(run)];

/** The plan of the training under way: with a seed of its own. */
export const planOfTraining = ({ plan, earlier }: Pick<Repeated, 'plan' | 'earlier'>): Plan => ({
  ...plan,
  seed: plan.seed + earlier.length,
});

export const hasMore = ({ plan, earlier }: Pick<Repeated, 'plan' | 'earlier'>): boolean =>
  earlier.length + 1 < plan.repeats;

/** The run as it is when its next training begins. */
export const nextTraining = <One extends Repeated>(run: One): One => ({
  ...run,
  ...noOutcome(),
  earlier: [...run.earlier, outcomeOf(run)],
});

/** How many seeds it is trained with, in words; empty for one. */
export function seedWords({ plan, earlier, validation }: Repeated): string {
  if (plan.repeats === 1) return '';
  const done = earlier.length + (validation.step.length === plan.epochs ? 1 : 0);
  return done === plan.repeats ? `${plan.repeats} seeds` : `${done} of ${plan.repeats} seeds`;
}

/** Which of `repeats` trainings is under way, from 1; empty where there is but one. */
export const whichTraining = ({ plan, earlier }: Pick<Repeated, 'plan' | 'earlier'>): string =>
  plan.repeats === 1 ? '' : `seed ${earlier.length + 1} of ${plan.repeats}`;

/** How far all of its trainings together are, in [0, 1]. */
export const shareDone = ({ plan, earlier, training }: Repeated): number =>
  Math.min(1, (earlier.length + Math.min(1, last([0, ...training.epoch]) / plan.epochs)) / plan.repeats);

/** The mean where there are several; where one of them has no number, there is none. */
export function meanTrack(tracks: readonly Track[]): Track {
  return tracks.length === 1 ? tracks[0] : combined(tracks, average);
}

/** Where several lie; null for one alone. */
export function bandOf(tracks: readonly Track[]): Band | null {
  if (tracks.filter(({ step }) => step.length > 0).length < 2) return null;
  return {
    low: combined(tracks, (values) => Math.min(...values)),
    high: combined(tracks, (values) => Math.max(...values)),
  };
}

const NUMBERS = ['loss', 'accuracy', 'learning_rate'] as const;

/** At the places of the longest one; each counts with its last reading there, until it ends. */
function combined(tracks: readonly Track[], combine: (values: readonly number[]) => number): Track {
  const longest = tracks.reduce((a, b) => (last([0, ...b.step]) > last([0, ...a.step]) ? b : a));
  const rows = longest.step.map((step) =>
    tracks.flatMap((track) => {
      const at = lastUpTo(track.step, step);
      return at < 0 || track.step[track.step.length - 1] < step ? [] : [{ track, at }];
    }),
  );
  const [loss, accuracy, learning_rate] = NUMBERS.map((name) =>
    rows.map((row) => combine(row.map(({ track, at }) => track[name][at]))),
  );
  return { step: longest.step, epoch: longest.epoch, seconds: longest.seconds, loss, accuracy, learning_rate };
}

/** The validation accuracies that the trainings ended with; of one that is not over only where there is no other. */
function endAccuracies(run: Repeated): readonly number[] {
  return outcomesOf(run)
    .filter(({ validation, divergence }) => {
      const over = validation.step.length === run.plan.epochs || divergence !== null;
      return over || run.earlier.length === 0;
    })
    .map(({ validation }) => last(validation.accuracy));
}

/** Their mean; NaN where there is none. */
export const endAccuracy = (run: Repeated): number => average(endAccuracies(run));

/** "51.2 %", or with the standard deviation between several seeds "51.2 ± 0.6 %". */
export function accuracyWords(run: Repeated): string {
  const ends = endAccuracies(run);
  const mean = average(ends);
  if (ends.length === 0 || run.validation.step.length + run.earlier.length === 0) return '–';
  if (!Number.isFinite(mean)) return 'NaN';
  if (ends.length === 1) return percent(mean);
  return `${(100 * mean).toFixed(1)} ± ${(100 * deviation(ends)).toFixed(1)} %`;
}
