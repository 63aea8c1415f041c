import { checkNumber, checkWhole, flagOf } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { Weight } from '../base/weight.ts';
import type { SavedState, State } from '../io/state.ts';
import type { Logs } from './callback.ts';
import { stateOfWeights, weightsFrom } from './keptWeights.ts';
import { isOfValidation, MONITOR_DEFAULTS, MonitorCallback, type MonitorOptions } from './monitorCallback.ts';

/** Options of `EarlyStopping`. */
export interface EarlyStoppingOptions extends MonitorOptions {
  /** Epochs without improvement before training stops; an integer >= 0. Default 0. */
  patience?: number;
  /** The metric must beat this, too, or its epochs count as without improvement. Default null: no such bar. */
  baseline?: number | null;
  /** Whether the best epoch's weights come back when training ends, for whatever reason it ends. Default false. */
  restoreBestWeights?: boolean;
  /** Epochs before this one (from 0) are not watched; an integer >= 0. Default 0. */
  startFromEpoch?: number;
}

/**
 * Stops training when a metric has stopped improving, by Keras' rules. Unlike in Keras, an epoch that was cut short does not
 * count, but where its validation was better than ever before, its weights are the best.
 */
export class EarlyStopping extends MonitorCallback {
  /** @internal */
  static override readonly name: string = 'EarlyStopping';
  readonly patience: number;
  readonly baseline: number | null;
  readonly restoreBestWeights: boolean;
  readonly startFromEpoch: number;
  /** Epoch (from 0) after which this callback stopped the training; null while it has not. */
  stoppedEpoch: number | null = null;
  /** Epoch (from 0) with the best value; null before the first finite one. */
  bestEpoch: number | null = null;
  #bestWeights: readonly Weight[] | null = null;
  #wait = 0;

  /** @throws ArgumentError for an argument outside its range. */
  constructor(options: EarlyStoppingOptions = {}) {
    const taken = takeOptions('EarlyStopping', options, {
      ...MONITOR_DEFAULTS,
      minDelta: 0,
      patience: 0,
      baseline: null,
      restoreBestWeights: false,
      startFromEpoch: 0,
    });
    super(taken);
    const { patience, baseline, restoreBestWeights, startFromEpoch } = taken;
    checkWhole('EarlyStopping', 'patience', patience);
    checkWhole('EarlyStopping', 'startFromEpoch', startFromEpoch);
    if (baseline !== null) checkNumber('EarlyStopping', 'baseline', baseline, 'null or a finite number');
    this.patience = patience;
    this.baseline = baseline;
    this.restoreBestWeights = flagOf(restoreBestWeights, 'EarlyStopping', 'restoreBestWeights');
    this.startFromEpoch = startFromEpoch;
  }

  override onTrainBegin(): void {
    this.best = null;
    this.bestEpoch = null;
    this.stoppedEpoch = null;
    this.#bestWeights = null;
    this.#wait = 0;
  }

  override state(): State {
    return {
      best: this.best,
      bestEpoch: this.bestEpoch,
      stoppedEpoch: this.stoppedEpoch,
      wait: this.#wait,
      bestWeights: this.#bestWeights && stateOfWeights(this.#bestWeights),
    };
  }

  override async restore(saved: SavedState): Promise<void> {
    this.best = saved.numberOrNull('best');
    this.bestEpoch = saved.wholeOrNull('bestEpoch');
    this.stoppedEpoch = saved.wholeOrNull('stoppedEpoch');
    this.#wait = saved.whole('wait');
    this.#bestWeights = saved.isNull('bestWeights') ? null : weightsFrom(saved, 'bestWeights');
    // State that was saved after the end of its training holds no best weights, because the model already had them.
    if (this.restoreBestWeights && this.#bestWeights === null && this.bestEpoch !== null)
      this.#bestWeights = await this.model.getWeights();
    if (this.stoppedEpoch !== null) this.model.stopTraining = true;
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const value = this.monitored(logs);
    if (value === null || epoch < this.startFromEpoch) return;
    const better = this.isImprovement(value, this.best);
    if (this.interruptionOf(epoch) !== null && !(better && isOfValidation(this.monitor))) return;
    this.#wait++;
    if (better) {
      this.best = value;
      this.bestEpoch = epoch;
      if (this.restoreBestWeights) this.#bestWeights = await this.model.getWeights();
      if (this.baseline === null || this.isImprovement(value, this.baseline)) this.#wait = 0;
    } else if (this.#wait >= this.patience && epoch > 0) {
      this.stoppedEpoch = epoch;
      this.model.stopTraining = true;
    }
  }

  override async onTrainEnd(): Promise<void> {
    if (this.stoppedEpoch !== null && this.verbose > 0) {
      this.print(`Epoch ${this.stoppedEpoch + 1}: early stopping`);
    }
    await this.#restoreBest();
  }

  override async onTrainError(): Promise<void> {
    await this.#restoreBest();
  }

  async #restoreBest(): Promise<void> {
    if (this.#bestWeights === null || this.bestEpoch === null) return;
    if (this.verbose > 0) {
      this.print(`Restoring model weights from the end of the best epoch: ${this.bestEpoch + 1}.`);
    }
    await this.model.setWeights(this.#bestWeights);
    this.#bestWeights = null;
  }
}
