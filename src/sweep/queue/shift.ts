/** A worker's time with a sweep: one process trains what the sweep's queue has. */

import type { Job, Queue, Worker } from 'bullmq';
import { StateError } from '../../base/errors.ts';
import { linkedAbort } from '../../base/linkedAbort.ts';
import type { LegEnd } from '../runner.ts';
import type { TrainingProcess } from '../trainingProcess.ts';
import { isFull } from './connection.ts';
import { Hold } from './hold.ts';
import { PREFIX } from './names.ts';
import { type QueuedLeg, Turn } from './turn.ts';
import type { WorkerSettings } from './workerSettings.ts';

/** What is told to end, or a queue that is away, has so long, in milliseconds. */
const GRACE = 5000;
/** A trial whose workers are lost more often than that has failed a try. */
const LOSSES = 2;

export class Shift {
  /** Resolves when there is no more to be had of it. */
  readonly ended: Promise<void>;
  /** Whether it has. */
  over = false;
  busy = false;
  readonly #settings: WorkerSettings;
  readonly #queue: Queue;
  readonly #process: TrainingProcess;
  readonly #worker: Worker<QueuedLeg, LegEnd>;
  #end: () => void = () => {};
  #hold: Hold | null = null;
  /** What was printed of what the queue said. */
  readonly #told = new Set<string>();
  /** What the queue refused. */
  #refused: unknown = null;

  constructor(settings: WorkerSettings, queue: Queue, process: TrainingProcess) {
    const { bullmq, redis, self, lockSeconds } = settings;
    this.#settings = settings;
    this.#queue = queue;
    this.#process = process;
    this.ended = new Promise((resolve) => {
      this.#end = () => {
        this.over = true;
        resolve();
      };
    });
    this.#worker = new bullmq.Worker<QueuedLeg, LegEnd>(
      queue.name,
      async (job, token = '') => {
        this.busy = true;
        try {
          return await this.#take(job, token);
        } finally {
          this.busy = false;
        }
      },
      {
        ...{ connection: redis, prefix: PREFIX, name: self, maxStalledCount: LOSSES },
        // A trial is given on when nobody was seen to hold it twice in a row: all of that within the time.
        lockDuration: this.#lockTime,
        lockRenewTime: this.#lockTime / 2,
        stalledInterval: Math.ceil((lockSeconds * 1000) / 3),
      },
    );
    this.#worker.on('locksRenewed', () => this.#hold?.renewed());
    this.#worker.on('lockRenewalFailed', (jobs) => {
      // Not that of the trial before, which ended while it was asked for.
      if (this.#hold !== null && jobs.includes(this.#hold.job)) this.#hold.lose();
    });
    this.#worker.on('error', (error) => {
      if (isFull(error)) return settings.refused(true);
      const { message } = error;
      // Connections come back by themselves, and a hold that is lost is noticed where it matters.
      if (redis.status !== 'ready' || /\block\b|\bE[A-Z]{4,}\b|closed/i.test(message) || this.#told.has(message))
        return;
      this.#told.add(message);
      settings.print(`${self}: the queue says: ${message}`);
    });
    // Also where it dies between two trials.
    process.closed.then(this.#end);
  }

  get #lockTime(): number {
    return Math.ceil(this.#settings.lockSeconds * 500);
  }

  /** What goes wrong with the queue, or with the worker's hold on the trial, is no fault of the trial's. */
  async #take(job: Job<QueuedLeg, LegEnd>, token: string): Promise<LegEnd> {
    const { signal, self, print } = this.#settings;
    const { number } = job.data;
    const hold = new Hold(job, token, this.#lockTime);
    this.#hold = hold;
    const { controller: stop, release } = linkedAbort(signal);
    let timer: ReturnType<typeof setTimeout> | undefined;
    stop.signal.addEventListener('abort', () => {
      timer = setTimeout(() => this.#process.kill(), GRACE);
    });
    hold.lost.addEventListener('abort', () => stop.abort());
    let end: LegEnd = { kind: 'aborted' };
    try {
      if (!this.#process.gone && !signal.aborted)
        end = await new Turn(this.#settings, this.#queue, job, hold, this.#process).train(stop.signal);
    } catch (error) {
      if (!hold.lost.aborted) this.#refused = error;
    } finally {
      this.#hold = null;
      hold.end();
      release();
      // Neither is heard any more.
      clearTimeout(timer);
    }
    if (hold.lost.aborted) {
      print(`${self} has lost its hold on trial ${number}: somebody else has it.`);
      if (this.#process.gone) await this.#stop();
      throw new this.#settings.bullmq.WaitingError();
    }
    if (end.kind === 'aborted') {
      await this.#stop();
      await Promise.race([job.moveToWait(token).catch(() => {}), sleep(GRACE)]);
      print(`${self} has handed back trial ${number}.`);
      throw new this.#settings.bullmq.WaitingError();
    }
    if (end.kind !== 'failed') return end;
    print(`Trial ${number} failed: ${end.reason}`);
    // Its device may be what failed: the next one has a process of its own.
    await this.#stop();
    throw new Error(end.reason);
  }

  /** Takes no more. */
  async #stop(): Promise<void> {
    await this.#worker.pause(true);
    this.#end();
  }

  /** Ends all of it; throws where the queue refused what it was told. */
  async end(): Promise<void> {
    this.#end();
    // What waits for a queue that is away would wait on.
    await Promise.race([this.#worker.close(), sleep(3 * GRACE)]);
    await this.#process.end();
    if (this.#refused === null) return;
    const reason = this.#refused instanceof Error ? this.#refused.message : String(this.#refused);
    throw new StateError(`queueWorker: the queue refuses what it is told: ${reason}. Correct that, and start again.`, {
      cause: this.#refused,
    });
  }
}

const sleep = (time: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, time).unref();
  });
