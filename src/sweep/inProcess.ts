/** Trains in this process, a leg at a time. */

import { StateError } from '../base/errors.ts';
import { linkedAbort } from '../base/linkedAbort.ts';
import { runLeg } from './runLeg.ts';
import type { Leg, LegEnd, Runner } from './runner.ts';
import type { Parameters } from './space.ts';
import type { EpochRecord, TrainFunction } from './trial.ts';
import { Watchdog } from './watchdog.ts';

/**
 * @param timeLimit seconds from one report to the next before a trial counts as hung; Infinity: none. What hangs cannot be ended
 * here: its signal is aborted, and it is waited for no longer.
 */
export function inProcess<P extends Parameters>(train: TrainFunction<P>, timeLimit = Number.POSITIVE_INFINITY): Runner {
  return {
    width: 1,
    async run(leg: Leg, onEpoch: (record: EpochRecord) => Promise<void>, signal: AbortSignal): Promise<LegEnd> {
      const { controller: own, release } = linkedAbort(signal);
      const watchdog = new Watchdog(timeLimit);
      let given = false;
      try {
        const work = runLeg(
          train,
          leg,
          async (record) => {
            if (given) throw new StateError(`Trial ${leg.number} was given up: it took too long.`);
            watchdog.feed();
            await onEpoch(record);
          },
          own.signal,
        );
        // Nobody waits for it once it has hung.
        work.catch(() => {});
        const hung = watchdog.bite.then((reason): LegEnd => ({ kind: 'failed', reason }));
        return await Promise.race([work, hung]);
      } finally {
        given = true;
        watchdog.end();
        own.abort();
        release();
      }
    },
    async close() {},
  };
}
