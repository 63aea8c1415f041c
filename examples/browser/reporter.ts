/** Tells the page how a training goes: figures in bundles, and now and then what the network has become. */

import { Callback, type Hook, type Logs, type MetricsReport } from '../../src/index.ts';
import type { EpochEnd, Gauge, Reading } from './protocol.ts';

/** Least milliseconds between two bundles: more often than anyone can look. */
const BUNDLE_MS = 250;
/** Least milliseconds between two looks at the network, and how often longer than a look takes. */
const LOOK_MS = 2000;
const LOOK_SHARE = 20;
/** Weight of the past in the pace. */
const INERTIA = 0.8;

export interface Listener {
  readings(readings: readonly Reading[], gauge: Gauge): void;
  validating(): void;
  epoch(end: EpochEnd): void;
  /** Looks at the network as it is. */
  look(): Promise<void>;
}

export class Reporter extends Callback {
  readonly #listener: Listener;
  readonly #gpuBytes: () => number;
  /** Seconds of training so far, and since when it runs; null while it stands still. */
  #seconds = 0;
  #since: number | null = null;
  #readings: Reading[] = [];
  #sent = 0;
  #looked = Number.NEGATIVE_INFINITY;
  #lookEvery = LOOK_MS;
  /** Of the last reading that the pace was taken at. */
  #before = { seconds: 0, step: 0 };
  #stepMs = Number.NaN;
  #last: Reading | null = null;

  constructor(listener: Listener, gpuBytes: () => number) {
    super();
    this.#listener = listener;
    this.#gpuBytes = gpuBytes;
  }

  // It only looks on.
  override get everyTrainBatch(): boolean {
    return false;
  }

  /** Stops the clock. */
  halt(): void {
    if (this.#since !== null) this.#seconds += (performance.now() - this.#since) / 1000;
    this.#since = null;
  }

  run(): void {
    this.#since ??= performance.now();
  }

  override onEpochBegin(): void {
    // Kernels compile in the very first step: the clock starts behind it.
    if (this.#last !== null) this.run();
  }

  override async onMetrics({ epoch, batch, step, window }: MetricsReport): Promise<void> {
    const first = this.#last === null;
    this.run();
    const { steps } = this.params;
    const seconds = this.#seconds + (performance.now() - (this.#since ?? performance.now())) / 1000;
    const reading: Reading = {
      step: step + 1,
      epoch: epoch + batch / steps,
      seconds,
      loss: window.loss,
      accuracy: window.accuracy,
      learningRate: this.model.optimizer.learningRate,
    };
    this.#last = reading;
    this.#readings.push(reading);
    if (first) this.#before = { seconds, step: reading.step };
    else this.#measure(seconds, reading.step);
    if (performance.now() - this.#sent >= BUNDLE_MS) this.flush();
    if (performance.now() - this.#looked < this.#lookEvery) return;
    this.halt();
    await this.#look();
    this.run();
  }

  #measure(seconds: number, step: number): void {
    const { seconds: then, step: from } = this.#before;
    // Readings may come in bursts: a pace needs some time between them.
    if (seconds - then < BUNDLE_MS / 1000 || step <= from) return;
    const stepMs = (1000 * (seconds - then)) / (step - from);
    this.#stepMs = Number.isNaN(this.#stepMs) ? stepMs : INERTIA * this.#stepMs + (1 - INERTIA) * stepMs;
    this.#before = { seconds, step };
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

  async #look(): Promise<void> {
    const begun = performance.now();
    await this.#listener.look();
    this.#looked = performance.now();
    this.#lookEvery = Math.max(LOOK_MS, LOOK_SHARE * (this.#looked - begun));
  }

  override onTestBegin(): void {
    this.halt();
    this.flush();
    this.#listener.validating();
  }

  override onEpochEnd(_epoch: number, logs: Logs): Hook {
    this.halt();
    this.flush();
    const last = this.#last;
    if (last === null) return;
    this.#listener.epoch({
      training: {
        ...last,
        seconds: this.#seconds,
        loss: logs.loss,
        accuracy: logs.accuracy,
        learningRate: logs.learning_rate,
      },
      validationLoss: logs.val_loss,
      validationAccuracy: logs.val_accuracy,
    });
    return this.#look();
  }
}
