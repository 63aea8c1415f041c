/**
 * A small chart of a run under its progress bar: the loss to the left, the validation accuracy to the right, each with the
 * baseline's curve behind it.
 */
import { Callback, type Logs, type MetricsReport } from '../../src/index.ts';
import { GUESSING_LOSS, shortLoss } from './facts.ts';
import type { Screen, Size } from './screen.ts';
import { type Curve, type Point, type Range, textPlot } from './textPlot.ts';

const ROWS = 7;
/** In a terminal of fewer rows the chart would leave too few for what is printed. */
const LEAST_ROWS = 16;
const LEAST_COLUMNS = 30;
/** From here on both halves fit. */
const BOTH_COLUMNS = 60;
/** Wider ones gain nothing. */
const MOST_HALF = 60;
const GAP = '  ';

/** A loss above this is drawn on the top row, with its number in the title: 1e9 would press all the rest into one line. */
const HIGHEST_LOSS = 2 * GUESSING_LOSS;

/** What a chart shows of a run. */
export type Curves = { readonly [K in 'loss' | 'val_accuracy']: readonly number[] };

/** The newest epoch, until the History has it: it comes last, when the bar's line is written and a backup is saved. */
interface Newest {
  /** Counted from 0. */
  readonly epoch: number;
  /** Part of it that is done. */
  readonly done: number;
  /** Mean so far. */
  readonly loss: number;
  /** Null before the validation. */
  readonly val_accuracy: number | null;
}

/** Shows the chart while a run trains; at its end it stays as text, unless the run failed. */
export class TerminalChart extends Callback {
  readonly #screen: Screen;
  readonly #baseline: Curves | null;
  #newest: Newest | null = null;

  /** `baseline`: that of a run made before, null where there is none. */
  constructor(screen: Screen, baseline: Curves | null) {
    super();
    this.#screen = screen;
    this.#baseline = baseline;
  }

  /** Before the progress bar, which then draws what is known by now. */
  override get rank(): number {
    return -1;
  }

  override onTrainBegin(): void {
    this.#screen.show((size) => this.#lines(size));
  }

  override onMetrics({ epoch, batch, mean }: MetricsReport): void {
    this.#newest = { epoch, done: batch / this.params.steps, loss: mean.loss, val_accuracy: null };
  }

  override onEpochEnd(epoch: number, { loss, val_accuracy }: Logs): void {
    this.#newest = { epoch, done: 1, loss, val_accuracy };
  }

  override onTrainEnd(): void {
    this.#screen.keep();
  }

  override onTrainError(): void {
    this.#screen.remove();
  }

