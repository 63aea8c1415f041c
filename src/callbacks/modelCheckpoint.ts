import { isNode } from '#platform';
import { checkNumber, checkText, flagOf } from '../base/checks.ts';
import { ArgumentError } from '../base/errors.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { SavedState, State } from '../io/state.ts';
import type { Logs } from './callback.ts';
import { isOfValidation, MONITOR_DEFAULTS, MonitorCallback, type MonitorOptions } from './monitorCallback.ts';
import { checkPath, fillPath, keysOfPath } from './pathTemplate.ts';
import { SaveFrequency } from './saveFrequency.ts';

/** Options of `ModelCheckpoint`. */
export interface ModelCheckpointOptions extends Omit<MonitorOptions, 'minDelta'> {
  /**
   * Save only when the monitored metric is better than ever before. Default false. An epoch that lacks the metric, or was cut
   * short so that its mean is of a part of it (validation is whole), is saved only as long as no best value is known.
   */
  saveBestOnly?: boolean;
  /** `epoch`, or a number of batches (an integer >= 1) after which to save. Default `epoch`. */
  saveFreq?: 'epoch' | number;
  /** With `saveBestOnly`: the value to beat at first. Default null: the first finite value is the best so far. */
  initialValueThreshold?: number | null;
}

/**
 * Saves the model now and then through `model.save`, by Keras' rules, with all that `model.resume` needs to go on. The best
 * value outlives a call of `fit`.
 */
export class ModelCheckpoint extends MonitorCallback {
  /** @internal */
  static override readonly name: string = 'ModelCheckpoint';
  readonly filepath: string;
  readonly saveBestOnly: boolean;
  readonly saveFreq: 'epoch' | number;
  readonly #frequency: SaveFrequency;
  #epoch = 0;

  /**
   * @param filepath may hold `{epoch}` and `{batch}` (both from 1) and keys of the logs, with Python's formats `d`, `f`
   *   and `e`: `run/{epoch:02d}-{val_loss:.2f}.safetensors`. `{batch}` goes with a number as `saveFreq`, validation and learning
   *   rate with `epoch`; what `validationFreq` leaves out is NaN there. Missing folders are made in Node.
   * @throws ArgumentError for an argument outside its range, a malformed filepath, or a key that is never there when it saves.
   */
  constructor(filepath: string, options: ModelCheckpointOptions = {}) {
    const taken = takeOptions('ModelCheckpoint', options, {
      ...MONITOR_DEFAULTS,
      saveBestOnly: false,
      saveFreq: 'epoch',
      initialValueThreshold: null,
    });
    super(taken);
    const { saveBestOnly, saveFreq, initialValueThreshold } = taken;
    checkText('ModelCheckpoint', 'filepath', filepath);
    checkPath(filepath);
    checkSaved('its path wants', keysOfPath(filepath), saveFreq);
    if (saveBestOnly) checkSaved('saveBestOnly monitors', [this.monitor], saveFreq);
    if (initialValueThreshold !== null) {
      checkNumber('ModelCheckpoint', 'initialValueThreshold', initialValueThreshold, 'null or a finite number');
    }
    this.filepath = filepath;
    this.saveBestOnly = flagOf(saveBestOnly, 'ModelCheckpoint', 'saveBestOnly');
    this.saveFreq = saveFreq;
    this.#frequency = new SaveFrequency('ModelCheckpoint', saveFreq);
    this.best = initialValueThreshold;
  }

  override get everyTrainBatch(): boolean {
    return !this.#frequency.byEpoch;
  }

  /** Called after the other callbacks, so that the file holds their newest state. */
  override get rank(): number {
    return 1;
  }

  override state(): State {
    return { best: this.best, frequency: this.#frequency.state() };
  }

  override restore(saved: SavedState): void {
    this.best = saved.numberOrNull('best');
    this.#frequency.restore(saved.record('frequency'));
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
    this.#frequency.beginEpoch();
  }

  override async onTrainBatchEnd(batch: number, logs: Logs): Promise<void> {
    if (!this.#frequency.endBatch(batch)) return;
    await this.#save({ ...logs, epoch: this.#epoch + 1, batch: batch + 1 }, logs);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const isPartial = this.interruptionOf(epoch) !== null;
    if (this.#frequency.byEpoch) await this.#save({ ...logs, epoch: epoch + 1 }, logs, isPartial);
  }

  async #save(values: Logs, logs: Logs, isPartial = false): Promise<void> {
    const path = fillPath(this.filepath, { ...this.#leftOut(), ...values });
    const prefix = `Epoch ${values.epoch}:`;
    if (!this.#shouldSave(path, prefix, logs, isPartial)) return;
    if (isNode) {
      const { makeFolderOf } = await import('./onDemand.ts');
      await makeFolderOf('ModelCheckpoint', path);
    }
    await this.model.save(path);
    if (this.verbose > 0) this.print(`${prefix} finished saving model to ${path}`);
  }

  /** What the path wants of the validation, as an epoch without one has it. */
  #leftOut(): Logs {
    const wanted = keysOfPath(this.filepath).filter(isOfValidation);
    if (wanted.length === 0 || (this.params.validationFreq ?? 1) === 1) return {};
    return Object.fromEntries(wanted.map((key) => [key, Number.NaN]));
  }

  #shouldSave(path: string, prefix: string, logs: Logs, isPartial: boolean): boolean {
    const partial = isPartial && !isOfValidation(this.monitor);
    const value = this.saveBestOnly && !partial ? this.monitored(logs) : null;
    if (value === null && this.saveBestOnly && this.best !== null) {
      const lacking = partial ? 'of a part of the epoch' : 'not there';
      if (this.verbose > 0) this.print(`${prefix} ${this.monitor} is ${lacking}, the best so far is kept`);
      return false;
    }
    // A file too many is better than none.
    if (value === null) {
      if (this.verbose > 0) this.print(`${prefix} saving model to ${path}`);
      return true;
    }
    const best = this.best === null ? 'None' : this.best.toFixed(5);
    if (!this.isImprovement(value, this.best)) {
      if (this.verbose > 0) this.print(`${prefix} ${this.monitor} did not improve from ${best}`);
      return false;
    }
    this.best = value;
    if (this.verbose > 0) {
      this.print(`${prefix} ${this.monitor} improved from ${best} to ${value.toFixed(5)}, saving model to ${path}`);
    }
    return true;
  }
}

/** Throws for a key that the logs never have when it is time to save: it would only be seen after an epoch of training. */
function checkSaved(who: string, keys: readonly string[], saveFreq: 'epoch' | number): void {
  const never = keys.find((key) =>
    saveFreq === 'epoch' ? key === 'batch' : isOfValidation(key) || key === 'learning_rate',
  );
  if (never === undefined) return;
  throw new ArgumentError(
    `ModelCheckpoint: ${who} ${never}, which is never there with saveFreq ${saveFreq}. Pass another saveFreq, or use another key.`,
  );
}
