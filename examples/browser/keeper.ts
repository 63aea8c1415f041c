/** Has a training kept while it goes on, so that a page that is closed, reloaded or crashes loses little of it. */

import { Callback } from '../../src/index.ts';

/** Most milliseconds from one time to the next, even in the midst of an epoch. */
const AT_MOST_MS = 10_000;
/** Least milliseconds between two ends of epochs at which it is kept, and how often longer than keeping takes. */
const AT_LEAST_MS = 2000;
const SHARE = 30;

export class Keeper extends Callback {
  readonly #keep: () => Promise<void>;
  #kept = 0;
  #least = 0;
  #begun = false;

  constructor(keep: () => Promise<void>) {
    super();
    this.#keep = keep;
  }

  /** What is kept has the other callbacks' newest state. */
  override get rank(): number {
    return 2;
  }

  override get everyTrainBatch(): boolean {
    return false;
  }

  override onTrainBegin(): void {
    this.#begun = true;
    this.#kept = performance.now();
  }

  override onTrainEnd(): void {
    this.#begun = false;
  }

  override onTrainError(): void {
    this.#begun = false;
  }

  override async onTrainBatchEnd(): Promise<void> {
    if (performance.now() - this.#kept >= Math.max(AT_MOST_MS, this.#least)) await this.now();
  }

  override async onEpochEnd(epoch: number): Promise<void> {
    // The last epoch needs nothing, and a stop ends the run.
    if (this.model.stopTraining || epoch + 1 === this.params.epochs) return;
    if (performance.now() - this.#kept >= this.#least) await this.now();
  }

  /** Nothing where training has not begun, or is over. */
  async now(): Promise<void> {
    if (!this.#begun) return;
    const begun = performance.now();
    await this.#keep();
    this.#kept = performance.now();
    this.#least = Math.max(AT_LEAST_MS, SHARE * (this.#kept - begun));
  }
}
