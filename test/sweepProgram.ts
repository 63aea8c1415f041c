/**
 * A sweep in a process of its own:  node --import LOADER test/sweepProgram.ts sweep|serve FOLDER MODE
 *
 * MODE says what goes wrong: `slow` takes some milliseconds an epoch; `crash`, `hang` and `freeze` do so once, in trial 4.
 */

import { existsSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { processes, serve, sweep } from '../src/sweep/index.ts';
import { fakeTrain, space } from './sweepTrain.ts';

const [, , role, folder, mode = ''] = process.argv;

/** Whether it is the first one. */
function once(): boolean {
  const mark = `${folder}/once`;
  if (existsSync(mark)) return false;
  writeFileSync(mark, '');
  return true;
}

const train = fakeTrain({
  before: async ({ number }, epoch) => {
    if (mode === 'slow') await sleep(4);
    if (number !== 4 || epoch !== 1 || !['crash', 'hang', 'freeze'].includes(mode) || !once()) return;
    if (mode === 'crash') process.kill(process.pid, 'SIGKILL');
    if (mode === 'freeze') process.kill(process.pid, 'SIGSTOP');
    if (mode === 'hang') for (;;);
  },
});

if (role === 'serve') await serve(train);
else {
  const script = fileURLToPath(import.meta.url);
  const runner = processes(script, { parallel: 2, arguments: ['serve', folder, mode], timeLimit: 2 });
  await sweep({ space, seeds: [0, 1], epochs: 9, halving: { groupBy: ['batchSize'] }, folder, runner });
}
