/** Measures training alone: validation and what callbacks do between epochs are left out. */
import { Callback, type SavedState, type State } from '../../src/index.ts';
import { median } from './facts.ts';

export class Stopwatch extends Callback {
  static override readonly name: string = 'Stopwatch';
  /** Seconds of training in each epoch, also of one that was cut short. */
  readonly epochSeconds: number[] = [];
  /** Images trained on and seconds passed, validation included, all epochs together. */
  readonly total = { images: 0, seconds: 0 };
  /** Seconds an image in each epoch. */
  readonly #paces: number[] = [];
  #seen = 0;
  #begun = 0;
  #trained: number | null = null;

  override state(): State {
    return { epochSeconds: this.epochSeconds, total: this.total, paces: this.#paces };
  }

  override restore(saved: SavedState): void {
    this.epochSeconds.push(...saved.numbers('epochSeconds'));
    this.#paces.push(...saved.numbers('paces'));
    const total = saved.record('total');
    this.total.images = total.number('images');
    this.total.seconds = total.number('seconds');
  }

  override onEpochBegin(): void {
    this.#seen = 0;
    this.#trained = null;
    this.#begun = performance.now();
  }

  // It only looks on: batches may go to the GPU together.
  override get everyTrainBatch(): boolean {
    return false;
  }

  override onTrainBatchEnd(batch: number): void {
    const { batchSize, samples } = this.params;
    this.#seen = Math.min(samples, (batch + 1) * batchSize);
  }

  override onTestBegin(): void {
    this.#trained = performance.now();
  }

  override onEpochEnd(): void {
    const now = performance.now();
    const seconds = ((this.#trained ?? now) - this.#begun) / 1000;
    this.epochSeconds.push(seconds);
    this.#paces.push(seconds / this.#seen);
    this.total.images += this.#seen;
    this.total.seconds += (now - this.#begun) / 1000;
  }

  /**
   * The median of the epochs, so that a busy moment of the machine does not count; of one that was cut short only where there
   * is no whole one.
   */
  get secondsPerEpoch(): number {
    const cut = this.model.history?.interrupted != null && this.#paces.length > 1;
    return median(cut ? this.#paces.slice(0, -1) : this.#paces) * this.params.samples;
  }
}
