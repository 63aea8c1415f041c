/** The side of a machine that trains: takes legs from queues, one at a time, and gives them to a process of its own. */

import { mkdtemp, rm } from 'node:fs/promises';
import { hostname, tmpdir } from 'node:os';
import { join } from 'node:path';
import { checkAbove } from '../../base/checks.ts';
import { linkedAbort } from '../../base/linkedAbort.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { type Print, printLine } from '../../callbacks/progress/print.ts';
import type { Script } from '../trainingProcess.ts';
import { type CheckpointStore, checkpointsBy } from './checkpoints.ts';
import { connectToKeeper, fullText, loadBullmq, placeOf } from './connection.ts';
import { Rounds } from './rounds.ts';

/** Options of `queueWorker`. */
export interface QueueWorkerOptions {
  /** What the script is given on its command line, before what the sweep gives it; default nothing. */
  readonly arguments?: readonly string[];
  /** Seconds from one epoch to the next before the script counts as hung and is killed; above 0, default none. */
  readonly timeLimit?: number;
  /**
   * Seconds after which a trial goes to another worker when nothing is heard of this one; above 0, default 30. The same for all
   * workers of a queue.
   */
  readonly lockSeconds?: number;
  /** Where checkpoints are kept; the same for all workers of a queue. Default in the queue's Redis, 1 GiB for a week. */
  readonly checkpoints?: CheckpointStore;
  /** Ends the worker soon, when it has handed back its trial. */
  readonly signal?: AbortSignal;
  /** Receives messages. Default `console.log`. */
  readonly print?: Print;
}

/**
 * Trains for sweeps that are watched with `queue`, until `signal` says to end: takes one trial at a time, which is trained by a process
 * that runs `script`, the same that `processes` takes. So nothing that training does keeps this process from renewing its hold on
 * the trial. When this one is killed, loses its network or its machine, the trial goes on from its last checkpoint on another one. A
 * sweep of another version of wgrad, or whose `conditions` are not those that the script gives to `serve`, is left alone, which is told.
 * Only in Node.
 *
 * ```ts
 * const ended = new AbortController();
 * process.once('SIGTERM', () => ended.abort());
 * await queueWorker(process.env.REDIS_URL, new URL('./worker.js', import.meta.url), { signal: ended.signal });
 * ```
 * @param url that of the queue, as `queue` takes it
 * @param script path or address of the script, which calls `serve`
 * @throws ArgumentError for what is no such address, and for options out of their range; StateError where nobody answers there,
 * where trials might be thrown away for lack of memory, or the script cannot be started
 */
export async function queueWorker(url: string, script: Script, options: QueueWorkerOptions = {}): Promise<void> {
  const who = 'queueWorker';
  const place = placeOf(who, url);
  checkOptions(who, options, {
    ...{ arguments: true, timeLimit: true, lockSeconds: true, checkpoints: true, signal: true, print: true },
  });
  const { timeLimit = Number.POSITIVE_INFINITY, lockSeconds = 30, print = printLine, signal } = options;
  if (timeLimit !== Number.POSITIVE_INFINITY) checkAbove(who, 'timeLimit', timeLimit);
  checkAbove(who, 'lockSeconds', lockSeconds);
  const redis = await connectToKeeper(who, url);
  const { controller, release } = linkedAbort(signal);
  const folder = await mkdtemp(join(tmpdir(), 'wgrad-worker-'));
  const self = `${hostname()}:${process.pid}`;
  const away = (): void => {
    if (!gone) print(`The queue at ${place} does not answer; ${self} waits for it.`);
    gone = true;
  };
  const back = (): void => {
    gone = false;
    print(`The queue at ${place} is back.`);
  };
  let gone = false;
  let full = false;
  redis.on('close', away).on('ready', back);
  print(`${self} waits for trials at ${place}.`);
  try {
    const rounds = new Rounds({
      ...{ redis, folder, self, timeLimit, lockSeconds, print, script },
      bullmq: await loadBullmq(),
      words: options.arguments ?? [],
      checkpoints: options.checkpoints ?? checkpointsBy(redis),
      signal: controller.signal,
      refused(now) {
        if (now && !full) print(`${fullText(place).replace(/^t/, 'T')}; ${self} waits.`);
        full = now;
      },
    });
    await rounds.work();
    print(`${self} has ended.`);
  } finally {
    release();
    redis.off('close', away).off('ready', back);
    redis.disconnect();
    await options.checkpoints?.close?.();
    await rm(folder, { recursive: true, force: true });
  }
}
