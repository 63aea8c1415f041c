import type { SavedState } from '../../io/state.ts';
import { type DecayOptions, type DecaySettings, decaySettings, decaysUntil, savedDecay } from './decay.ts';
import { LearningRateSchedule } from './schedule.ts';

/** initialLearningRate · decayRate^(step / decaySteps). */
export class ExponentialDecay extends LearningRateSchedule {
  readonly #settings: DecaySettings;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: DecayOptions) {
    const settings = decaySettings('ExponentialDecay', options);
    super('ExponentialDecay', settings);
    this.#settings = settings;
  }

  /** @internal */
  static fromConfig(saved: SavedState): ExponentialDecay {
    return new ExponentialDecay(savedDecay(saved));
  }

  rate(step: number): number {
    const { initialLearningRate, decayRate } = this.#settings;
    return initialLearningRate * decayRate ** decaysUntil(step, this.#settings);
  }
}
