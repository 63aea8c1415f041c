import { checkAbove, flagOf } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { SavedState } from '../../io/state.ts';
import { checkRate, checkSteps, LearningRateSchedule } from './schedule.ts';

/** Options of `PolynomialDecay`. */
export interface PolynomialDecayOptions {
  /** Rate of the first step; a finite number of at least 0. */
  readonly initialLearningRate: number;
  /** Steps until the end; above 0. */
  readonly decaySteps: number;
  /** Rate of the end; a finite number of at least 0, default 0.0001. */
  readonly endLearningRate?: number;
  /** Above 0; default 1: a straight line. */
  readonly power?: number;
  /** After the end, rise again to a line to the next multiple of `decaySteps`; default false: stay there. */
  readonly cycle?: boolean;
}

/** (initialLearningRate - endLearningRate) · (1 - step / decaySteps)^power + endLearningRate. */
export class PolynomialDecay extends LearningRateSchedule {
  readonly #settings: Required<PolynomialDecayOptions>;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: PolynomialDecayOptions) {
    const who = 'PolynomialDecay';
    const known = { initialLearningRate: true, decaySteps: true, endLearningRate: true, power: true, cycle: true };
    checkOptions(who, options, known, 'initialLearningRate: 0.1');
    const { initialLearningRate, decaySteps, endLearningRate = 1e-4, power = 1, cycle = false } = options;
    checkRate(who, 'initialLearningRate', initialLearningRate);
    checkSteps(who, 'decaySteps', decaySteps);
    checkRate(who, 'endLearningRate', endLearningRate);
    checkAbove(who, 'power', power);
    flagOf(cycle, who, 'cycle');
    const settings = { initialLearningRate, decaySteps, endLearningRate, power, cycle };
    super(who, settings);
    this.#settings = settings;
  }

  /** @internal */
  static fromConfig(saved: SavedState): PolynomialDecay {
    return new PolynomialDecay({
      initialLearningRate: saved.number('initialLearningRate'),
      decaySteps: saved.number('decaySteps'),
      endLearningRate: saved.number('endLearningRate'),
      power: saved.number('power'),
      cycle: saved.flag('cycle'),
    });
  }

  rate(step: number): number {
    const { initialLearningRate, decaySteps, endLearningRate, power, cycle } = this.#settings;
    const end = cycle ? decaySteps * Math.max(1, Math.ceil(step / decaySteps)) : decaySteps;
    const left = 1 - Math.min(step, end) / end;
    return (initialLearningRate - endLearningRate) * left ** power + endLearningRate;
  }
}
