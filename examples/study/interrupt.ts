/** Ctrl-C: the first one ends the study in good order, the second one ends the process. */
import { Callback, type Device, openDevice } from '../../src/index.ts';
import type { Adapter } from './flags.ts';
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

/** Exit code after Ctrl-C. */
const INTERRUPTED = 130;

/** Does the work of a command line; returns the exit code. `signal`: that of Ctrl-C, which work may end by throwing its reason. */
export async function workUntil(signal: AbortSignal, work: () => Promise<void>): Promise<number> {
  try {
    await work();
  } catch (error) {
    if (!signal.aborted || error !== signal.reason) throw error;
  }
  return signal.aborted ? INTERRUPTED : 0;
}

/** The same on a device, which is closed behind it. */
export async function workOn(
  adapter: Adapter,
  signal: AbortSignal,
  work: (device: Device) => Promise<void>,
): Promise<number> {
  const device = await openDevice({ adapter });
  try {
    return await workUntil(signal, () => work(device));
  } finally {
    device.close();
  }
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
