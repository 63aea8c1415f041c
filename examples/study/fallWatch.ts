/**
 * Falls of the learning rate, each with what it needs to be judged: the weights at its moment, and what the run was right about
 * after each of the epochs that followed. `trainControls` trains on from those weights at the old rate.
 */
import { Callback, type Logs, type SavedState, type State } from '../../src/index.ts';

export interface Fall {
  /** The last epoch at the old rate, from 1. */
  readonly after: number;
  /** The old rate. */
  readonly learningRate: number;
  /** What the run was right about after each epoch behind it, as `packRight` writes it; at most as many as are watched. */
  readonly right: string[];
}

export interface FallWatchOptions {
  /** Epochs behind a fall that are watched. */
  readonly epochs: number;
  /** What the run is right about now. */
  readonly right: () => Promise<string>;
  /** The rate before, where it fell at the end of this epoch, from 0; else null. */
  readonly fellFrom: (epoch: number, logs: Logs) => number | null;
  /** Keeps the model as it is at a fall. */
  readonly keep: (fall: Pick<Fall, 'after'>) => Promise<void>;
}

export class FallWatch extends Callback {
  static override readonly name: string = 'FallWatch';
  readonly falls: Fall[] = [];
  readonly #options: FallWatchOptions;

  constructor(options: FallWatchOptions) {
    super();
    this.#options = options;
  }

  /** Behind whatever lowers the rate. */
  override get rank(): number {
    return 1;
  }

  /** Epochs of controls to come, if all goes on as it is. */
  get owed(): number {
    const newest = this.falls.at(-1);
    const closed = this.falls.slice(0, -1).reduce((sum, { right }) => sum + right.length, 0);
    return newest === undefined ? 0 : closed + Math.min(this.#options.epochs, this.params.epochs - newest.after);
  }

  override state(): State {
    return { falls: this.falls.map(({ after, learningRate, right }) => ({ after, learningRate, right: [...right] })) };
  }

  override restore(saved: SavedState): void {
    const falls = saved.records('falls').map((fall) => ({
      after: fall.whole('after'),
      learningRate: fall.number('learningRate'),
      right: fall.texts('right'),
    }));
    this.falls.splice(0, Number.POSITIVE_INFINITY, ...falls);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    // A part of an epoch compares with none.
    if (this.model.history?.interrupted?.epoch === epoch) return;
    const { epochs, right, fellFrom, keep } = this.#options;
    const newest = this.falls.at(-1);
    if (newest !== undefined && newest.right.length < epochs) newest.right.push(await right());
    // A fall behind the last epoch does nothing.
    const learningRate = fellFrom(epoch, logs);
    if (learningRate === null || epoch + 1 === this.params.epochs) return;
    const fall: Fall = { after: epoch + 1, learningRate, right: [] };
    await keep(fall);
    this.falls.push(fall);
  }
}
