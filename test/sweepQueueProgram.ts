/**
 * A worker of a queue in a process of its own:  node --import LOADER test/sweepQueueProgram.ts work URL LOCK_SECONDS ADAPTER
 *
 * Its script is the same file:  … serve ADAPTER SHARED. SHARED is told by the sweep: the folder in which an epoch of a trial says
 * that it was begun, by a file `TRIAL-EPOCH.PID.PARENT`, and where it waits as long as there is a file `hold-TRIAL-EPOCH`, or throws
 * while there is a file `throw-TRIAL-EPOCH`. A worker with the environment variable DIES_AFTER ends as a kill ends it when the
 * checkpoint of that trial is kept for the first time.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { serve } from '../src/sweep/index.ts';
import { type CheckpointStore, queueWorker, redisCheckpoints } from '../src/sweep/queue/index.ts';
import { fakeTrain } from './sweepTrain.ts';

const [, , role, ...words] = process.argv;

/** Those in Redis; keeping that of the trial is the last that the process does. */
function lastOf(url: string, trial: string): CheckpointStore {
  const store = redisCheckpoints(url);
  return {
    ...store,
    async put(key, content) {
      await store.put(key, content);
      if (key.endsWith(`/${trial}.checkpoint`)) process.kill(process.pid, 'SIGKILL');
    },
  };
}

if (role === 'serve') {
  const [adapter, shared] = words;
  const train = fakeTrain({
    before: async ({ number, signal }, epoch) => {
      writeFileSync(`${shared}/${number}-${epoch}.${process.pid}.${process.ppid}`, '');
      if (existsSync(`${shared}/throw-${number}-${epoch}`)) throw new RangeError('no such layer');
      while (existsSync(`${shared}/hold-${number}-${epoch}`) && !signal.aborted) await sleep(5);
    },
  });
  await serve(train, { conditions: { adapter } });
} else {
  const [url, lockSeconds, adapter] = words;
  const { DIES_AFTER } = process.env;
  const ended = new AbortController();
  process.once('SIGTERM', () => ended.abort());
  await queueWorker(url, fileURLToPath(import.meta.url), {
    arguments: ['serve', adapter],
    lockSeconds: Number(lockSeconds),
    signal: ended.signal,
    ...(DIES_AFTER !== undefined && { checkpoints: lastOf(url, DIES_AFTER) }),
  });
}
