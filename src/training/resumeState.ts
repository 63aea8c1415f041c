/** The state of a training: what a checkpoint holds beside the model, and what `fit` resumes from. */

import type { State } from '../io/state.ts';

/** A state that came from a file. */
export interface Resumption {
  /** The file, as errors call it. */
  readonly source: string;
  readonly state: State;
  /** The rate with which training goes on. */
  readonly learningRate: number;
}

export class ResumeState {
  #live: (() => Promise<State>) | null = null;
  #kept: State | null = null;
  #resumption: Resumption | null = null;
  #begun = false;

  /** Whether a training is under way that cannot go on from elsewhere any more. */
  get begun(): boolean {
    return this.#begun;
  }

  /** The state of the training under way, else of the last one; null where there was none. Until a resumption is done: that of its file. */
  async state(): Promise<State | null> {
    if (this.#resumption !== null) return this.#resumption.state;
    return this.#live === null ? this.#kept : this.#live();
  }

  /**
   * Follows a training that begins at this rate: one that `resume` asked for before goes on with it, whatever callbacks make of
   * the rate in `onTrainBegin`.
   */
  follow(live: () => Promise<State>, learningRate: number): void {
    this.#live = live;
    this.#kept = null;
    if (this.#resumption !== null) this.#resumption = { ...this.#resumption, learningRate };
  }

  /** Stops following a training; `end` is its last state, null if it failed. */
  keep(end: State | null): void {
    this.#live = null;
    this.#kept = end;
    if (this.#begun) this.#resumption = null;
    this.#begun = false;
  }

  /** Has the next training, or the one that is about to begin, go on from here. */
  resume(resumption: Resumption): void {
    this.#resumption = resumption;
  }

  /** What the training that now begins resumes from; null: it starts from the beginning. Followed by `resumed`. */
  take(): Resumption | null {
    this.#begun = true;
    return this.#resumption;
  }

  /** The resumption is done. */
  resumed(): void {
    this.#resumption = null;
  }

  forget(): void {
    this.#kept = null;
    this.#resumption = null;
  }
}

/** How far a training has come: before an epoch or within it. */
export interface Place {
  readonly epoch: number;
  readonly within: boolean;
}
