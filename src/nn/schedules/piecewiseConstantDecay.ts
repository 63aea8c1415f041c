import { refuse } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { SavedState } from '../../io/state.ts';
import { checkRate, LearningRateSchedule } from './schedule.ts';

/** Options of `PiecewiseConstantDecay`. */
export interface PiecewiseConstantDecayOptions {
  /** Rising numbers of steps. */
  readonly boundaries: readonly number[];
  /** Rates, each up to its boundary, that one included; one more than boundaries: the last is that of all steps after. */
  readonly values: readonly number[];
}

/** One rate up to each boundary. */
export class PiecewiseConstantDecay extends LearningRateSchedule {
  readonly #boundaries: readonly number[];
  readonly #values: readonly number[];

  /** @throws ArgumentError for boundaries that do not rise, or another number of rates */
  constructor(options: PiecewiseConstantDecayOptions) {
    const who = 'PiecewiseConstantDecay';
    checkOptions(who, options, { boundaries: true, values: true }, 'boundaries: [1000], values: [0.1, 0.01]');
    const [boundaries, values] = [options.boundaries, options.values];
    if (!Array.isArray(boundaries) || !boundaries.every((at, i) => at >= (boundaries[i - 1] ?? 0))) {
      refuse(who, 'boundaries', 'an array of rising numbers of steps', boundaries, 'Write for instance [1000, 2000].');
    }
    if (!Array.isArray(values) || values.length !== boundaries.length + 1) {
      const must = `an array of ${boundaries.length + 1}, one more than boundaries`;
      refuse(who, 'values', must, values, 'Give the rate after the last boundary as well.');
    }
    for (const value of values) checkRate(who, 'each of values', value);
    const settings = { boundaries: [...boundaries], values: [...values] };
    super(who, settings);
    this.#boundaries = settings.boundaries;
    this.#values = settings.values;
  }

  /** @internal */
  static fromConfig(saved: SavedState): PiecewiseConstantDecay {
    return new PiecewiseConstantDecay({ boundaries: saved.numbers('boundaries'), values: saved.numbers('values') });
  }

  rate(step: number): number {
    const at = this.#boundaries.findIndex((boundary) => step <= boundary);
    return this.#values[at < 0 ? this.#boundaries.length : at];
  }
}
