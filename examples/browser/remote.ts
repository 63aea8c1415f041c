/** Lets somebody outside a training pause it, take single steps, stop it, or change its rate while it runs. */

import { Callback, type Hook } from '../../src/index.ts';

export class Remote extends Callback {
  readonly #onPause: (paused: boolean) => void;
  #paused = false;
  #stopped = false;
  /** Steps that may be taken although it is paused. */
  #permits = 0;
  #wake: (() => void) | null = null;

  /** @param onPause told when training comes to stand still, and when it goes on */
  constructor(onPause: (paused: boolean) => void) {
    super();
    this.#onPause = onPause;
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

  override onTrainBatchBegin(): Hook {
    if (this.#paused && !this.#stopped) return this.#standStill();
  }

  override onTrainBatchEnd(): void {
    if (this.#stopped) this.model.stopTraining = true;
  }

  override onEpochEnd(): void {
    this.onTrainBatchEnd();
  }

  async #standStill(): Promise<void> {
    if (this.#permits === 0) this.#onPause(true);
    while (this.#paused && !this.#stopped && this.#permits === 0) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
    this.#wake = null;
    if (this.#permits > 0) this.#permits--;
    else this.#onPause(false);
  }
}
