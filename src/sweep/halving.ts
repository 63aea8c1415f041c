/**
 * Successive halving: all points train a little, the best part of them goes on, again and again (Jamieson and Talwalkar 2016; the
 * rungs are those of ASHA, Li et al. 2018). A group is decided on when all of it has come to the rung, so that what is decided
 * does not depend on who trained what when.
 */

import { checkWhole } from '../base/checks.ts';
import { checkOptions } from '../base/optionNames.ts';

/** Options of early stopping by comparison. */
export interface HalvingOptions {
  /** One of so many points goes on at a rung, and rungs are so many times further apart each; a whole number of at least 2, default 3. */
  readonly factor?: number;
  /** Epochs to the first rung, default 1. */
  readonly minEpochs?: number;
  /** Parameters within whose values points compete; default none: all of them do. `['batchSize']`: a batch size has its own best. */
  readonly groupBy?: readonly string[];
}

/** After how many epochs points are compared; the last is all epochs. Without halving there is only that. */
export function rungsOf(epochs: number, halving: HalvingOptions | false): number[] {
  if (halving === false) return [epochs];
  checkOptions('halving', halving, { factor: true, minEpochs: true, groupBy: true });
  const { factor = 3, minEpochs = 1 } = halving;
  checkWhole('halving', 'factor', factor, 2);
  checkWhole('halving', 'minEpochs', minEpochs, 1);
  const rungs: number[] = [];
  for (let rung = minEpochs; rung < epochs; rung *= factor) rungs.push(rung);
  return [...rungs, epochs];
}

/** How many of so many points go on. */
export const kept = (points: number, factor: number): number => Math.max(1, Math.floor(points / factor));

/**
 * Places of the values that go on, in order: the best of them; of equals the first. What is not finite never does.
 */
export function survivors(values: readonly number[], factor: number, mode: 'min' | 'max'): number[] {
  const sign = mode === 'max' ? -1 : 1;
  return values
    .map((_, i) => i)
    .filter((i) => Number.isFinite(values[i]))
    .sort((a, b) => sign * (values[a] - values[b]) || a - b)
    .slice(0, kept(values.length, factor))
    .sort((a, b) => a - b);
}
