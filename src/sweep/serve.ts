/** The side of a process that trains for a sweep. */

import { StateError } from '../base/errors.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import { runLeg } from './runLeg.ts';
import type { Parameters } from './space.ts';
import type { TrainFunction } from './trial.ts';

/** Options of `serve`. */
export interface ServeOptions {
  /**
   * What decides the numbers here, by the names that the sweep's own `conditions` have, such as the adapter and the data: a worker
   * of a queue takes no trial of a sweep whose conditions are others. Default none.
   */
  readonly conditions?: Readonly<Record<string, string>>;
}

/**
 * Trains what the one asks for that started this process, `processes` or `queueWorker`; returns when there is no more.
 * @throws StateError in a process that neither started
 */
export async function serve<P extends Parameters>(train: TrainFunction<P>, options: ServeOptions = {}): Promise<void> {
  const { conditions } = takeOptions('serve', options, { conditions: {} });
  if (process.send === undefined) {
    throw new StateError(
      'serve: no sweep started this process. Give its script to processes(), and that to sweep(); or to queueWorker().',
    );
  }
  // Ctrl-C reaches all processes of a terminal, and a service's end all of the service; the sweep tells this one when to end.
  const ignore = (): void => {};
  for (const name of SIGNALS) process.on(name, ignore);
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
        () => say({ say: 'saved' }),
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
    say({ say: 'ready', conditions });
  });
  for (const name of SIGNALS) process.off(name, ignore);
}

const SIGNALS = ['SIGINT', 'SIGTERM'] as const;

const gone = (): StateError => new StateError('serve: the sweep that started this process is gone. Start it again.');
