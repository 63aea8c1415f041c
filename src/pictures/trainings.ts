/** Histories as callers have them, and what can be read off them. */

import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import type { History } from '../callbacks/history.ts';
import type { Interruption } from '../callbacks/trainingRecord.ts';
import { PALETTE } from './palette.ts';
import { WOBBLE } from './rateFalls.ts';

/**
 * One number an epoch by Keras' keys: `loss`, `val_accuracy`, `learning_rate`, ... A list that is shorter than others counts as
 * measured at every second, third, ... epoch.
 */
export type EpochNumbers = Readonly<Record<string, readonly number[]>>;

/** What `fit` returns, or its `history`. */
export type Training = (Pick<History, 'history'> & Partial<Pick<History, 'epoch' | 'interrupted'>>) | EpochNumbers;

/** One training, or several by name. */
export type Trainings = Training | Readonly<Record<string, Training>>;

/** A training as it is drawn. */
export interface Run {
  /** Null where there is only one, which needs no name. */
  readonly name: string | null;
  readonly numbers: EpochNumbers;
  /** How far its last epoch came, where that was cut short. */
  readonly cut: Pick<Interruption, 'batches' | 'of'> | null;
  readonly color: string;
}

/** The numbers of one key. */
export interface Curve {
  /** From 1. */
  readonly epochs: readonly number[];
  readonly values: readonly number[];
  /** Place of the last number; -1 where there is none. */
  readonly end: number;
  /** Place of the first NaN or infinity after the last number; null where the curve ends in a number. */
  readonly broken: number | null;
}

export const RATE = 'learning_rate';
/** What `GradientNoiseScale` adds, in examples. */
export const NOISE = 'gradient_noise_scale';

/** @throws ArgumentError for what is no history */
export function runsOf(who: string, given: Trainings): Run[] {
  const single = numbersOf(given);
  if (single !== null) return [{ name: null, numbers: single, cut: cutOf(given), color: PALETTE[0] }];
  return Object.entries(given).map(([name, training], i) => {
    const numbers = numbersOf(training);
    if (numbers !== null) return { name, numbers, cut: cutOf(training), color: PALETTE[i % PALETTE.length] };
    throw new ArgumentError(
      `${who}: expected a History, its lists of numbers, or several of them by name; '${name}' is ${describe(training)}. ` +
        'Pass what fit() returns.',
    );
  });
}

/** Callers without types may pass anything. */
function numbersOf(given: unknown): EpochNumbers | null {
  if (typeof given !== 'object' || given === null) return null;
  const numbers: object = 'history' in given && isNumbers(given.history) ? given.history : given;
  return isNumbers(numbers) ? numbers : null;
}

const isRecord = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null;

/** Of a History whose last epoch was cut short. */
function cutOf(given: unknown): Run['cut'] {
  if (!isRecord(given) || !isRecord(given.interrupted) || !Array.isArray(given.epoch)) return null;
  const { epoch, batches, of } = given.interrupted;
  if (typeof batches !== 'number' || typeof of !== 'number' || given.epoch.at(-1) !== epoch) return null;
  return { batches, of };
}

const isNumbers = (value: unknown): value is EpochNumbers =>
  typeof value === 'object' && value !== null && !Array.isArray(value) && Object.values(value).every(Array.isArray);

/** The loss, the metrics, and at last the noise scale and the learning rate, each without `val_`. */
export function metricsOf(runs: readonly Run[]): string[] {
  const keys = runs.flatMap(({ numbers }) => Object.keys(numbers)).map((key) => key.replace(/^val_/, ''));
  const last = [NOISE, RATE];
  const metrics = keys.filter((key) => key !== 'loss' && !last.includes(key));
  return [...new Set(['loss', ...metrics, ...last.filter((key) => keys.includes(key))])];
}

/** Epochs that a run has finished. */
export const epochsOf = ({ numbers }: Run): number =>
  Math.max(0, ...Object.values(numbers).map((values) => values.length));

/** Null where the run has no such key. */
export function curveOf(run: Run, key: string): Curve | null {
  const values = valuesOf(run, key);
  if (values.length === 0) return null;
  const every = Math.floor(epochsOf(run) / values.length);
  const end = values.findLastIndex(Number.isFinite);
  return {
    epochs: values.map((_, i) => (i + 1) * every),
    values,
    end,
    broken: end === values.length - 1 ? null : end + 1,
  };
}

/** The numbers of a key; none where a run has no such key. */
export const valuesOf = ({ numbers }: Run, key: string): readonly number[] =>
  Object.hasOwn(numbers, key) ? numbers[key] : [];

export const rateChanges = (run: Run): boolean =>
  valuesOf(run, RATE).some((rate, _, [first]) => Math.abs(rate - first) > Math.abs(first) * WOBBLE);

/** Whether a metric is a share of the examples, to be told in percent. */
export function isShare(metric: string, runs: readonly Run[]): boolean {
  const values = runs.flatMap((run) => [...valuesOf(run, metric), ...valuesOf(run, `val_${metric}`)]);
  return (
    /acc|precision|recall|f1/i.test(metric) &&
    values.every((value) => !Number.isFinite(value) || (value >= 0 && value <= 1))
  );
}
