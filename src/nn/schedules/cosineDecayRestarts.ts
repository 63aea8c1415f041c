import { checkNotNegative, checkNumber, checkShare } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { SavedState } from '../../io/state.ts';
import { halfCosine } from './cosineDecay.ts';
import { checkRate, checkSteps, LearningRateSchedule } from './schedule.ts';

/** Options of `CosineDecayRestarts`. */
export interface CosineDecayRestartsOptions {
  /** Rate of the first step; a finite number of at least 0. */
  readonly initialLearningRate: number;
  /** Steps of the first decay; above 0. */
  readonly firstDecaySteps: number;
  /** Each decay takes so many times the steps of the one before; at least 1, default 2. */
  readonly tMul?: number;
  /** Each decay begins at so many times the rate of the one before; a finite number of at least 0, default 1. */
  readonly mMul?: number;
  /** What is left at the end of each decay, as a share; in [0, 1], default 0. */
  readonly alpha?: number;
}

/** Falls along half a cosine again and again (SGDR, Loshchilov and Hutter 2016). */
export class CosineDecayRestarts extends LearningRateSchedule {
  readonly #settings: Required<CosineDecayRestartsOptions>;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: CosineDecayRestartsOptions) {
    const who = 'CosineDecayRestarts';
    const known = { initialLearningRate: true, firstDecaySteps: true, tMul: true, mMul: true, alpha: true };
    checkOptions(who, options, known, 'initialLearningRate: 0.1');
    const { initialLearningRate, firstDecaySteps, tMul = 2, mMul = 1, alpha = 0 } = options;
    checkRate(who, 'initialLearningRate', initialLearningRate);
    checkSteps(who, 'firstDecaySteps', firstDecaySteps);
    checkNumber(who, 'tMul', tMul, 'a finite number of at least 1', (times) => times >= 1);
    checkNotNegative(who, 'mMul', mMul);
    checkShare(who, 'alpha', alpha);
    const settings = { initialLearningRate, firstDecaySteps, tMul, mMul, alpha };
    super(who, settings);
    this.#settings = settings;
  }

  /** @internal */
  static fromConfig(saved: SavedState): CosineDecayRestarts {
    return new CosineDecayRestarts({
      initialLearningRate: saved.number('initialLearningRate'),
      firstDecaySteps: saved.number('firstDecaySteps'),
      tMul: saved.number('tMul'),
      mMul: saved.number('mMul'),
      alpha: saved.number('alpha'),
    });
  }

  rate(step: number): number {
    const { initialLearningRate, firstDecaySteps, tMul, mMul, alpha } = this.#settings;
    let [restarts, begun, length] = [0, 0, firstDecaySteps];
    if (tMul === 1) {
      restarts = Math.floor(step / length);
      begun = restarts * length;
    } else {
      // Keras takes a logarithm, whose rounding puts some restarts a whole decay off.
      for (; step - begun >= length; restarts++) {
        begun += length;
        length *= tMul;
      }
    }
    const done = Math.min(1, (step - begun) / length);
    const fallen = (1 - alpha) * mMul ** restarts * halfCosine(done);
    return initialLearningRate * (fallen + alpha);
  }
}
