/**
 * When a model may be looked at or changed beside its training: while training stands still in the hooks of callbacks, and
 * whenever there is none. What is asked for at another time waits until the hooks of a batch or an epoch are done, and
 * training waits in its turn: what is saved, for instance, is of one step.
 */

import type { Pauses } from '../../callbacks/callbackList.ts';

export class Visits {
  #closed = false;
  readonly #waiting: (() => void)[] = [];
  readonly #underway = new Set<Promise<unknown>>();
  /** Parts of visits that may visit in their turn, and those of them that are hooks of callbacks. */
  #within = 0;
  #hooks = 0;

  /** Does `work` now where the model is open, else as soon as it is. */
  visit<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#closed || this.#within > 0) return this.#begin(work);
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => void this.#begin(work).then(resolve, reject));
    });
  }

  async #begin<T>(work: () => Promise<T>): Promise<T> {
    const done = work();
    this.#underway.add(done);
    try {
      return await done;
    } finally {
      this.#underway.delete(done);
    }
  }

  /** Does a part of a visit that runs what users wrote: training waits for it, so it must not wait for training. */
  async within<T>(work: () => Promise<T>): Promise<T> {
    this.#within++;
    try {
      return await work();
    } finally {
      this.#within--;
    }
  }

  /** Whether hooks of a visit are running: a training that they began would wait for the visit, and the visit for them. */
  get hooked(): boolean {
    return this.#hooks > 0;
  }

  /** For the hooks of a visit. */
  readonly inner: Pauses = {
    during: (hook) => {
      this.#hooks++;
      this.#within++;
      const end = (): void => {
        this.#hooks--;
        this.#within--;
      };
      try {
        const pending = hook();
        if (pending !== undefined) return pending.finally(end);
      } catch (error) {
        end();
        throw error;
      }
      end();
    },
    rest: () => {},
  };

  /** Training goes on: from now on visits wait. Returns a promise only where one is under way. */
  close(): void | Promise<void> {
    // First of all: else one visit after the other could keep training from going on.
    this.#closed = true;
    if (this.#underway.size > 0) return this.#wait();
  }

  async #wait(): Promise<void> {
    while (this.#underway.size > 0) await Promise.allSettled(this.#underway);
  }

  /** Training is over, or between two steps with all hooks done: those that wait begin. */
  open(): void {
    this.#closed = false;
    for (const begin of this.#waiting.splice(0)) begin();
  }

  /** Lets in those that wait, and waits for them in turn. Returns a promise only where there are any: this happens at every batch. */
  rest(): void | Promise<void> {
    if (this.#waiting.length === 0) return;
    this.open();
    return this.close();
  }

  /** Calls a hook of training, which may visit; those that wait go on waiting. Returns a promise only where it must. */
  during(hook: () => void | Promise<void>): void | Promise<void> {
    this.#closed = false;
    const pending = hook();
    return pending === undefined ? this.close() : this.#after(pending);
  }

  async #after(pending: Promise<void>): Promise<void> {
    try {
      await pending;
    } finally {
      await this.close();
    }
  }
}
