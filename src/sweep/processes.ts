/** Trains in processes of their own, several trials at a time. */

import { checkAbove, checkWhole } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { Runner } from './runner.ts';
import { type Script, TrainingProcess } from './trainingProcess.ts';

/** Options of `processes`. */
export interface ProcessesOptions {
  /** How many, a whole number of at least 1, default 2. */
  readonly parallel?: number;
  /** What each is given on its command line, default nothing. */
  readonly arguments?: readonly string[];
  /** Seconds from one epoch to the next before a process counts as hung and is killed; above 0, default none. */
  readonly timeLimit?: number;
}

/**
 * Has a sweep train in several processes. Each runs a script of yours that calls `serve` with the function that trains; it keeps
 * its data and its device from one trial to the next. One that crashes or hangs is replaced, and its trial goes on from its
 * checkpoint. Only in Node.
 * @param script path or address of the script, such as `new URL('./worker.ts', import.meta.url)`
 * @throws ArgumentError for options out of their range
 */
export function processes(script: Script, options: ProcessesOptions = {}): Runner {
  const taken = takeOptions('processes', options, { parallel: 2, arguments: [], timeLimit: Number.POSITIVE_INFINITY });
  const { parallel, timeLimit } = taken;
  checkWhole('processes', 'parallel', parallel, 1);
  if (timeLimit !== Number.POSITIVE_INFINITY) checkAbove('processes', 'timeLimit', timeLimit);
  const idle: TrainingProcess[] = [];
  const all = new Set<TrainingProcess>();
  return {
    width: parallel,
    async run(leg, onEpoch, signal) {
      let worker = idle.pop();
      while (worker?.gone) worker = idle.pop();
      if (worker === undefined) {
        worker = new TrainingProcess(script, taken.arguments);
        all.add(worker);
      }
      const end = await worker.train(leg, onEpoch, signal, timeLimit);
      if (worker.gone) all.delete(worker);
      else idle.push(worker);
      return end;
    },
    async close() {
      await Promise.all([...all].map((worker) => worker.end()));
    },
  };
}
