/** Trains in processes of their own, several trials at a time. */

import { type ChildProcess, fork } from 'node:child_process';
import { checkAbove, checkWhole } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { FromWorker, ToWorker } from './messages.ts';
import type { Leg, LegEnd, Runner } from './runner.ts';
import type { EpochRecord } from './trial.ts';
import { Watchdog } from './watchdog.ts';

/** Options of `processes`. */
export interface ProcessesOptions {
  /** How many, a whole number of at least 1, default 2. */
  readonly parallel?: number;
  /** What each is given on its command line, default nothing. */
  readonly arguments?: readonly string[];
  /** Seconds from one epoch to the next before a process counts as hung and is killed; above 0, default none. */
  readonly timeLimit?: number;
}

/** One that is asked to end has so long, in milliseconds. */
const GRACE = 5000;

/**
 * Has a sweep train in several processes. Each runs a script of yours that calls `serve` with the function that trains; it keeps
 * its data and its device from one trial to the next. One that crashes or hangs is replaced, and its trial goes on from its
 * checkpoint. Only in Node.
 * @param script path or address of the script, such as `new URL('./worker.ts', import.meta.url)`
 * @throws ArgumentError for options out of their range
 */
export function processes(script: string | { readonly href: string }, options: ProcessesOptions = {}): Runner {
  const taken = takeOptions('processes', options, { parallel: 2, arguments: [], timeLimit: Number.POSITIVE_INFINITY });
  const { parallel, timeLimit } = taken;
  checkWhole('processes', 'parallel', parallel, 1);
  if (timeLimit !== Number.POSITIVE_INFINITY) checkAbove('processes', 'timeLimit', timeLimit);
  const path = typeof script === 'string' ? script : new URL(script.href);
  const idle: Worker[] = [];
  const all = new Set<Worker>();
  return {
    width: parallel,
    async run(leg, onEpoch, signal) {
      let worker = idle.pop();
      while (worker?.gone) worker = idle.pop();
      if (worker === undefined) {
        worker = new Worker(fork(path, [...taken.arguments], { serialization: 'advanced' }));
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

class Worker {
  readonly #child: ChildProcess;
  readonly #closed: Promise<string>;
  readonly #ready: Promise<void>;
  /** Whether the process has ended. */
  gone = false;

  constructor(child: ChildProcess) {
    this.#child = child;
    this.#closed = new Promise((resolve) => {
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
    this.#ready = new Promise((resolve) => {
      child.once('message', () => resolve());
    });
  }

  #say(message: ToWorker): void {
    if (this.#child.connected) this.#child.send(message, () => {});
  }

  async train(
    leg: Leg,
    onEpoch: (record: EpochRecord) => Promise<void>,
    signal: AbortSignal,
    timeLimit: number,
  ): Promise<LegEnd> {
    const crashed = this.#closed.then((reason): LegEnd => ({ kind: 'failed', reason }));
    const early = await Promise.race([this.#ready, crashed]);
    if (early !== undefined) return signal.aborted ? { kind: 'aborted' } : early;
    const watchdog = new Watchdog(timeLimit);
    const abort = (): void => this.#say({ say: 'abort' });
    signal.addEventListener('abort', abort, { once: true });
    let hear: (message: FromWorker) => void = () => {};
    try {
      const told = new Promise<LegEnd>((resolve, reject) => {
        hear = (message) => {
          if (message.say === 'ended') resolve(message.end);
          if (message.say !== 'epoch') return;
          watchdog.feed();
          onEpoch(message.record).then(() => this.#say({ say: 'kept' }), reject);
        };
      });
      this.#child.on('message', hear);
      this.#say({ say: 'train', leg });
      if (signal.aborted) abort();
      const hung = watchdog.bite.then(async (reason): Promise<LegEnd> => {
        await this.#kill();
        return { kind: 'failed', reason };
      });
      // Where it is killed, it ends, too.
      const end = await Promise.race([told, crashed.then(() => (watchdog.bitten ? hung : crashed)), hung]);
      // A process that dies as the sweep ends has not failed.
      return this.gone && signal.aborted ? { kind: 'aborted' } : end;
    } catch (error) {
      await this.#kill();
      throw error;
    } finally {
      watchdog.end();
      this.#child.off('message', hear);
      signal.removeEventListener('abort', abort);
    }
  }

  async #kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#closed;
  }

  /** Ends it, softly if it lets itself be. */
  async end(): Promise<void> {
    if (this.gone) return;
    if (this.#child.connected) this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), GRACE);
    await this.#closed;
    clearTimeout(timer);
  }
}
