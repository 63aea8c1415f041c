/** Ctrl-C: the first one ends the study in good order, the second one ends the process. */
import { Callback } from '../../src/index.ts';
import type { Screen } from './screen.ts';

/** Listens for the first Ctrl-C. The second finds no listener, so the system ends the process. */
export function onInterrupt(screen: Screen): AbortSignal {
  const controller = new AbortController();
  process.once('SIGINT', () => {
    // Nobody could take the picture away after the second one.
    screen.remove();
    screen.print('\nStopping after this batch; Ctrl-C again ends at once.');
    controller.abort();
  });
  return controller.signal;
}

/** Ends a training when a signal says so. */
export class StopOnSignal extends Callback {
  readonly #signal: AbortSignal;

  constructor(signal: AbortSignal) {
    super();
    this.#signal = signal;
  }

  #look(): void {
    if (this.#signal.aborted) this.model.stopTraining = true;
  }

  // A stop may come a few batches late: they may go to the GPU together.
  override get everyTrainBatch(): boolean {
    return false;
  }

  // Whenever training asks whether to go on.
  override onTrainBegin(): void {
    this.#look();
  }
  override onTrainBatchEnd(): void {
    this.#look();
  }
  override onEpochEnd(): void {
    this.#look();
  }
}
