/** Making all or nothing: what was made is undone where WebGPU refuses some of it. */

import { errorOf, type Faults } from './faults.ts';

export class Rollback {
  readonly #faults: Faults;
  /** How to undo what was made so far; null while nothing is being made. */
  #undo: (() => void)[] | null = null;

  constructor(faults: Faults) {
    this.#faults = faults;
  }

  /** Makes something that is called `what`. What WebGPU refuses fails `run` if that is under way, and else the device. */
  make<T>(what: string, create: () => T): T {
    return this.#undo === null ? this.#faults.watch(what, create) : create();
  }

  /** Says how to undo what has just been made. */
  note(undo: () => void): void {
    this.#undo?.push(undo);
  }

  /**
   * Runs `create`. What WebGPU refuses or cannot allocate becomes a typed error that names it by `what`; after any error, also one
   * that `check` throws when WebGPU has answered, everything that was noted is undone, the last first.
   */
  async run<T>(what: () => Promise<string>, create: () => T, check: () => void): Promise<T> {
    const undo: (() => void)[] = [];
    try {
      this.#undo = undo;
      const { result, refused } = this.#faults.scoped(create);
      this.#undo = null;
      const error = await refused;
      check();
      if (error !== null) throw errorOf(error, await what());
      return result;
    } catch (error) {
      this.#undo = null;
      for (const one of undo.reverse()) one();
      throw error;
    }
  }
}
