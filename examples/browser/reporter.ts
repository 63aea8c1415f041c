/** Tells the page how a training goes: figures in bundles, and now and then what the network has become. */

import { Callback, type Hook, type Logs, type MetricsReport, type SavedState, type State } from '../../src/index.ts';
import type { EpochEnd, Gauge, Reading } from './protocol.ts';

/** Least milliseconds between two bundles: more often than anyone can look. */
const BUNDLE_MS = 250;
/** Least milliseconds between two looks at the network, and how many times longer than the last one took. */
const LOOK_MS = 2000;
const LOOK_SHARE = 20;
/** Weight of the past in the pace. */
const INERTIA = 0.8;

export interface Listener {
  readings(readings: readonly Reading[], gauge: Gauge): void;
  validating(): void;
  /** A whole epoch: what a stop cut short is none. */
  epoch(end: EpochEnd): void;
  /** Training goes on behind these epochs, and behind readings up to this step. */
  wentOn(ends: readonly EpochEnd[], step: number): void;
  /** Looks at the network as it is. */
  look(): Promise<void>;
  /** Counts what it takes each class for, after so many epochs. */
  confuse(epochs: number): Promise<void>;
}

export class Reporter extends Callback {
  static override readonly name: string = 'Reporter';
  readonly #listener: Listener;
  readonly #gpuBytes: () => number;
  /** Seconds of training so far, and since when it runs; null while it stands still. */
  #seconds = 0;
  #since: number | null = null;
  #readings: Reading[] = [];
  #sent = 0;
  readonly #looks = new Seldom(LOOK_MS);
  readonly #confusions = new Seldom(0);
  /** Step of the last counts. */
  #confused = 0;
  /** Of the last reading that the pace was taken at. */
  #paced = { seconds: 0, step: 0 };
  #stepMs = Number.NaN;
  #last: Reading | null = null;
  #before = 0;
  /** Whether the next reading is the first one of this Worker. */
  #first = true;
  /** Batches taken of this epoch, and all whole epochs. */
  #batches = 0;
  #ends: readonly EpochEnd[] = [];

  constructor(listener: Listener, gpuBytes: () => number) {
    super();
    this.#listener = listener;
    this.#gpuBytes = gpuBytes;
  }

  // It only looks on.
  override get everyTrainBatch(): boolean {
    return false;
  }

  /** Whether training stands behind a whole epoch. */
  get whole(): boolean {
    return this.#batches === this.params.steps;
  }

  /** Steps that the model had taken before this run, where its weights came from a file. */
  get before(): number {
    return this.#before;
  }

  override state(): State {
    return {
      before: this.#before,
      seconds: this.#now(),
      batches: this.#batches,
      last: this.#last && { ...this.#last },
      ends: this.#ends.map((end) => ({ ...end, training: { ...end.training } })),
    };
  }

