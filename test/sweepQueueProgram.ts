/**
 * A worker of a queue in a process of its own:  node --import LOADER test/sweepQueueProgram.ts work URL LOCK_SECONDS ADAPTER
 *
 * Its script is the same file:  … serve ADAPTER SHARED. SHARED is told by the sweep: the folder in which an epoch of a trial says
 * that it was begun, by a file `TRIAL-EPOCH.PID.PARENT`, and where it waits as long as there is a file `hold-TRIAL-EPOCH`, or throws
 * while there is a file `throw-TRIAL-EPOCH`.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { serve } from '../src/sweep/index.ts';
import { queueWorker } from '../src/sweep/queue/index.ts';
import { fakeTrain } from './sweepTrain.ts';

const [, , role, ...words] = process.argv;

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
  const ended = new AbortController();
  process.once('SIGTERM', () => ended.abort());
  await queueWorker(url, fileURLToPath(import.meta.url), {
    arguments: ['serve', adapter],
    lockSeconds: Number(lockSeconds),
    signal: ended.signal,
  });
}