  /** From the History, which a resumed training takes back: a state of its own would be one that another screen lacks. */
  #lines(size: Size): string[] {
    const { loss = [], val_accuracy = [] } = this.model.history?.history ?? {};
    const newest = this.#newest !== null && this.#newest.epoch >= loss.length ? this.#newest : null;
    const run = { loss, val_accuracy };
    return chartLines({ run, newest, baseline: this.#baseline, epochs: this.params.epochs }, size, this.#screen.colour);
  }
}

export interface ChartContent {
  readonly run: Curves;
  readonly newest: Newest | null;
  readonly baseline: Curves | null;
  /** Epochs asked for. */
  readonly epochs: number;
}

/** A title and seven rows; nothing before the run's first number or where the terminal is too small. */
export function chartLines(content: ChartContent, { columns, rows }: Size, colour: boolean): string[] {
  const { run, newest } = content;
  if (rows < LEAST_ROWS || columns < LEAST_COLUMNS || (run.loss.length === 0 && newest === null)) return [];
  // The last column stays free: a terminal may break a line that fills it.
  const room = columns - 1;
  if (columns < BOTH_COLUMNS) return lossHalf(content, room, colour).map((line) => line.trimEnd());
  const width = Math.min(MOST_HALF, Math.floor((room - GAP.length) / 2));
  const left = lossHalf(content, width, colour);
  const right = accuracyHalf(content, width, colour);
  return left.map((line, row) => `${line}${GAP}${right[row]}`.trimEnd());
}

function lossHalf({ run, newest, baseline, epochs }: ChartContent, width: number, colour: boolean): string[] {
  const points = byEpoch(run.loss);
  if (newest !== null) points.push({ x: Math.max(1, newest.epoch + newest.done), y: newest.loss });
  const behind = byEpoch(baseline?.loss ?? []);
  const numbers = finite([...points, ...behind]);
  const highest = Math.max(GUESSING_LOSS, ...numbers);
  const y = widened({ from: Math.min(GUESSING_LOSS, ...numbers), to: Math.min(HIGHEST_LOSS, highest) }, 0.2);
  const x = epochAxis(points, behind, epochs, width);
  const guessing = [x.from, x.to].map((at) => ({ x: at, y: GUESSING_LOSS }));
  const parts = [
    `loss ${shortLoss(last(points))}`,
    ...(baseline === null ? [] : [`baseline · ${shortLoss(last(upTo(behind, points)))}`]),
    `guessing ┈ ${shortLoss(GUESSING_LOSS)}`,
  ];
  const label = (loss: number): string => `${loss === y.to && highest > y.to ? '≥' : ''}${loss.toFixed(2)}`;
  const curves: Curve[] = [
    { points: guessing, stroke: 'dashes', colour: 'aside' },
    { points: behind, stroke: 'dots', colour: 'aside' },
    { points, stroke: 'line', colour: 'run' },
  ];
  return [titleOf(parts, width), ...textPlot(curves, { width, rows: ROWS, x, y, label, labelWidth: LABELS, colour })];
}

function accuracyHalf({ run, newest, baseline, epochs }: ChartContent, width: number, colour: boolean): string[] {
  const shares = newest?.val_accuracy == null ? run.val_accuracy : [...run.val_accuracy, newest.val_accuracy];
  const points = byEpoch(shares.map((share) => share * 100));
  const behind = byEpoch((baseline?.val_accuracy ?? []).map((share) => share * 100));
  const numbers = finite([...points, ...behind]);
  const [low, high] = [Math.floor(Math.min(...numbers)), Math.ceil(Math.max(...numbers))];
  const y = numbers.length === 0 ? null : widened({ from: low, to: high }, 4, 100);
  const x = epochAxis(points, behind, epochs, width);
  const percent = (value: number): string => (Number.isFinite(value) ? `${value.toFixed(1)} %` : String(value));
  const parts = [
    `val_accuracy ${points.length === 0 ? '–' : percent(last(points))}`,
    ...(baseline === null ? [] : [`baseline · ${percent(last(upTo(behind, points)))}`]),
  ];
  const label = (value: number): string => value.toFixed(1);
  const curves: Curve[] = [
    { points: behind, stroke: 'dots', colour: 'aside' },
    { points, stroke: 'line', colour: 'run' },
  ];
  return [titleOf(parts, width), ...textPlot(curves, { width, rows: ROWS, x, y, label, labelWidth: LABELS, colour })];
}

/** `≥4.61`, ` 27.5`. */
const LABELS = 5;

/**
 * A run of few epochs is spread over the whole width from its start; a longer one begins with a column an epoch and is
 * squeezed as it grows.
 */
function epochAxis(points: readonly Point[], behind: readonly Point[], epochs: number, width: number): Range {
  const ends = [points, behind].map((curve) => curve.at(-1)?.x ?? 1);
  return { from: 1, to: Math.max(Math.min(epochs, width - LABELS - 1), ...ends) };
}

function byEpoch(values: readonly number[]): Point[] {
  return values.map((y, i) => ({ x: i + 1, y }));
}

function finite(points: readonly Point[]): number[] {
  return points.map(({ y }) => y).filter(Number.isFinite);
}

function last(points: readonly Point[]): number {
  return points.at(-1)?.y ?? NaN;
}

/** The part of a curve that another one has come to: numbers of the same epoch are compared. */
function upTo(behind: readonly Point[], points: readonly Point[]): readonly Point[] {
  const epoch = Math.ceil(points.at(-1)?.x ?? 1);
  return behind.slice(0, epoch);
}

/** To a least span, so that noise does not fill the frame; within what there can be, from 0 to `most`. */
function widened({ from, to }: Range, span: number, most = Number.POSITIVE_INFINITY): Range {
  const missing = Math.max(0, span - (to - from));
  const low = Math.max(0, Math.min(from - missing / 2, most - span));
  return { from: low, to: Math.max(to, low + span) };
}

/** As many parts as fit. */
function titleOf(parts: readonly string[], width: number): string {
  let title = parts[0].slice(0, width);
  for (const part of parts.slice(1)) {
    if (title.length + GAP.length + part.length > width) break;
    title += GAP + part;
  }
  return title.padEnd(width);
}
