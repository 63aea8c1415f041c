/** The side of a sweep: puts its legs into a queue and hears of what became of them. */

import { randomUUID } from 'node:crypto';
import { setMaxListeners } from 'node:events';
import type { Queue, QueueEvents } from 'bullmq';
import type { Redis } from 'ioredis';
import { StateError } from '../../base/errors.ts';
import { takeOptions } from '../../base/optionNames.ts';
import { Bell } from '../bell.ts';
import { epochOf, parsedRecord } from '../recordText.ts';
import type { Leg, LegEnd, Runner } from '../runner.ts';
import { announce, announcements, BEAT, isForgotten, leave, withdraw } from './announcements.ts';
import { type CheckpointStore, checkpointsBy } from './checkpoints.ts';
import { type Bullmq, connectToKeeper, fullText, isFull, loadBullmq, placeOf } from './connection.ts';
import { checkpointsOf, jobOf, PREFIX, queueOf } from './names.ts';

/** Options of `queue`. */
export interface QueueOptions {
  /** What the script of each worker is given on its command line, behind what `queueWorker` gives it; default nothing. */
  readonly arguments?: readonly string[];
  /** Where the workers keep checkpoints, which go when the sweep is complete; default in the queue's Redis. */
  readonly checkpoints?: CheckpointStore;
}

/** All legs are looked at so often, in milliseconds, in case a message about one was lost. */
const LOOK = 10_000;
/** What a leg that waits throws when it is to wait no longer. */
const ABORTED = Symbol('aborted');

/**
 * Has a sweep train on any number of machines, those on which a `queueWorker` runs: trials are put into a queue of BullMQ on Redis
 * or Valkey, and results are collected from it. Several may watch the same sweep, each with a folder of its own, and come to the same
 * results. One who is interrupted or killed goes on by the same call, and has what was trained meanwhile. What a sweep left in Redis
 * goes when it is complete, or a week after it was watched last.
 * @param url such as `redis://host:6379` or `rediss://user:password@host:6379/0`; it is kept nowhere
 * @throws ArgumentError for what is no such address; `sweep` throws a StateError where nobody answers there, or
 * where trials might be thrown away for lack of memory, or find no room
 */
export function queue(url: string, options: QueueOptions = {}): Runner {
  const place = placeOf('queue', url);
  const { arguments: words, checkpoints } = takeOptions<{
    arguments?: readonly string[];
    checkpoints?: CheckpointStore | null;
  }>('queue', options, { arguments: [], checkpoints: null });
  let watch: Watch | null = null;
  return {
    width: Number.POSITIVE_INFINITY,
    async open(sweep) {
      const redis = await connectToKeeper('queue', url);
      watch = new Watch(redis, await loadBullmq(), queueOf(sweep, words));
      await orFull(watch.begin({ conditions: sweep.conditions, words }), place);
    },
    async run(leg, onEpoch, signal) {
      return watch === null ? { kind: 'aborted' } : orFull(watch.run(leg, onEpoch, signal), place);
    },
    async close(complete) {
      await watch?.end(complete, checkpoints);
      await checkpoints?.close?.();
    },
  };
}

/** Says what it means where the queue has no room. */
async function orFull<T>(work: Promise<T>, place: string): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    if (!isFull(cause)) throw cause;
    throw new StateError(`queue: ${fullText(place)}, and start again: the sweep goes on where it was.`, { cause });
  }
}

/** Pauses a queue and empties it; again where something took the pause away in between, such as a command that was sent twice. */
async function obliterate(queue: Queue, tries = 3): Promise<void> {
  try {
    await queue.obliterate({ force: true });
  } catch (error) {
    if (tries === 1) throw error;
    await obliterate(queue, tries - 1);
  }
}

class Watch {
  readonly #redis: Redis;
  readonly #name: string;
  readonly #bullmq: Bullmq;
  readonly #queue: Queue;
  readonly #events: QueueEvents;
  readonly #self = randomUUID();
  readonly #bells = new Map<string, Bell>();
  #timers: ReturnType<typeof setInterval>[] = [];

  constructor(redis: Redis, bullmq: Bullmq, name: string) {
    this.#redis = redis;
    this.#name = name;
    this.#bullmq = bullmq;
    const shared = { connection: redis, prefix: PREFIX };
    this.#queue = new bullmq.Queue(name, shared);
    this.#events = new bullmq.QueueEvents(name, shared);
    // Connections that are lost come again, and what is asked meanwhile waits: there is nothing to do.
    this.#queue.on('error', () => {});
    this.#events.on('error', () => {});
  }

