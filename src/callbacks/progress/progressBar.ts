import { checkChoice } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { Callback, type Logs, type MetricsReport } from '../callback.ts';
import { CompileNotice, type Every, everyInterval } from './compileNotice.ts';
import { type Print, printLine } from './print.ts';
import {
  barText,
  durationText,
  fitLine,
  lineWidth,
  metricTexts,
  type ProgressStream,
  rateText,
} from './progressText.ts';

/** Options of `ProgressBar`. */
export interface ProgressBarOptions {
  /** 0 is silent, 1 draws a bar on a terminal and else prints one line an epoch, 2 prints one line an epoch. Default: fit's. */
  verbose?: 0 | 1 | 2;
  /** Default `process.stdout`, and none in a browser or where `print` is given. */
  stream?: ProgressStream;
  /** Receives whole lines where there is no stream. Default `console.log`. */
  print?: Print;
  /** Milliseconds from any origin; for tests. Default `performance.now`. */
  now?: () => number;
  /** The timer behind the notice of kernels that compile; for tests. Default `setInterval`. @internal */
  every?: Every;
}

/** Least milliseconds between two redraws. */
const REDRAW_MS = 100;

/** Shows how training, evaluation or prediction gets on, with metrics in Keras' format. */
export class ProgressBar extends Callback {
  readonly #verbose: 0 | 1 | 2 | null;
  readonly #stream: ProgressStream | null;
  readonly #print: Print;
  readonly #now: () => number;
  readonly #every: Every;
  #training = false;
  #title = '';
  #begun = 0;
  /** When training of the epoch ended and its validation began. */
  #trained: number | null = null;
  #drawn = Number.NEGATIVE_INFINITY;
  /** Batches that are done, and those that were when this bar began: an epoch may go on in its midst. */
  #done = 0;
  #first: number | null = null;
  #logs: Logs = {};
  /** First step of the epoch that was not finite. */
  #bad: number | null = null;

  /** @throws ArgumentError for an unknown `verbose`. */
  constructor(options: ProgressBarOptions = {}) {
    super();
    checkOptions('ProgressBar', options, { verbose: true, stream: true, print: true, now: true, every: true });
    const { verbose, stream, print, now = () => performance.now(), every = everyInterval } = options;
    if (verbose !== undefined) checkChoice('ProgressBar', 'verbose', verbose, [0, 1, 2]);
    this.#verbose = verbose ?? null;
    this.#stream = stream ?? (print === undefined ? standardOutput() : null);
    this.#print = print ?? printLine;
    this.#now = now;
    this.#every = every;
  }

