/** Lets somebody outside a training pause it, take single steps, stop it, or change its rate while it runs. */

import { Callback, type Hook } from '../../src/index.ts';
import type { RateChange } from './protocol.ts';

export interface Watcher {
  /** Training has come to stand still, or goes on. */
  paused(paused: boolean): void | Promise<void>;
  /** The rate was changed. */
  steered(change: RateChange): void;
}

export class Remote extends Callback {
  readonly #watcher: Watcher;
  #paused = false;
  #stopped = false;
  /** Steps that may be taken although it is paused. */
  #permits = 0;
  #wake: (() => void) | null = null;
  /** A rate that was asked for and that no step has been taken with. */
  #rate: number | null = null;
  #epoch = 0;

  constructor(watcher: Watcher) {
    super();
    this.#watcher = watcher;
  }

  get stopped(): boolean {
    return this.#stopped;
  }

  pause(): void {
    this.#paused = true;
  }

  resume(): void {
    this.#paused = false;
    this.#permits = 0;
    this.#wake?.();
  }

  /** One step, then it stands still again. */
  step(): void {
    this.#paused = true;
    this.#permits++;
    this.#wake?.();
  }

  /** The rate of the steps that follow. */
  setRate(learningRate: number): void {
    this.#rate = learningRate;
  }

  stop(): void {
    this.#stopped = true;
    this.#wake?.();
  }

  // While it is paused every step goes alone, and its figures are read before the next; else many go together.
  override get everyTrainBatch(): boolean {
    return this.#paused;
  }
  override get everyMetrics(): boolean {
    return this.#paused;
  }

  override onEpochBegin(epoch: number): void {
    this.#epoch = epoch;
  }

  override onTrainBatchBegin(batch: number): Hook {
    if (this.#paused && !this.#stopped) return this.#standStill(batch);
    this.#steer(batch);
  }

  override onTrainBatchEnd(): void {
    if (this.#stopped) this.model.stopTraining = true;
  }

  /** A slider that is moved to and fro between two steps is one change, or none. */
  #steer(batch: number): void {
    const { optimizer } = this.model;
    const [from, to] = [optimizer.learningRate, this.#rate];
    this.#rate = null;
    // The optimizer may keep it in single precision.
    if (to === null || Math.fround(to) === Math.fround(from)) return;
    optimizer.learningRate = to;
    this.#watcher.steered({ step: this.#epoch * this.params.steps + batch, from, to });
  }

  override onEpochEnd(): void {
    this.onTrainBatchEnd();
  }

  async #standStill(batch: number): Promise<void> {
    if (this.#permits === 0) await this.#watcher.paused(true);
    while (this.#paused && !this.#stopped && this.#permits === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = null;
    if (this.#permits > 0) this.#permits--;
    else await this.#watcher.paused(false);
    if (!this.#stopped) this.#steer(batch);
  }
}
