/** Writes what TensorBoard shows. */

import { checkChoice, checkText, checkWhole, flagOf } from '../base/checks.ts';
import { ArgumentError, StateError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import type { Weight } from '../base/weight.ts';
import { Callback, type Hook, type Logs, type MetricsReport } from '../callbacks/callback.ts';
import type { SavedState, State } from '../io/state.ts';
import type { Image, SummaryValue } from './event.ts';
import { EventFile } from './eventFile.ts';
import { histogramOf } from './histogram.ts';
import { StepMeans } from './stepMeans.ts';

/** Options of `TensorBoard`. */
export interface TensorBoardOptions {
  /** Histograms of all weights every so many epochs, beginning with the first one; default 0: none. */
  readonly histogramFreq?: number;
  /** The filters of convolutions as images, together with the histograms; default false. Needs the package fast-png. */
  readonly writeImages?: boolean;
  /** How fast training is, in optimizer steps a second; default false. */
  readonly writeStepsPerSecond?: boolean;
  /**
   * When metrics are written beside those of every epoch: `batch`, whenever the GPU reports them, which is every few steps
   * (ten at most); a number, after at least so many steps, an integer of at least 1; default `epoch`: never.
   */
  readonly updateFreq?: 'batch' | 'epoch' | number;
}

/** A training that takes long within an epoch is seen all the same, in milliseconds. */
const LONGEST_WAIT = 10_000;
const VALIDATION = 'val_';

/**
 * Writes event files, which TensorBoard and other programs show as charts, histograms and images, in Keras' layout:
 *
 * - `train` has `epoch_loss`, `epoch_learning_rate` and all other logs of an epoch, at the epoch's number from 0
 * - `validation` has the same of validation (`epoch_loss`, …), and `evaluation_loss_vs_iterations`, … at the number of steps
 *   taken so far
 * - `updateFreq` adds `batch_loss`, … to `train`: means over the steps since the last ones, at the number of steps taken so far.
 *   Training does not wait for them. From a step that is not finite on, those of its epoch are not either
 * - `writeStepsPerSecond` adds `epoch_steps_per_second`, of the epoch with its validation, and `batch_steps_per_second`
 * - `histogramFreq` adds `conv2d/kernel/histogram`, …, of the finite weights; where there are others,
 *   `conv2d/kernel/not_finite` counts them
 * - `writeImages` adds `conv2d/kernel/image`, …: one tile a filter where there are one or three input channels, else a row of
 *   tiles a filter. Grey is 0, magenta is not finite
 *
 * After every epoch all of it is on the disk. A training that goes on after an interruption goes on with its files: what is
 * not of its steps so far is cut off. A new training in the same folder begins new files and leaves the old ones alone. Only
 * in Node.
 */
export class TensorBoard extends Callback {
  /** @internal */
  static override readonly name: string = 'TensorBoard';
  readonly logDir: string;
  readonly histogramFreq: number;
  readonly writeImages: boolean;
  readonly writeStepsPerSecond: boolean;
  readonly updateFreq: 'batch' | 'epoch' | number;
  /** Steps after which metrics are written. */
  readonly #interval: number;
  #train: EventFile;
  #validation: EventFile;
  readonly #means = new StepMeans();
  #filterImage: ((kernel: Weight) => Image) | null = null;
  #training = false;
  /** Steps taken so far, by the newest report. */
  #steps = 0;
  /** Steps of this epoch that the newest report covers. */
  #batch = 0;
  /** When the epoch began; null for one that was saved in its midst. */
  #epochStart: number | null = null;
  /** When the newest report came, or the epoch began; null after a training went on. */
  #reported: number | null = null;
  #flushed = 0;

  /**
   * @param logDir the folder that TensorBoard is given (`--logdir`), or one within it, a run; default `logs`. Missing folders
   *   are made.
   * @throws ArgumentError for an option outside its range, and for `writeImages` without `histogramFreq`
   */
  constructor(logDir = 'logs', options: TensorBoardOptions = {}) {
    super();
    const known = { histogramFreq: true, writeImages: true, writeStepsPerSecond: true, updateFreq: true } as const;
    checkOptions('TensorBoard', options, known);
    const { histogramFreq = 0, writeImages = false, writeStepsPerSecond = false, updateFreq = 'epoch' } = options;
    checkText('TensorBoard', 'logDir', logDir);
    checkWhole('TensorBoard', 'histogramFreq', histogramFreq);
    flagOf(writeImages, 'TensorBoard', 'writeImages');
    flagOf(writeStepsPerSecond, 'TensorBoard', 'writeStepsPerSecond');
    if (typeof updateFreq === 'number') checkWhole('TensorBoard', 'updateFreq', updateFreq, 1);
    else checkChoice('TensorBoard', 'updateFreq', updateFreq, ['batch', 'epoch']);
    if (writeImages && histogramFreq === 0) {
      throw new ArgumentError(
        'TensorBoard: writeImages goes with the histograms, but histogramFreq is 0. Pass histogramFreq 1, too, or more.',
      );
    }
    this.logDir = logDir;
    this.histogramFreq = histogramFreq;
    this.writeImages = writeImages;
    this.writeStepsPerSecond = writeStepsPerSecond;
    this.updateFreq = updateFreq;
    this.#interval = updateFreq === 'epoch' ? Number.POSITIVE_INFINITY : updateFreq === 'batch' ? 1 : updateFreq;
    [this.#train, this.#validation] = this.#newFiles();
  }

  /** @throws StateError in a browser, and where `writeImages` lacks its package; FileError for a folder that cannot be written to */
  override async onTrainBegin(): Promise<void> {
    [this.#train, this.#validation] = this.#newFiles();
    this.#means.take();
    this.#epochStart = null;
    this.#reported = null;
    this.#flushed = performance.now();
    await this.#train.prepare();
    if (this.writeImages) this.#filterImage = await loadFilterImage();
    this.#training = true;
  }

  override async state(): Promise<State> {
    // A file must hold what its state says that it holds.
    await this.#flush();
    return {
      train: this.#train.state(),
      validation: this.#validation.state(),
      steps: this.#steps,
      batch: this.#batch,
      means: this.#means.state(),
    };
  }

  override async restore(saved: SavedState): Promise<void> {
    await this.#train.restore(saved.record('train'));
    await this.#validation.restore(saved.record('validation'));
    this.#steps = saved.whole('steps');
    this.#batch = saved.whole('batch');
    this.#means.restore(saved.record('means'));
    this.#epochStart = null;
    this.#reported = null;
  }

  override onEpochBegin(): void {
    this.#batch = 0;
    this.#reported = performance.now();
    this.#epochStart = this.#reported;
  }

  override onMetrics({ batch, step, window }: MetricsReport): Hook {
    const now = performance.now();
    const { batchSize, samples } = this.params;
    const examples = Math.min(batch * batchSize, samples) - Math.min(this.#batch * batchSize, samples);
    const steps = batch - this.#batch;
    const seconds = this.#reported === null ? null : (now - this.#reported) / 1000;
    [this.#steps, this.#batch, this.#reported] = [step + 1, batch, now];
    if (this.#interval === Number.POSITIVE_INFINITY) return;
    this.#means.add({ means: window, steps, examples, seconds });
    if (this.#means.steps < this.#interval) return;
    const { means, stepsPerSecond } = this.#means.take();
    if (this.writeStepsPerSecond && stepsPerSecond !== null) means.steps_per_second = stepsPerSecond;
    this.#train.add(this.#steps, scalars('batch_', means));
    if (now - this.#flushed > LONGEST_WAIT) return this.#flush();
  }

  override onTestEnd(logs: Logs): void {
    if (!this.#training) return;
    this.#validation.add(this.#steps, scalars('evaluation_', logs, '_vs_iterations'));
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const [own, held] = [new Map<string, number>(), new Map<string, number>()];
    for (const [name, value] of Object.entries(logs)) {
      if (name.startsWith(VALIDATION)) held.set(name.slice(VALIDATION.length), value);
      else own.set(name, value);
    }
    if (this.writeStepsPerSecond && this.#epochStart !== null) {
      own.set('steps_per_second', this.#batch / ((performance.now() - this.#epochStart) / 1000));
    }
    this.#train.add(epoch, scalars('epoch_', Object.fromEntries(own)));
    this.#validation.add(epoch, scalars('epoch_', Object.fromEntries(held)));
    if (this.histogramFreq > 0 && epoch % this.histogramFreq === 0) {
      for (const weight of await this.model.getWeights()) this.#train.add(epoch, this.#summaryOf(weight));
    }
    await this.#flush();
  }

  override onTrainEnd(): void {
    this.#training = false;
  }

  /** What led to an error is worth a look. */
  override async onTrainError(): Promise<void> {
    this.#training = false;
    await this.#flush();
  }

  #summaryOf(weight: Weight): SummaryValue[] {
    const { name, shape, data } = weight;
    const { histogram, notFinite } = histogramOf(data);
    const values: SummaryValue[] = [];
    if (histogram !== null) values.push({ tag: `${name}/histogram`, histo: histogram });
    if (notFinite > 0) values.push({ tag: `${name}/not_finite`, simpleValue: notFinite });
    if (this.#filterImage !== null && shape.length === 4 && name.endsWith('/kernel')) {
      values.push({ tag: `${name}/image`, image: this.#filterImage(weight) });
    }
    return values;
  }

  async #flush(): Promise<void> {
    this.#flushed = performance.now();
    await this.#train.flush();
    await this.#validation.flush();
  }

  #newFiles(): [EventFile, EventFile] {
    return [new EventFile(`${this.logDir}/train`), new EventFile(`${this.logDir}/validation`)];
  }
}

const scalars = (prefix: string, logs: Logs, suffix = ''): SummaryValue[] =>
  Object.entries(logs).map(([name, simpleValue]) => ({ tag: `${prefix}${name}${suffix}`, simpleValue }));

async function loadFilterImage(): Promise<(kernel: Weight) => Image> {
  try {
    return (await import('./filterImage.ts')).filterImage;
  } catch (cause) {
    throw new StateError(
      'TensorBoard: writeImages needs the package fast-png, which could not be loaded. Run: npm install fast-png',
      { cause },
    );
  }
}
