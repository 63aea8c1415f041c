/** In which order the list has its runs. Pure. */

import { endAccuracy } from './repeats.ts';
import type { Run } from './run.ts';

export const ORDERS = ['begun', 'name', 'accuracy', 'rate', 'batch'] as const;
export type Order = (typeof ORDERS)[number];

export const ORDER_NAMES: Readonly<Record<Order, string>> = {
  begun: 'as begun',
  name: 'by name',
  accuracy: 'best first',
  rate: 'by rate',
  batch: 'by batch size',
};

const KEYS: Readonly<Record<Exclude<Order, 'name'>, (run: Run, place: number) => number>> = {
  begun: (_, place) => place,
  // The best first, and last of all what has no number.
  accuracy: (run) => {
    const accuracy = endAccuracy(run);
    return Number.isNaN(accuracy) ? 1 : -accuracy;
  },
  rate: ({ plan }) => plan.learningRate,
  batch: ({ plan }) => plan.batchSize,
};

/** Runs that are alike keep the order in which they were begun. */
export function ordered(runs: readonly Run[], order: Order): readonly Run[] {
  if (order === 'begun') return runs;
  if (order === 'name') {
    // As people count: run 2 before run 10.
    const { compare } = new Intl.Collator('en-US', { numeric: true });
    return [...runs].sort((a, b) => compare(a.name, b.name));
  }
  const key = KEYS[order];
  return runs
    .map((run, place) => ({ run, key: key(run, place) }))
    .sort((a, b) => a.key - b.key)
    .map(({ run }) => run);
}
