import { ArgumentError } from '../errors.ts';
import type { Logs } from './callback.ts';
import { MonitorCallback, type MonitorOptions } from './monitorCallback.ts';
import { makeFolderOf } from './nodeFiles.ts';
import { checkInteger, checkNumber, checkText } from './options.ts';
import { checkPath, fillPath } from './pathTemplate.ts';

export interface ModelCheckpointOptions extends Omit<MonitorOptions, 'minDelta'> {
  /** Save only when the monitored metric is better than ever before. Default false. */
  saveBestOnly?: boolean;
  /** `epoch`, or a number of batches (an integer >= 1) after which to save. Default `epoch`. */
  saveFreq?: 'epoch' | number;
  /** With `saveBestOnly`: the value to beat at first. Default null: the first finite value is the best so far. */
  initialValueThreshold?: number | null;
}

/** Saves the model now and then through `model.save`, by Keras' rules. The best value outlives a call of `fit`. */
export class ModelCheckpoint extends MonitorCallback {
  readonly filepath: string;
  readonly saveBestOnly: boolean;
  readonly saveFreq: 'epoch' | number;
  #epoch = 0;
  #batchesSinceSave = 0;
  #lastBatch = -1;

  /**
   * @param filepath may hold `{epoch}` and `{batch}` (both from 1) and keys of the logs, with Python's formats `d`, `f`
   *   and `e`: `run/{epoch:02d}-{val_loss:.2f}.safetensors`. Missing folders are made in Node.
   * @throws ArgumentError for an argument outside its range or a malformed filepath.
   */
  constructor(filepath: string, options: ModelCheckpointOptions = {}) {
    super({ ...options, minDelta: 0 });
    const { saveBestOnly = false, saveFreq = 'epoch', initialValueThreshold = null } = options;
    checkText('ModelCheckpoint', 'filepath', filepath);
    checkPath(filepath);
    if (typeof saveFreq === 'number') checkInteger('ModelCheckpoint', 'saveFreq', saveFreq, 1);
    else if (saveFreq !== 'epoch') {
      throw new ArgumentError(`ModelCheckpoint: unknown saveFreq ${saveFreq}: pass 'epoch' or a number of batches`);
    }
    if (initialValueThreshold !== null) {
      checkNumber('ModelCheckpoint', 'initialValueThreshold', initialValueThreshold, 'null or finite', () => true);
    }
    this.filepath = filepath;
    this.saveBestOnly = saveBestOnly;
    this.saveFreq = saveFreq;
    this.best = initialValueThreshold;
  }

  override get everyTrainBatch(): boolean {
    return this.saveFreq !== 'epoch';
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
    this.#lastBatch = -1;
  }

  override async onTrainBatchEnd(batch: number, logs: Logs): Promise<void> {
    if (this.saveFreq === 'epoch') return;
    // Counted by the batch's number: `fit` may report several batches at once.
    this.#batchesSinceSave += batch - this.#lastBatch;
    this.#lastBatch = batch;
    if (this.#batchesSinceSave < this.saveFreq) return;
    this.#batchesSinceSave = 0;
    await this.#save({ ...logs, epoch: this.#epoch + 1, batch: batch + 1 }, logs);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    if (this.saveFreq === 'epoch') await this.#save({ ...logs, epoch: epoch + 1 }, logs);
  }

  async #save(values: Logs, logs: Logs): Promise<void> {
    const path = fillPath(this.filepath, values);
    const prefix = `Epoch ${values.epoch}:`;
    if (!this.#shouldSave(path, prefix, logs)) return;
    if (typeof process !== 'undefined' && process.versions?.node) await makeFolderOf('ModelCheckpoint', path);
    await this.model.save(path);
    if (this.verbose > 0) this.print(`${prefix} finished saving model to ${path}`);
  }

  #shouldSave(path: string, prefix: string, logs: Logs): boolean {
    const value = this.saveBestOnly ? this.monitored(logs) : null;
    // Keras saves, too, when the metric is missing: a file too many is better than none.
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
