/**
 * A worker whose training has a device that may be lost:  node --import LOADER test/sweepDeviceProgram.ts work URL LOCK_SECONDS
 *
 * Its script is the same file:  … serve FOLDER. The device is lost at the begin of an epoch of a trial for which FOLDER, told by the
 * sweep, has a file `lose-TRIAL-EPOCH`, which goes then.
 */

import { existsSync, rmSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { openDevice } from '../src/index.ts';
import { serve } from '../src/sweep/index.ts';
import { queueWorker } from '../src/sweep/queue/index.ts';
import { smallTrain } from './smallTrain.ts';

const [, , role, ...words] = process.argv;

if (role === 'serve') {
  const device = await openDevice();
  const lose = (trial: number, epoch: number): void => {
    const path = `${words[0]}/lose-${trial}-${epoch}`;
    if (!existsSync(path)) return;
    rmSync(path);
    device.gpu.destroy();
  };
  await serve(smallTrain(device, lose), { conditions: { adapter: device.info.name } });
  device.close();
} else {
  const [url, lockSeconds] = words;
  const script = fileURLToPath(import.meta.url);
  await queueWorker(url, script, { arguments: ['serve'], lockSeconds: Number(lockSeconds) });
}
