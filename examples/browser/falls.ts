/**
 * Where a falling rate fell: keeps the weights of that moment, so that they can be trained on at the old rate as well, and
 * notes what the run was right about in the epochs behind it.
 */

import { Callback, type ReduceLROnPlateau } from '../../src/index.ts';
import type { SavedState, State } from '../../src/io/state.ts';

/** Epochs by which a fall is judged. */
export const CONTROL_EPOCHS = 2;

export interface Fall {
  /** The last epoch at the old rate, from 1. */
  readonly after: number;
  readonly learningRate: number;
  /** What the run was right about after each epoch behind it, as `packRight` writes it. */
  readonly right: readonly string[];
}

export class Falls extends Callback {
  falls: readonly Fall[] = [];
  readonly #plateau: ReduceLROnPlateau;
  readonly #keep: (after: number) => Promise<void>;
  readonly #right: () => Promise<string>;

  /**
   * @param keep keeps the model as it is
   * @param right what it is right about now
   */
  constructor(plateau: ReduceLROnPlateau, keep: (after: number) => Promise<void>, right: () => Promise<string>) {
    super();
    this.#plateau = plateau;
    this.#keep = keep;
    this.#right = right;
  }

  /** Behind the callback that has the rate fall, and before what is kept with its state. */
  override get rank(): number {
    return 1;
  }

  override state(): State {
    return { falls: this.falls.map(({ after, learningRate, right }) => ({ after, learningRate, right: [...right] })) };
  }

  override restore(saved: SavedState): void {
    this.falls = saved.records('falls').map((fall) => ({
      after: fall.whole('after'),
      learningRate: fall.number('learningRate'),
      right: fall.texts('right'),
    }));
  }

  override async onEpochEnd(epoch: number): Promise<void> {
    // What a stop cut short is no epoch.
    if (this.model.stopTraining) return;
    const open = this.falls.filter(({ after }) => epoch + 1 <= after + CONTROL_EPOCHS);
    if (open.length > 0) {
      const right = await this.#right();
      this.falls = this.falls.map((fall) => (open.includes(fall) ? { ...fall, right: [...fall.right, right] } : fall));
    }
    const drop = this.#plateau.drops.at(-1);
    if (drop?.epoch !== epoch) return;
    this.falls = [...this.falls, { after: epoch + 1, learningRate: drop.from, right: [] }];
    // With nothing behind it there is nothing to compare.
    if (epoch + 1 < this.params.epochs) await this.#keep(epoch + 1);
  }
}
