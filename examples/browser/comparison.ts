/** Runs side by side: what they were made with, where they differ in it, and what came of it. Pure. */

import { best, last, percent, shortLoss, shortRate } from '../study/facts.ts';
import { FIELDS, KEYS, valueWords } from './fields.ts';
import { accuracyWords, endAccuracy } from './repeats.ts';
import type { Run } from './run.ts';

export interface ComparisonRow {
  readonly name: string;
  /** Of each run, in their order. */
  readonly values: readonly string[];
  readonly differs: boolean;
  /** Places of the best values; empty where better means nothing, or all are as good. */
  readonly best: readonly number[];
}

export interface Comparison {
  readonly settings: readonly ComparisonRow[];
  readonly results: readonly ComparisonRow[];
}

export function compared(runs: readonly Run[]): Comparison {
  return {
    settings: [
      row(
        'data',
        runs.map(({ data }) => data),
      ),
      row(
        'begun with',
        runs.map(({ from }) => from ?? 'fresh weights'),
      ),
      row(
        'rate changed by hand',
        runs.map(
          ({ changes }) => changes.map(({ step, to }) => `${shortRate(to)} at step ${step}`).join(', ') || 'never',
        ),
      ),
      ...KEYS.map((key) =>
        row(
          FIELDS[key].label.toLowerCase(),
          runs.map(({ plan }) => valueWords(plan, key)),
        ),
      ),
    ],
    results: [
      row('validation accuracy', runs.map(accuracyWords), bestOf(runs.map(endAccuracy), 'high')),
      ...RESULTS.map(([name, of, format, better]) => {
        const numbers = runs.map(of);
        return row(name, numbers.map(format), better === null ? [] : bestOf(numbers, better));
      }),
    ],
  };
}

function row(name: string, values: readonly string[], bestPlaces: readonly number[] = []): ComparisonRow {
  const differs = new Set(values).size > 1;
  return { name, values, differs, best: differs ? bestPlaces : [] };
}

type Better = 'high' | 'low';

const whole = (value: number): string => (Number.isFinite(value) ? value.toLocaleString('en-US') : '–');
const seconds = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(1)} s` : '–');

const RESULTS: readonly (readonly [
  name: string,
  of: (run: Run) => number,
  format: (value: number) => string,
  better: Better | null,
])[] = [
  ['best of its epochs', ({ validation }) => best(validation.accuracy).value, percent, 'high'],
  ['validation loss', ({ validation }) => last(validation.loss), shortLoss, 'low'],
  ['training accuracy', ({ epochs }) => last(epochs.accuracy), percent, 'high'],
  ['training loss', ({ epochs }) => last(epochs.loss), shortLoss, 'low'],
  ['epochs done', ({ validation }) => validation.step.length, whole, null],
  ['steps done', ({ training }) => last(training.step), whole, null],
  ['time of training', ({ training }) => last(training.seconds), seconds, null],
];

function bestOf(values: readonly number[], better: Better): number[] {
  const finite = values.filter(Number.isFinite);
  if (finite.length === 0) return [];
  const top = better === 'high' ? Math.max(...finite) : Math.min(...finite);
  return values.flatMap((value, i) => (value === top ? [i] : []));
}
