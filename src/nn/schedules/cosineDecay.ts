import { checkNotNegative, checkShare, refuse } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { SavedState } from '../../io/state.ts';
import { checkRate, checkSteps, LearningRateSchedule } from './schedule.ts';

/** Options of `CosineDecay`. */
export interface CosineDecayOptions {
  /** Rate of the first step; a finite number of at least 0. */
  readonly initialLearningRate: number;
  /** Steps of the decay, those of the warm-up not counted; above 0. */
  readonly decaySteps: number;
  /** What is left at the end, as a share of the highest rate; in [0, 1], default 0. */
  readonly alpha?: number;
  /** Rate at the end of the warm-up; default null: there is none. */
  readonly warmupTarget?: number | null;
  /** Steps of the warm-up, a straight line from `initialLearningRate` to `warmupTarget`; default 0. */
  readonly warmupSteps?: number;
}

/** From 1 to 0 along half a cosine; `done` is the share of the way. */
export const halfCosine = (done: number): number => (1 + Math.cos(Math.PI * done)) / 2;

/** Falls along half a cosine (Loshchilov and Hutter 2016), after a warm-up if it has one. */
export class CosineDecay extends LearningRateSchedule {
  readonly #settings: Required<CosineDecayOptions>;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: CosineDecayOptions) {
    const who = 'CosineDecay';
    const known = { initialLearningRate: true, decaySteps: true, alpha: true, warmupTarget: true, warmupSteps: true };
    checkOptions(who, options, known, 'initialLearningRate: 0.1');
    const { initialLearningRate, decaySteps, alpha = 0, warmupTarget = null, warmupSteps = 0 } = options;
    checkRate(who, 'initialLearningRate', initialLearningRate);
    checkSteps(who, 'decaySteps', decaySteps);
    checkShare(who, 'alpha', alpha);
    if (warmupTarget !== null) checkRate(who, 'warmupTarget', warmupTarget);
    checkNotNegative(who, 'warmupSteps', warmupSteps);
    if (warmupTarget === null && warmupSteps > 0) {
      refuse(
        who,
        'warmupTarget',
        'a rate where there are warmupSteps',
        null,
        'Give the rate at the end of the warm-up.',
      );
    }
    const settings = { initialLearningRate, decaySteps, alpha, warmupTarget, warmupSteps };
    super(who, settings);
    this.#settings = settings;
  }

  /** @internal */
  static fromConfig(saved: SavedState): CosineDecay {
    return new CosineDecay({
      initialLearningRate: saved.number('initialLearningRate'),
      decaySteps: saved.number('decaySteps'),
      alpha: saved.number('alpha'),
      warmupTarget: saved.numberOrNull('warmupTarget'),
      warmupSteps: saved.number('warmupSteps'),
    });
  }

  rate(step: number): number {
    const { initialLearningRate: initial, decaySteps, alpha, warmupTarget, warmupSteps } = this.#settings;
    const highest = warmupTarget ?? initial;
    if (step < warmupSteps) return initial + ((highest - initial) * step) / warmupSteps;
    return highest * ((1 - alpha) * halfCosine(Math.min(1, (step - warmupSteps) / decaySteps)) + alpha);
  }
}
