/** Reports a trial's epochs from within `fit`. */

import { Callback, type DivergenceDetector, type Logs } from '../callbacks/index.ts';
import type { Trial } from './trial.ts';

export class TrialReporter extends Callback {
  /** @internal */
  static override readonly name: string = 'TrialReporter';
  readonly #trial: Trial;
  readonly #detector: DivergenceDetector;
  #begun = 0;
  #trained: number | null = null;

  /** `detector`: stands before this one among the callbacks. */
  constructor(trial: Trial, detector: DivergenceDetector) {
    super();
    this.#trial = trial;
    this.#detector = detector;
  }

  // A stop may come a few batches late: they may go to the GPU together.
  override get everyTrainBatch(): boolean {
    return false;
  }

  override onTrainBegin(): void {
    this.#look();
  }

  override onEpochBegin(): void {
    this.#trained = null;
    this.#begun = performance.now();
  }

  override onTrainBatchEnd(): void {
    this.#look();
  }

  override onTestBegin(): void {
    this.#trained = performance.now();
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const seconds = ((this.#trained ?? performance.now()) - this.#begun) / 1000;
    // The numbers of a part of an epoch are of no use, and it is trained again.
    const whole = this.interruptionOf(epoch) === null;
    if (whole && !(await this.#trial.report(epoch, logs, seconds))) this.model.stopTraining = true;
    this.#look();
  }

  override onTrainEnd(): void {
    const { divergence } = this.#detector;
    if (divergence !== null) this.#trial.diverged(`${divergence.kind} in epoch ${divergence.epoch + 1}`);
  }

  #look(): void {
    if (this.#trial.signal.aborted) this.model.stopTraining = true;
  }
}
