import { checkChoice, checkNumber, checkText } from '../base/checks.ts';
import { ArgumentError } from '../base/errors.ts';
import { meant, withDefaults } from '../base/optionNames.ts';
import { Callback, type Logs } from './callback.ts';
import { type Print, printLine } from './progress/print.ts';

/** Whether a metric should fall (`min`), rise (`max`), or what its name implies (`auto`). */
export type MonitorMode = 'auto' | 'min' | 'max';

/** Options of callbacks that watch a metric. */
export interface MonitorOptions {
  /** Key of the logs to watch. Default `val_loss`. */
  monitor?: string;
  /** Default `auto`: losses and errors should fall, accuracies and the like should rise. */
  mode?: MonitorMode;
  /** Smaller changes do not count as improvement; the sign is ignored. Default 0 unless the callback says otherwise. */
  minDelta?: number;
  /** 0 is silent, 1 prints what the callback does. Default 0. */
  verbose?: 0 | 1;
  /** Receives messages. Default `console.log`. */
  print?: Print;
}

/** What all of them take, but `minDelta`, which only some do. */
export const MONITOR_DEFAULTS: Required<Omit<MonitorOptions, 'minDelta'>> = {
  monitor: 'val_loss',
  mode: 'auto',
  verbose: 0,
  print: printLine,
};

const RISING = /(^|_)(acc|accuracy|auc|precision|recall|f1|f1_score|fbeta_score|mean_io_u|cosine_similarity|r2_score)$/;
const FALLING = /(^|_)(loss|error|mse|mae|rmse|mape|msle|cross_?entropy|hinge|kl_divergence|perplexity)$/;

/**
 * Base of the callbacks that watch a metric. Unlike Keras, a NaN or an infinity never becomes the best value: nothing
 * would ever be better than it, and every later improvement would go unseen.
 */
export abstract class MonitorCallback extends Callback {
  readonly monitor: string;
  readonly mode: 'min' | 'max';
  /** Smaller changes do not count as improvement; at least 0. */
  readonly minDelta: number;
  readonly verbose: 0 | 1;
  /** Best value so far; null before the first finite one. */
  best: number | null = null;
  /** Receives messages. */
  protected readonly print: Print;
  #warned = false;

  /** @throws ArgumentError for an unknown mode, a minDelta that is not finite, or a direction that cannot be guessed. */
  constructor(options: MonitorOptions) {
    super();
    const defaults = { ...MONITOR_DEFAULTS, minDelta: 0 };
    const { monitor, mode, minDelta, verbose, print } = withDefaults(options, defaults);
    checkText(this.constructor.name, 'monitor', monitor);
    checkChoice(this.constructor.name, 'mode', mode, ['auto', 'min', 'max']);
    checkNumber(this.constructor.name, 'minDelta', minDelta);
    checkChoice(this.constructor.name, 'verbose', verbose, [0, 1]);
    this.monitor = monitor;
    this.mode = mode === 'auto' ? guessMode(this.constructor.name, monitor) : mode;
    this.minDelta = Math.abs(minDelta);
    this.verbose = verbose;
    this.print = print;
  }

  /** Whether `value` beats `reference` by more than `minDelta`; any finite value beats null. */
  protected isImprovement(value: number, reference: number | null): boolean {
    if (!Number.isFinite(value)) return false;
    if (reference === null) return true;
    return this.mode === 'min' ? value + this.minDelta < reference : value - this.minDelta > reference;
  }

  /** The watched value, or null when the logs lack it, which is told once unless a validation is still to come. */
  protected monitored(logs: Logs): number | null {
    if (Object.hasOwn(logs, this.monitor)) return logs[this.monitor];
    if (!this.#warned && !this.#isLeftOut(logs)) {
      this.#warned = true;
      const present = Object.keys(logs).join(', ') || 'nothing';
      const remedy = isOfValidation(this.monitor) ? 'pass validation data to fit or monitor' : 'monitor';
      this.print(
        `Warning: ${this.constructor.name} monitors ${this.monitor}, which is not in the logs (${present}): ` +
          `${remedy} one of those.${meant(this.monitor, Object.keys(logs))}`,
      );
    }
    return null;
  }

  /** Whether these are the logs of an epoch without validation, in a training that has epochs with one. */
  #isLeftOut(logs: Logs): boolean {
    if (!isOfValidation(this.monitor) || Object.keys(logs).some(isOfValidation)) return false;
    const { validationFreq, initialEpoch, epochs } = this.params;
    if (validationFreq === null || validationFreq === 1) return false;
    return Math.floor(epochs / validationFreq) > Math.floor(initialEpoch / validationFreq);
  }
}

/** Whether a key of the logs is that of a validation. */
export const isOfValidation = (key: string): boolean => key.startsWith('val_');

function guessMode(owner: string, monitor: string): 'min' | 'max' {
  if (RISING.test(monitor)) return 'max';
  if (FALLING.test(monitor)) return 'min';
  throw new ArgumentError(
    `${owner}: cannot tell whether ${monitor} should rise or fall. Pass mode: 'max' or mode: 'min'.`,
  );
}
