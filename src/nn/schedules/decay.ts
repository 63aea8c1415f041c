/** Options of the schedules that fall by one factor again and again. */

import { checkNotNegative, flagOf } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { SavedState } from '../../io/state.ts';
import { checkRate, checkSteps } from './schedule.ts';

/** Options of `ExponentialDecay` and `InverseTimeDecay`. */
export interface DecayOptions {
  /** Rate of the first step; a finite number of at least 0. */
  readonly initialLearningRate: number;
  /** Steps of one decay; above 0. */
  readonly decaySteps: number;
  /** How much one decay is; a finite number of at least 0. */
  readonly decayRate: number;
  /** Fall in steps, at each whole number of decays; default false: a little with every step. */
  readonly staircase?: boolean;
}

/** The options with their defaults. */
export type DecaySettings = Required<DecayOptions>;

export function decaySettings(who: string, options: DecayOptions): DecaySettings {
  const known = { initialLearningRate: true, decaySteps: true, decayRate: true, staircase: true };
  checkOptions(who, options, known, 'initialLearningRate: 0.1');
  const { initialLearningRate, decaySteps, decayRate, staircase = false } = options;
  checkRate(who, 'initialLearningRate', initialLearningRate);
  checkSteps(who, 'decaySteps', decaySteps);
  checkNotNegative(who, 'decayRate', decayRate);
  flagOf(staircase, who, 'staircase');
  return { initialLearningRate, decaySteps, decayRate, staircase };
}

/** Decays until a step. */
export const decaysUntil = (step: number, { decaySteps, staircase }: DecaySettings): number =>
  staircase ? Math.floor(step / decaySteps) : step / decaySteps;

/** The options that a file has. */
export const savedDecay = (saved: SavedState): DecaySettings => ({
  initialLearningRate: saved.number('initialLearningRate'),
  decaySteps: saved.number('decaySteps'),
  decayRate: saved.number('decayRate'),
  staircase: saved.flag('staircase'),
});
