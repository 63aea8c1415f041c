import { checkNotNegative, checkNumber, checkWhole } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { SavedState, State } from '../io/state.ts';
import type { Logs } from './callback.ts';
import { MONITOR_DEFAULTS, MonitorCallback, type MonitorOptions } from './monitorCallback.ts';
import { requireSettableRate } from './settableRate.ts';

/** Options of `ReduceLROnPlateau`. */
export interface ReduceLROnPlateauOptions extends MonitorOptions {
  /** The learning rate is multiplied by this; 0 <= factor < 1. Default 0.1. */
  factor?: number;
  /** Epochs without improvement before the rate drops; an integer >= 0 (0 acts like 1). Default 10. */
  patience?: number;
  /** Default 1e-4. */
  minDelta?: number;
  /** Epochs after a drop in which none is counted as without improvement; an integer >= 0. Default 0. */
  cooldown?: number;
  /** The rate never drops below this; >= 0. Default 0. */
  minLr?: number;
}

/** One reduction of the learning rate. */
export interface LearningRateDrop {
  /** Epoch (from 0) after which the rate changed. */
  readonly epoch: number;
  /** Learning rate before. */
  readonly from: number;
  /** Learning rate after. */
  readonly to: number;
}

/**
 * Lowers the learning rate when a metric has stopped improving, by Keras' rules. Unlike in Keras, an epoch that was cut short
 * does not count.
 */
export class ReduceLROnPlateau extends MonitorCallback {
  /** @internal */
  static override readonly name: string = 'ReduceLROnPlateau';
  readonly factor: number;
  readonly patience: number;
  readonly cooldown: number;
  readonly minLr: number;
  /** Every reduction of this training, for charts. */
  drops: LearningRateDrop[] = [];
  #wait = 0;
  #cooling = 0;

  /** @throws ArgumentError for an argument outside its range. */
  constructor(options: ReduceLROnPlateauOptions = {}) {
    const taken = takeOptions('ReduceLROnPlateau', options, {
      ...MONITOR_DEFAULTS,
      minDelta: 1e-4,
      factor: 0.1,
      patience: 10,
      cooldown: 0,
      minLr: 0,
    });
    super(taken);
    const { factor, patience, cooldown, minLr } = taken;
    checkNumber('ReduceLROnPlateau', 'factor', factor, 'a number in [0, 1)', (f) => f >= 0 && f < 1);
    checkWhole('ReduceLROnPlateau', 'patience', patience);
    checkWhole('ReduceLROnPlateau', 'cooldown', cooldown);
    checkNotNegative('ReduceLROnPlateau', 'minLr', minLr);
    this.factor = factor;
    this.patience = patience;
    this.cooldown = cooldown;
    this.minLr = minLr;
  }

  override onTrainBegin(): void {
    requireSettableRate(this.model);
    this.best = null;
    this.drops = [];
    this.#wait = 0;
    this.#cooling = 0;
  }

  override state(): State {
    return {
      best: this.best,
      wait: this.#wait,
      cooling: this.#cooling,
      drops: this.drops.map((drop) => ({ ...drop })),
    };
  }

  override restore(saved: SavedState): void {
    this.best = saved.numberOrNull('best');
    this.#wait = saved.whole('wait');
    this.#cooling = saved.whole('cooling');
    this.drops = saved
      .records('drops')
      .map((drop) => ({ epoch: drop.whole('epoch'), from: drop.number('from'), to: drop.number('to') }));
  }

  override onEpochEnd(epoch: number, logs: Logs): void {
    // The rate that this epoch was trained with, before it may drop here; it may have dropped in a callback before.
    logs.learning_rate ??= this.model.optimizer.learningRate;
    if (this.interruptionOf(epoch) !== null) return;
    const value = this.monitored(logs);
    if (value === null) return;
    if (this.#cooling > 0) this.#cooling--;
    if (this.isImprovement(value, this.best)) {
      this.best = value;
      this.#wait = 0;
    } else if (this.#cooling === 0 && ++this.#wait >= this.patience && this.#reduce(epoch)) {
      this.#cooling = this.cooldown;
      this.#wait = 0;
    }
  }

  #reduce(epoch: number): boolean {
    const { optimizer } = this.model;
    const from = optimizer.learningRate;
    // Compared as float32: a rate that the optimizer keeps in single precision may sit a rounding error above minLr and
    // would be "reduced" to it epoch after epoch.
    if (!(Math.fround(from) > Math.fround(this.minLr))) return false;
    const to = Math.max(from * this.factor, this.minLr);
    optimizer.learningRate = to;
    this.drops.push({ epoch, from, to });
    if (this.verbose > 0) this.print(`Epoch ${epoch + 1}: ReduceLROnPlateau reducing learning rate to ${to}.`);
    return true;
  }
}
