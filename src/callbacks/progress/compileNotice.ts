/**
 * Tells that kernels are being compiled where that takes long: on a terminal a line that comes after half a second and
 * goes when the first step is done, else one plain line after two. Drivers may compile at a kernel's first run, so the
 * first step belongs to it.
 */

import { Callback } from '../callback.ts';
import type { Print } from './print.ts';
import { fitLine, lineWidth, type ProgressStream } from './progressText.ts';

const TERMINAL_MS = 500;
const PLAIN_MS = 2000;

/** Calls `tick` every `ms` milliseconds until what it returns is called. */
export type Every = (ms: number, tick: () => void) => () => void;

export const everyInterval: Every = (ms, tick) => {
  const timer = setInterval(tick, ms);
  return () => clearInterval(timer);
};

export interface CompileNoticeOptions {
  readonly stream: ProgressStream | null;
  readonly print: Print;
  readonly every: Every;
}

export class CompileNotice extends Callback {
  readonly #terminal: ProgressStream | null;
  readonly #stop: () => void;
  #done = 0;
  #total = 0;
  #running = false;
  #shown = false;
  #ended = false;

  /** The time runs from now on. */
  constructor({ stream, print, every }: CompileNoticeOptions) {
    super();
    const say = stream === null ? print : (line: string): unknown => stream.write(`${line}\n`);
    this.#terminal = stream?.isTTY === true ? stream : null;
    this.#stop =
      this.#terminal === null
        ? every(PLAIN_MS, () => {
            say(this.#text);
            this.#stop();
          })
        : every(TERMINAL_MS, () => this.#draw());
  }

  /** A plan's progress; several plans are compiled side by side. */
  readonly part = (): ((done: number, total: number) => void) => {
    let [ownDone, ownTotal] = [0, 0];
    return (done, total) => {
      this.#done += done - ownDone;
      this.#total += total - ownTotal;
      [ownDone, ownTotal] = [done, total];
      if (this.#shown) this.#draw();
    };
  };

  override onTrainBegin(): void {
    this.#running = true;
  }

  /** The first report comes after the first step. */
  override onMetrics(): void {
    this.end();
  }

  /** Removes the line; nothing is said from now on. */
  end(): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#stop();
    if (this.#shown) this.#terminal?.write('\r\x1b[K');
  }

  get #text(): string {
    if (this.#running) return 'first step: compiling …';
    return `compiling kernels ${this.#done} of ${this.#total} …`;
  }

  #draw(): void {
    if (this.#ended || this.#terminal === null) return;
    this.#shown = true;
    // Parked at the line's start like the progress bar, so that whatever is printed replaces it.
    this.#terminal.write(`\r${fitLine([this.#text], lineWidth(this.#terminal))}\x1b[K\r`);
  }
}
