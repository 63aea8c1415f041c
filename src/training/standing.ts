/** Where a training stands: what a checkpoint holds beside the model, and what `fit` goes on from. */

import { DataError, WgradError } from '../errors.ts';
import type { SavedState, State } from '../io/state.ts';

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

/** What must be the same for a training to go on bit for bit. */
export type Setting = Readonly<Record<string, number | boolean>>;

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

/** @throws DataError where the training that was saved had another setting */
export function checkSetting(saved: SavedState, setting: Setting): void {
  for (const [name, now] of Object.entries(setting)) {
    const then = typeof now === 'number' ? saved.number(name) : saved.flag(name);
    if (then !== now) {
      throw new DataError(`it was saved from a training with ${name} ${then}, this one has ${now}. Give fit the same.`);
    }
  }
}
