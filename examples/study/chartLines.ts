/** What a run's chart draws: its curves, those of its controls, the range of its seeds. */

import type { Line, Note } from '../../src/pictures/index.ts';
import { epochsAt } from './epochs.ts';
import { last } from './facts.ts';
import type { RunHistory, RunResult } from './results.ts';
import { rangeOf } from './seeds.ts';
import type { Sheet } from './sheet.ts';

export const BASELINE_COLOR = '#777777';

/** Between which values the seeds of a run lie; undefined where there is one. */
export function band(sheet: Sheet, run: RunResult, key: keyof RunHistory): Line['band'] {
  return rangeOf(sheet.trained(run), key) ?? undefined;
}

/** A run's list as a line that ends in its last number. */
export function series(
  run: RunResult,
  values: readonly number[],
  style: { x: readonly number[]; color: string; format: (value: number) => string; label: string; thin?: boolean },
): Line {
  const { x, color, format, label, thin = false } = style;
  const end = values.filter(Number.isFinite).at(-1);
  const broke = end !== undefined && !Number.isFinite(last(values));
  return {
    x,
    y: values,
    color,
    thin,
    label: end === undefined ? undefined : `${format(end)}${broke ? ', then NaN' : ` ${label}`}`,
    brokenAt: thin ? undefined : run.divergence?.epoch,
    open: !thin && Boolean(run.interrupted),
  };
}

/** What the controls came to: each from the run's own point at a fall of the rate on. */
export function controlLines(run: RunResult, color: string): Line[] {
  return (run.controls ?? []).map(({ after, history }) => ({
    x: [after, ...history.val_accuracy.map((_, i) => after + i + 1)],
    y: shares([run.history.val_accuracy[after - 1], ...history.val_accuracy]),
    color,
    thin: true,
    dotted: true,
  }));
}

/** The first control says what it is, where there is room. */
export function controlNotes(run: RunResult, color: string): Note[] {
  const [first] = controlLines(run, color);
  const y = first?.y.at(-1) ?? Number.NaN;
  return Number.isFinite(y) ? [{ x: last(first.x), y, label: 'at the old rate', color }] : [];
}

export function epochAxis(run: RunResult): number[] {
  return epochsAt(run);
}

export function shares(values: readonly number[]): number[] {
  return values.map((value) => value * 100);
}

export function inPercent(range: Line['band']): Line['band'] {
  return range && { low: shares(range.low), high: shares(range.high) };
}

export function points(value: number): string {
  return `${value.toFixed(1)} %`;
}
