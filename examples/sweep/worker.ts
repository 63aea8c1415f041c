/** A process that trains for `npm run sweep -- --parallel N`, or for a worker of a queue. */

import { openDevice } from '../../src/index.ts';
import { serve } from '../../src/sweep/index.ts';
import { loadData } from '../study/data.ts';
import type { Adapter } from '../study/flags.ts';
import { reportError } from '../study/reportError.ts';
import { conditionsOf } from './conditions.ts';
import { trainerOn } from './trainer.ts';

/** What its machine tells a process on its command line, as JSON. */
export interface MachineSettings {
  readonly adapter: Adapter;
  readonly data?: string;
}

/** What the sweep tells it, behind that. */
export interface SweepSettings {
  readonly train: number;
  readonly test: number;
}

try {
  const { adapter, data: dir }: MachineSettings = JSON.parse(process.argv[2]);
  const { train, test }: SweepSettings = JSON.parse(process.argv[3]);
  const device = await openDevice({ adapter });
  try {
    const data = await loadData({ dir, train, test, signal: new AbortController().signal });
    await serve(trainerOn(device, data), { conditions: conditionsOf(device.info.name, data) });
  } finally {
    device.close();
  }
} catch (error) {
  reportError(error);
}