  /** Tells where this bar is drawn that kernels compile; null where it is silent. `verbose`: fit's. @internal */
  compileNotice(verbose: 0 | 1 | 2): CompileNotice | null {
    if ((this.#verbose ?? verbose) === 0) return null;
    return new CompileNotice({ stream: this.#stream, print: this.#print, every: this.#every });
  }

  /** It only looks on. */
  override get everyTrainBatch(): boolean {
    return false;
  }

  override get everyTestBatch(): boolean {
    return false;
  }

  override onTrainBegin(): void {
    this.#training = true;
  }

  override onTrainEnd(): void {
    this.#training = false;
  }

  override onTrainError(): void {
    this.#training = false;
  }

  override onEpochBegin(epoch: number): void {
    this.#begin(`Epoch ${epoch + 1}/${this.params.epochs}`);
    // The bar leaves no room for the epoch, so it goes above.
    if (this.#drawsBar) this.#stream?.write(`${this.#title}\x1b[K\n`);
  }

  override onTrainBatchBegin(batch: number): void {
    this.#first ??= batch;
  }

  override onTrainBatchEnd(batch: number, logs: Logs): void {
    this.#advance(batch, logs);
  }

  override onMetrics(report: MetricsReport): void {
    this.#logs = { ...this.#logs, ...report.mean };
    this.#bad = report.nonFinite?.step ?? null;
    this.#draw();
  }

  override onEpochEnd(_epoch: number, logs: Logs): void {
    this.#finish(logs);
  }

  override onTestBegin(): void {
    if (!this.#training) this.#begin('Evaluate');
    else {
      this.#trained = this.#now();
      this.#drawn = Number.NEGATIVE_INFINITY;
      this.#draw();
    }
  }

  override onTestBatchEnd(batch: number, logs: Logs): void {
    if (!this.#training) this.#advance(batch, logs);
  }

  override onTestEnd(logs: Logs): void {
    if (!this.#training) this.#finishWhole(logs);
  }

  override onPredictBegin(): void {
    this.#begin('Predict');
  }

  override onPredictBatchEnd(batch: number): void {
    this.#advance(batch, {});
  }

  override onPredictEnd(): void {
    this.#finishWhole({});
  }

  get #level(): 0 | 1 | 2 {
    return this.#verbose ?? this.params.verbose;
  }

  get #drawsBar(): boolean {
    return this.#level === 1 && this.#stream?.isTTY === true;
  }

  #begin(title: string): void {
    this.#title = title;
    this.#begun = this.#now();
    this.#trained = null;
    this.#drawn = this.#begun;
    this.#done = 0;
    this.#first = null;
    this.#logs = {};
    this.#bad = null;
  }

  /** Batches since this bar began. */
  get #own(): number {
    return this.#done - (this.#first ?? 0);
  }

  /** Examples a second since then. */
  #rate(now: number): string {
    const { steps, samples, inputShape } = this.params;
    // [height, width, channels]
    const what = inputShape?.length === 3 ? 'images' : 'samples';
    return rateText((samples * this.#own) / steps, ((this.#trained ?? now) - this.#begun) / 1000, what);
  }

  #advance(batch: number, logs: Logs): void {
    this.#done = batch + 1;
    this.#logs = { ...this.#logs, ...logs };
    this.#draw();
  }

  #draw(): void {
    if (!this.#drawsBar || this.#done === 0) return;
    const now = this.#now();
    if (now - this.#drawn < REDRAW_MS) return;
    this.#drawn = now;
    const { steps } = this.params;
    const elapsed = (now - this.#begun) / 1000;
    const validating = this.#trained !== null;
    const left = (elapsed * (steps - this.#done)) / this.#own;
    const parts = [
      `${barText(this.#done, steps)} ${durationText(elapsed)}`,
      validating ? 'validating' : `${durationText(left)} left`,
      this.#rate(now),
      ...metricTexts(this.#logs),
    ];
    // The cursor waits at the line's start: whatever else is printed replaces the bar, which is redrawn below it.
    this.#stream?.write(`\r${fitLine(parts, lineWidth(this.#stream))}\x1b[K\r`);
  }

  /** An evaluation or a prediction is never cut short. */
  #finishWhole(logs: Logs): void {
    this.#done = this.params.steps;
    this.#finish(logs);
  }

  #finish(logs: Logs): void {
    if (this.#level === 0) return;
    const now = this.#now();
    const { steps } = this.params;
    const duration = durationText((now - this.#begun) / 1000);
    // An epoch that was saved at its end goes on without a batch: how far it had come is not known here.
    const known = this.#done > 0;
    const cut = known && this.#done < steps;
    const bad = this.#bad === null ? [] : [`not finite from step ${this.#bad} on`];
    const facts = [...(known ? [this.#rate(now)] : []), ...metricTexts(logs), ...bad];
    if (this.#drawsBar) {
      const bar = known ? `${barText(this.#done, steps)} ` : '';
      this.#stream?.write(`\r${[bar + duration, ...(cut ? ['stopped'] : []), ...facts].join(' - ')}\x1b[K\n`);
      return;
    }
    const stopped = cut ? [`stopped after ${this.#done} of ${steps} steps`] : [];
    const line = [this.#title, ...stopped, duration, ...facts].join(' - ');
    if (this.#stream !== null) this.#stream.write(`${line}\n`);
    else this.#print(line);
  }
}

function standardOutput(): ProgressStream | null {
  return typeof process !== 'undefined' && typeof process.stdout?.write === 'function' ? process.stdout : null;
}
