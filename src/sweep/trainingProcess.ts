/** A process that trains: it runs a script that calls `serve`. */

import { type ChildProcess, fork } from 'node:child_process';
import type { FromWorker, ToWorker } from './messages.ts';
import type { Leg, LegEnd } from './runner.ts';
import type { EpochRecord } from './trial.ts';
import { Watchdog } from './watchdog.ts';

/** Path or address of a script, such as `new URL('./worker.ts', import.meta.url)`. */
export type Script =
  | string
  | {
      /** That of a URL. */
      readonly href: string;
    };

/** One that is asked to end has so long, in milliseconds. */
const GRACE = 5000;

export class TrainingProcess {
  readonly #child: ChildProcess;
  /** The conditions that it trains under, when it has begun to listen; never resolves where it does not. */
  readonly ready: Promise<Readonly<Record<string, string>>>;
  /** Resolves with the reason, in words, when it has ended. */
  readonly closed: Promise<string>;
  /** Whether the process has ended. */
  gone = false;

  /**
   * @param script which calls `serve`
   * @param words what it is given on its command line
   */
  constructor(script: Script, words: readonly string[]) {
    const path = typeof script === 'string' ? script : new URL(script.href);
    const child = fork(path, [...words], { serialization: 'advanced' });
    this.#child = child;
    this.closed = new Promise((resolve) => {
      const end = (reason: string): void => {
        this.gone = true;
        resolve(reason);
      };
      // Also later, where what is said to a process that ends meanwhile is lost.
      child.on('error', (error) => end(`the process could not be started: ${error.message}`));
      child.once('exit', (code, signal) =>
        end(signal === null ? `the process ended with exit code ${code}` : `the process was ended by ${signal}`),
      );
    });
    this.ready = new Promise((resolve) => {
      child.once('message', (message: FromWorker) => {
        if (message.say === 'ready') resolve(message.conditions);
      });
    });
  }

  #say(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  /** Trains a leg. `timeLimit`: seconds from one epoch to the next; `onCheckpoint`: called when the checkpoint of an epoch is whole. */
  async train(
    leg: Leg,
    onEpoch: (record: EpochRecord) => Promise<void>,
    signal: AbortSignal,
    timeLimit: number,
    onCheckpoint: () => void = () => {},
  ): Promise<LegEnd> {
    const crashed = this.closed.then((reason): LegEnd => ({ kind: 'failed', reason }));
    const early = await Promise.race([this.ready.then(() => null), crashed]);
    if (early !== null) return signal.aborted ? { kind: 'aborted' } : early;
    const watchdog = new Watchdog(timeLimit);
    const abort = (): void => this.#say({ say: 'abort' });
    signal.addEventListener('abort', abort, { once: true });
    let hear: (message: FromWorker) => void = () => {};
    try {
      const told = new Promise<LegEnd>((resolve, reject) => {
        hear = (message) => {
          if (message.say === 'ended') resolve(message.end);
          if (message.say === 'saved') onCheckpoint();
          if (message.say !== 'epoch') return;
          watchdog.feed();
          onEpoch(message.record).then(() => this.#say({ say: 'kept' }), reject);
        };
      });
      this.#child.on('message', hear);
      this.#say({ say: 'train', leg });
      if (signal.aborted) abort();
      const hung = watchdog.bite.then(async (reason): Promise<LegEnd> => {
        await this.kill();
        return { kind: 'failed', reason };
      });
      // Where it is killed, it ends, too.
      const end = await Promise.race([told, crashed.then(() => (watchdog.bitten ? hung : crashed)), hung]);
      // A process that dies as the sweep ends has not failed.
      return this.gone && signal.aborted ? { kind: 'aborted' } : end;
    } catch (error) {
      await this.kill();
      throw error;
    } finally {
      watchdog.end();
      this.#child.off('message', hear);
      signal.removeEventListener('abort', abort);
    }
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.closed;
  }

  /** Ends it, softly if it lets itself be. */
  async end(): Promise<void> {
    if (this.gone) return;
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GRACE);
    await this.closed;
    clearTimeout(timer);
  }
}
