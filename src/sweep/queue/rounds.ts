/** How a worker goes from sweep to sweep. */

import type { Queue } from 'bullmq';
import { StateError } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import { TrainingProcess } from '../trainingProcess.ts';
import { type Announcement, announcements } from './announcements.ts';
import { PREFIX } from './names.ts';
import { Shift } from './shift.ts';
import { pause, untilAborted } from './whenAborted.ts';
import type { WorkerSettings } from './workerSettings.ts';

/** How often a worker without work looks for a sweep, in milliseconds. */
const LOOK = 1000;

export class Rounds {
  readonly #settings: WorkerSettings;
  /** Sweeps that are left alone: of each it is told once. */
  readonly #unfit = new Set<string>();
  readonly #queues = new Map<string, Queue>();

  constructor(settings: WorkerSettings) {
    this.#settings = settings;
  }

  /** Until the signal. */
  async work(): Promise<void> {
    const { signal } = this.#settings;
    try {
      while (!signal.aborted) {
        const sweep = await this.#next();
        const process = sweep === null ? null : await this.#process(sweep);
        if (sweep === null || process === null) await pause(LOOK, signal);
        else await this.#trainFor(sweep, process);
      }
    } finally {
      for (const queue of this.#queues.values()) await queue.close();
    }
  }

  /** While it is watched, and no other sweep has trials that wait. */
  async #trainFor({ name }: Announcement, process: TrainingProcess): Promise<void> {
    const { signal } = this.#settings;
    const shift = new Shift(this.#settings, this.#queueOf(name), process);
    try {
      while (!signal.aborted && !shift.over) {
        await Promise.race([pause(LOOK, signal), shift.ended]);
        if (!shift.busy && (await this.#next(name))?.name !== name) break;
      }
    } finally {
      await shift.end();
      await this.#tidy(name);
    }
  }

  /** While a worker waits, its queue remembers a setting, also one that is gone. */
  async #tidy(name: string): Promise<void> {
    const { redis, signal } = this.#settings;
    const all = await untilAborted(announcements(redis), signal);
    if (all?.every((sweep) => sweep.name !== name)) await redis.del(this.#queueOf(name).toKey('meta'));
  }

  /** Of the sweeps that this worker fits: the first that has trials that wait, `now` before all others; else `now`, or any. */
  async #next(now?: string): Promise<Announcement | null> {
    const { redis, signal } = this.#settings;
    const all = (await untilAborted(announcements(redis), signal)) ?? [];
    const fit = all.filter((sweep) => this.#fits(sweep));
    const ordered = [...fit.filter(({ name }) => name === now), ...fit.filter(({ name }) => name !== now)];
    for (const sweep of ordered) {
      const waiting = await untilAborted(this.#queueOf(sweep.name).getWaitingCount(), signal);
      if (waiting !== null && waiting > 0) return sweep;
    }
    return ordered[0] ?? null;
  }

  #queueOf(name: string): Queue {
    const known = this.#queues.get(name);
    if (known !== undefined) return known;
    const { redis, bullmq } = this.#settings;
    const queue = new bullmq.Queue(name, { connection: redis, prefix: PREFIX, skipMetasUpdate: true });
    queue.on('error', () => {});
    this.#queues.set(name, queue);
    return queue;
  }

  #fits({ name, conditions: { wgrad } }: Announcement): boolean {
    if (wgrad !== VERSION) this.#leave(name, `it is one of wgrad ${wgrad}, here is ${VERSION}`);
    return !this.#unfit.has(name);
  }

  #leave(name: string, why: string): void {
    if (this.#unfit.has(name)) return;
    this.#unfit.add(name);
    this.#settings.print(`${this.#settings.self} takes nothing of ${name}: ${why}.`);
  }

  /** Starts the script; null where it does not fit the sweep, or the worker is to end. */
  async #process({ name, conditions, words }: Announcement): Promise<TrainingProcess | null> {
    const { script, signal } = this.#settings;
    const process = new TrainingProcess(script, [...this.#settings.words, ...words]);
    const started = await untilAborted(Promise.race([process.ready, process.closed]), signal);
    if (typeof started === 'string')
      throw new StateError(`queueWorker: the script did not begin to train: ${started}. Correct what it complains of.`);
    const here: Readonly<Record<string, string>> = { ...started, wgrad: VERSION };
    const differs = Object.keys(conditions).find((key) => here[key] !== conditions[key]);
    if (started !== null && differs === undefined) return process;
    if (started !== null && differs !== undefined)
      this.#leave(name, `its ${differs} is ${conditions[differs]}, here it is ${here[differs] ?? 'not told'}`);
    await process.end();
    return null;
  }
}
