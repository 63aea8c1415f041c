/** When a callback saves: after every epoch, or after every so many batches. */

import { checkWhole, refuse } from '../base/checks.ts';
import type { SavedState, State } from '../io/state.ts';

export class SaveFrequency {
  readonly #saveFreq: 'epoch' | number;
  #batchesSinceSave = 0;
  /** Newest batch of the epoch; -1 before the first. */
  #lastBatch = -1;

  /** @throws ArgumentError for anything but `epoch` or an integer >= 1 */
  constructor(owner: string, saveFreq: 'epoch' | number) {
    if (typeof saveFreq === 'number') checkWhole(owner, 'saveFreq', saveFreq, 1);
    else if (saveFreq !== 'epoch') {
      refuse(owner, 'saveFreq', "'epoch' or a number of batches", saveFreq, 'Pass one of them.');
    }
    this.#saveFreq = saveFreq;
  }

  /** Whether to save after epochs, not batches. */
  get byEpoch(): boolean {
    return this.#saveFreq === 'epoch';
  }

  /** Batches of this epoch that were trained. */
  get batches(): number {
    return this.#lastBatch + 1;
  }

  beginEpoch(): void {
    this.#lastBatch = -1;
  }

  /** Whether to save after this batch. Counted by the batch's number: `fit` may report several batches at once. */
  endBatch(batch: number): boolean {
    this.#batchesSinceSave += batch - this.#lastBatch;
    this.#lastBatch = batch;
    if (this.#saveFreq === 'epoch' || this.#batchesSinceSave < this.#saveFreq) return false;
    this.#batchesSinceSave = 0;
    return true;
  }

  state(): State {
    return { batchesSinceSave: this.#batchesSinceSave, batches: this.batches };
  }

  restore(saved: SavedState): void {
    this.#batchesSinceSave = saved.whole('batchesSinceSave');
    this.#lastBatch = saved.whole('batches') - 1;
  }
}
