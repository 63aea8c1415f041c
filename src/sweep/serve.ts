/** The side of a process that trains for a sweep. */

import { StateError } from '../base/errors.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { runLeg } from './runLeg.ts';
import type { Parameters } from './space.ts';
import type { TrainFunction } from './trial.ts';

/**
 * Trains what the sweep asks for that started this process with `processes`; returns when it has no more.
 * @throws StateError in a process that no sweep started
 */
export async function serve<P extends Parameters>(train: TrainFunction<P>): Promise<void> {
  if (process.send === undefined) {
    throw new StateError('serve: no sweep started this process. Give its script to processes(), and that to sweep().');
  }
  // Ctrl-C reaches all processes of a terminal; the sweep tells this one when to end.
  const ignore = (): void => {};
  process.on('SIGINT', ignore);
  const say = (message: FromWorker): void => {
    if (process.connected) process.send?.(message, undefined, undefined, () => {});
  };
  await new Promise<void>((resolve) => {
    let abort = new AbortController();
    let kept: () => void = () => {};
    let lost: (error: Error) => void = () => {};
    let work: Promise<void> = Promise.resolve();
    process.on('message', (message: ToWorker) => {
      if (message.say === 'kept') kept();
      if (message.say === 'abort') abort.abort();
      if (message.say !== 'train') return;
      abort = new AbortController();
      const { signal } = abort;
      work = runLeg(
        train,
        message.leg,
        (record) =>
          new Promise((done, refuse) => {
            [kept, lost] = [done, refuse];
            if (process.connected) say({ say: 'epoch', record });
            else lost(gone());
          }),
        signal,
      ).then(
        (end) => say({ say: 'ended', end }),
        // It was asked for by nobody who is still there.
        () => {},
      );
    });
    process.once('disconnect', () => {
      // The sweep is gone or done. An epoch that it has not kept must not get into the checkpoint.
      lost(gone());
      abort.abort();
      work.then(resolve);
    });
    say({ say: 'ready' });
  });
  process.off('SIGINT', ignore);
}

const gone = (): StateError => new StateError('serve: the sweep that started this process is gone. Start it again.');
