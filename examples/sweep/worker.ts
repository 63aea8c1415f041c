/** One of the processes of `npm run sweep -- --parallel N`. */

import { openDevice } from '../../src/index.ts';
import { serve } from '../../src/sweep/index.ts';
import { loadData } from '../study/data.ts';
import type { Adapter } from '../study/flags.ts';
import { reportError } from '../study/reportError.ts';
import { trainerOn } from './trainer.ts';

/** What a process is told on its command line, as JSON. */
export interface WorkerSettings {
  readonly adapter: Adapter;
  readonly data?: string;
  readonly train: number;
  readonly test: number;
}

try {
  const { adapter, data: dir, train, test }: WorkerSettings = JSON.parse(process.argv[2]);
  const device = await openDevice({ adapter });
  try {
    const data = await loadData({ dir, train, test, signal: new AbortController().signal });
    await serve(trainerOn(device, data));
  } finally {
    device.close();
  }
} catch (error) {
  reportError(error);
}
