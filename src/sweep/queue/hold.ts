/** A worker's hold on a trial: a lock in the queue that runs out unless it is renewed. */

import type { Job } from 'bullmq';
import { Watchdog } from '../watchdog.ts';

/** What is thrown where the hold is lost: somebody else may have the trial by now. */
export const LOST = Symbol('lost');

export class Hold {
  readonly #job: Job;
  readonly #token: string;
  /** In milliseconds. */
  readonly #time: number;
  readonly #controller = new AbortController();
  readonly #watchdog: Watchdog;

  constructor(job: Job, token: string, time: number) {
    this.#job = job;
    this.#token = token;
    this.#time = time;
    // Of a queue that is away nobody hears that the hold has run out.
    this.#watchdog = new Watchdog(time / 1000);
    this.#watchdog.bite.then(() => this.lose());
  }

  get job(): string {
    return this.#job.id ?? '';
  }

  /** Aborted when it is lost. */
  get lost(): AbortSignal {
    return this.#controller.signal;
  }

  renewed(): void {
    if (!this.lost.aborted) this.#watchdog.feed();
  }

  lose(): void {
    this.#watchdog.end();
    this.#controller.abort();
  }

  /** Makes sure of it, for what is to be done next. */
  async renew(): Promise<void> {
    const still = await this.#job.extendLock(this.#token, this.#time);
    if (still !== 1) this.lose();
    if (this.lost.aborted) throw LOST;
    this.renewed();
  }

  /** It is neither held nor lost any more. */
  end(): void {
    this.#watchdog.end();
  }
}
