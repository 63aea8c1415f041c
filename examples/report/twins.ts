/** Runs whose numbers are the same up to some epoch: their curves lie on each other, and only one can be seen. */

import { trainingsOf } from '../study/facts.ts';
import type { RunResult, Training } from '../study/results.ts';

export interface Twin {
  readonly name: string;
  /** The last epoch, from 1, up to which the two are the same. */
  readonly epoch: number;
}

/** The run of those before that a run is the same as for longest; null where it differs from all in their first epoch. */
export function twinOf(runs: readonly RunResult[], at: number): Twin | null {
  let twin: Twin | null = null;
  for (const { name, ...other } of runs.slice(0, at)) {
    const epoch = sameUpTo(trainingsOf(runs[at]), trainingsOf({ name, ...other }));
    if (epoch > (twin?.epoch ?? 0)) twin = { name, epoch };
  }
  return twin;
}

/** Epochs in which the trainings have the same numbers with each seed. */
function sameUpTo(ones: readonly Training[], others: readonly Training[]): number {
  if (ones.length !== others.length) return 0;
  return Math.min(...ones.map(({ history }, seed) => same(history, others[seed].history)));
}

function same(one: Training['history'], other: Training['history']): number {
  const epochs = Math.min(one.loss.length, other.loss.length);
  const alike = (i: number) =>
    (['loss', 'accuracy', 'val_loss', 'val_accuracy'] as const).every((key) => Object.is(one[key][i], other[key][i]));
  for (let i = 0; i < epochs; i++) if (!alike(i)) return i;
  return epochs;
}