  override restore(saved: SavedState): void {
    this.#before = saved.whole('before');
    this.#seconds = saved.number('seconds');
    this.#since = null;
    this.#batches = saved.whole('batches');
    const last = saved.recordOrNull('last');
    this.#last = last && readingFrom(last);
    this.#ends = saved.records('ends').map((end) => ({
      training: readingFrom(end.record('training')),
      validationLoss: end.number('validationLoss'),
      validationAccuracy: end.number('validationAccuracy'),
    }));
    this.#first = true;
    this.#listener.wentOn(this.#ends, this.#last?.step ?? 0);
  }

  /** Seconds of training so far. */
  #now(): number {
    return this.#seconds + (this.#since === null ? 0 : (performance.now() - this.#since) / 1000);
  }

  /** Stops the clock. */
  halt(): void {
    this.#seconds = this.#now();
    this.#since = null;
  }

  run(): void {
    this.#since ??= performance.now();
  }

  override onEpochBegin(): void {
    this.#batches = 0;
    // Kernels compile in the very first step: the clock starts behind it.
    if (!this.#first) this.run();
  }

  override onTrainBatchEnd(batch: number): void {
    this.#batches = batch + 1;
  }

  override async onMetrics({ epoch, batch, step, window }: MetricsReport): Promise<void> {
    const first = this.#first;
    this.#first = false;
    this.run();
    const { steps } = this.params;
    const seconds = this.#now();
    const own = epoch * steps + batch;
    this.#before = step + 1 - own;
    const reading: Reading = {
      step: own,
      epoch: epoch + batch / steps,
      seconds,
      loss: window.loss,
      accuracy: window.accuracy,
      learningRate: this.model.optimizer.learningRate,
    };
    this.#last = reading;
    this.#readings.push(reading);
    if (first) this.#paced = { seconds, step: reading.step };
    else this.#measure(seconds, reading.step);
    if (performance.now() - this.#sent >= BUNDLE_MS) this.flush();
    if (!this.#looks.due) return;
    this.halt();
    await this.#looks.do(() => this.#listener.look());
    this.run();
  }

  #measure(seconds: number, step: number): void {
    const { seconds: then, step: from } = this.#paced;
    // Readings may come in bursts: a pace needs some time between them.
    if (seconds - then < BUNDLE_MS / 1000 || step <= from) return;
    const stepMs = (1000 * (seconds - then)) / (step - from);
    this.#stepMs = Number.isNaN(this.#stepMs) ? stepMs : INERTIA * this.#stepMs + (1 - INERTIA) * stepMs;
    this.#paced = { seconds, step };
  }

  /** Sends what has come together. */
  flush(): void {
    this.#sent = performance.now();
    const readings = this.#readings;
    if (readings.length === 0) return;
    this.#readings = [];
    const imagesPerSecond = (1000 * this.params.batchSize) / this.#stepMs;
    this.#listener.readings(readings, { imagesPerSecond, stepMs: this.#stepMs, gpuBytes: this.#gpuBytes() });
  }

  override onTestBegin(): void {
    this.halt();
    this.flush();
    this.#listener.validating();
  }

  override async onEpochEnd(_epoch: number, logs: Logs): Promise<void> {
    this.halt();
    this.flush();
    const last = this.#last;
    if (last === null) return;
    if (this.whole) {
      const end: EpochEnd = {
        training: {
          ...last,
          seconds: this.#seconds,
          loss: logs.loss,
          accuracy: logs.accuracy,
          learningRate: logs.learning_rate,
        },
        validationLoss: logs.val_loss,
        validationAccuracy: logs.val_accuracy,
      };
      this.#ends = [...this.#ends, end];
      this.#listener.epoch(end);
    }
    await this.#looks.do(() => this.#listener.look());
    if (this.whole && this.#confusions.due) await this.#confuse(last);
  }

  /** The last counts are told whatever they cost. */
  override onTrainEnd(): Hook {
    const last = this.#last;
    if (last !== null && this.#confused < last.step) return this.#confuse(last);
  }

  async #confuse({ step, epoch }: Reading): Promise<void> {
    this.#confused = step;
    await this.#confusions.do(() => this.#listener.confuse(epoch));
  }
}

/** Something that takes time away from training, and therefore is done only now and then. */
class Seldom {
  readonly #leastMs: number;
  #done = Number.NEGATIVE_INFINITY;
  #every: number;

  /** @param leastMs least milliseconds between two of it, however quick it is */
  constructor(leastMs: number) {
    this.#leastMs = leastMs;
    this.#every = leastMs;
  }

  get due(): boolean {
    return performance.now() - this.#done >= this.#every;
  }

  async do(work: () => Promise<void>): Promise<void> {
    const begun = performance.now();
    await work();
    this.#done = performance.now();
    this.#every = Math.max(this.#leastMs, LOOK_SHARE * (this.#done - begun));
  }
}

const readingFrom = (saved: SavedState): Reading => ({
  step: saved.whole('step'),
  epoch: saved.number('epoch'),
  seconds: saved.number('seconds'),
  loss: saved.number('loss'),
  accuracy: saved.number('accuracy'),
  learningRate: saved.number('learningRate'),
});