  async begin(about: { readonly conditions: Readonly<Record<string, string>>; readonly words: readonly string[] }) {
    const known = await announcements(this.#redis);
    for (const one of known.filter(isForgotten)) await this.#forget(one.name);
    const since = known.find(({ name }) => name === this.#name)?.since ?? Date.now();
    const beat = (): Promise<void> => announce(this.#redis, { name: this.#name, since, ...about }, this.#self);
    for (const event of ['completed', 'failed', 'progress'] as const)
      this.#events.on(event, ({ jobId }: { jobId: string }) => this.#bells.get(jobId)?.ring());
    await this.#events.waitUntilReady();
    await beat();
    const ringAll = (): void => {
      for (const bell of this.#bells.values()) bell.ring();
    };
    // A Redis that was started anew may know less than before.
    this.#redis.on('ready', ringAll);
    this.#timers = [setInterval(() => beat().catch(() => {}), BEAT), setInterval(ringAll, LOOK)];
  }

  async run(leg: Leg, onEpoch: Parameters<Runner['run']>[1], signal: AbortSignal): Promise<LegEnd> {
    const id = jobOf(leg);
    const bell = new Bell();
    this.#bells.set(id, bell);
    let stop = (): void => {};
    const aborted = new Promise<never>((_, reject) => {
      stop = () => reject(ABORTED);
    });
    // All trials wait at once.
    setMaxListeners(0, signal);
    signal.addEventListener('abort', stop, { once: true });
    if (signal.aborted) stop();
    // A queue that is away answers nobody, nor one who was told to end.
    const asked = <T>(answer: Promise<T>): Promise<T> => Promise.race([answer, aborted]);
    let { from } = leg;
    let rows = 0;
    try {
      for (; ; await asked(bell.heard())) {
        // In this order: when it has ended, all of its rows are there.
        const job = await asked(this.#queue.getJob(id));
        if (job === undefined) {
          await asked(this.#put(id, leg));
          rows = 0;
          bell.ring();
          continue;
        }
        const logs = await asked(this.#logs(id, rows));
        // It is looked at again later.
        if (logs === null) continue;
        rows += logs.length;
        for (const text of logs) {
          const record = epochOf(parsedRecord(text) ?? {});
          if (record?.epoch !== from) continue;
          await onEpoch(record);
          from++;
        }
        if (job.finishedOn === undefined) continue;
        if (job.failedReason) return { kind: 'failed', reason: job.failedReason };
        const end: LegEnd = job.returnvalue;
        if (end.kind !== 'reached' || from >= leg.until) return end;
        // It was put in by one who knew of more epochs than we: have them trained again.
        await asked(job.remove());
        bell.ring();
      }
    } catch (error) {
      if (error === ABORTED) return { kind: 'aborted' };
      throw error;
    } finally {
      this.#bells.delete(id);
      signal.removeEventListener('abort', stop);
    }
  }

  /** What was told of a job, from a row on; null where a server whose memory is full refuses even that, as a transaction. */
  async #logs(id: string, from: number): Promise<string[] | null> {
    try {
      return (await this.#queue.getJobLogs(id, from, -1)).logs;
    } catch (error) {
      if (isFull(error)) return null;
      throw error;
    }
  }

  /** The order of trials is that in which a sweep has them run; jobs that are there stay what they are. */
  async #put(id: string, leg: Leg): Promise<void> {
    const { checkpoint: _, ...told } = leg;
    const name = Object.entries(leg.parameters)
      .map(([key, value]) => `${key} ${value}`)
      .join(', ');
    await this.#queue.add(name, told, { jobId: id });
  }

  async #forget(name: string): Promise<void> {
    // Of several who would, one does.
    if (!(await withdraw(this.#redis, name))) return;
    const queue =
      name === this.#name ? this.#queue : new this.#bullmq.Queue(name, { connection: this.#redis, prefix: PREFIX });
    await obliterate(queue);
    await checkpointsBy(this.#redis).remove(checkpointsOf(name));
    if (queue !== this.#queue) await queue.close();
  }

  async end(complete: boolean, checkpoints: CheckpointStore | null): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer);
    try {
      // An interrupted sweep may wait for a queue that is gone.
      if (this.#redis.status !== 'ready') return;
      const last = await leave(this.#redis, this.#name, this.#self);
      if (!complete || !last) return;
      await this.#forget(this.#name);
      await checkpoints?.remove(checkpointsOf(this.#name));
    } finally {
      await this.#events.close();
      await this.#queue.close();
      this.#redis.disconnect();
    }
  }
}
