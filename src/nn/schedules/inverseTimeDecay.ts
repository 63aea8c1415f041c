import type { SavedState } from '../../io/state.ts';
import { type DecayOptions, type DecaySettings, decaySettings, decaysUntil, savedDecay } from './decay.ts';
import { LearningRateSchedule } from './schedule.ts';

/** initialLearningRate / (1 + decayRate · step / decaySteps). */
export class InverseTimeDecay extends LearningRateSchedule {
  readonly #settings: DecaySettings;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: DecayOptions) {
    const settings = decaySettings('InverseTimeDecay', options);
    super('InverseTimeDecay', settings);
    this.#settings = settings;
  }

  /** @internal */
  static fromConfig(saved: SavedState): InverseTimeDecay {
    return new InverseTimeDecay(savedDecay(saved));
  }

  rate(step: number): number {
    const { initialLearningRate, decayRate } = this.#settings;
    return initialLearningRate / (1 + decayRate * decaysUntil(step, this.#settings));
  }
}
