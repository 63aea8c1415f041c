/** Where a training stands: what a checkpoint holds beside the model, and what `fit` goes on from. */

import { DataError, WgradError } from '../errors.ts';
import type { State } from '../io/state.ts';

/** A standing that came from a file. */
export interface Resumption {
  /** The file, as errors call it. */
  readonly source: string;
  readonly state: State;
}

export class Standing {
  #live: (() => Promise<State>) | null = null;
  #kept: State | null = null;
  #resumption: Resumption | null = null;

  /** Of the training under way, else of the last one; null where there was none. */
  async state(): Promise<State | null> {
    return this.#live === null ? this.#kept : this.#live();
  }

  /** Of a training that begins. */
  follow(live: () => Promise<State>): void {
    this.#live = live;
    this.#kept = null;
  }

  /** Stops following a training; `end` is where it stood, null if it failed. */
  keep(end: State | null): void {
    this.#live = null;
    this.#kept = end;
  }

  /** Has the next training, or the one that is about to begin, go on from here. */
  resume(resumption: Resumption): void {
    this.#kept = resumption.state;
    this.#resumption = resumption;
  }

  /** What the training shall go on from, given out once; null: from the beginning. */
  take(): Resumption | null {
    const resumption = this.#resumption;
    this.#resumption = null;
    return resumption;
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

/**
 * Restores from a file; whatever does not fit is an error that names the file and the remedy.
 * @throws DataError
 */
export async function restoreFrom<T>(source: string, restore: () => T | Promise<T>): Promise<T> {
  try {
    return await restore();
  } catch (cause) {
    if (!(cause instanceof WgradError)) throw cause;
    throw new DataError(`Training cannot go on from '${source}': ${cause.message} Or delete the file to begin anew.`, {
      cause,
    });
  }
}
