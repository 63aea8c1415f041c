/** The pieces of text that a progress line is made of. */

import { printable } from '../../base/printable.ts';
import type { Logs } from '../callback.ts';

/** A number in a few digits: `0.001`, `1e-6`, `14.4`. */
export function compact(value: number, digits = 3): string {
  const rounded = Number(value.toPrecision(digits));
  return rounded !== 0 && Math.abs(rounded) < 1e-4 ? rounded.toExponential() : String(rounded);
}

/** `loss: 1.2345`, as Keras prints it; tiny values and zero in scientific notation, the learning rate as short as it gets. */
export function metricText(name: string, value: number): string {
  const key = printable(name);
  if (key === 'learning_rate') return `${key}: ${compact(value, 4)}`;
  if (!Number.isFinite(value)) return `${key}: ${Number.isNaN(value) ? 'nan' : value > 0 ? 'inf' : '-inf'}`;
  if (Math.abs(value) > 1e-3) return `${key}: ${value.toFixed(4)}`;
  return `${key}: ${value.toExponential(4).replace(/e([+-])(\d)$/, 'e$10$2')}`;
}

/** All metrics, the learning rate last. */
export function metricTexts(logs: Logs): string[] {
  const last = (key: string) => Number(key === 'learning_rate');
  return Object.keys(logs)
    .sort((a, b) => last(a) - last(b))
    .map((key) => metricText(key, logs[key]));
}

/** `0.42s`, `7.3s`, `42s`, `3:07` or `1:02:03`. */
export function durationText(seconds: number): string {
  if (seconds < 1) return `${seconds.toFixed(2)}s`;
  if (seconds < 10) return `${seconds.toFixed(1)}s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole}s`;
  const two = (value: number) => String(value).padStart(2, '0');
  const hours = Math.floor(whole / 3600);
  const minutes = Math.floor(whole / 60) % 60;
  return hours > 0 ? `${hours}:${two(minutes)}:${two(whole % 60)}` : `${minutes}:${two(whole % 60)}`;
}

/** `1234 images/s`, with three digits where there are fewer. */
export function rateText(samples: number, seconds: number, what: string): string {
  if (!(seconds > 0)) return `- ${what}/s`;
  const rate = samples / seconds;
  return `${rate >= 100 ? Math.round(rate) : Number(rate.toPrecision(3))} ${what}/s`;
}

/** `118/313 [=====>.......]`. */
export function barText(done: number, total: number, width = 20): string {
  const filled = Math.min(width, Math.floor((width * done) / total));
  const bar = filled < width ? `${'='.repeat(filled)}>${'.'.repeat(width - filled - 1)}` : '='.repeat(width);
  return `${String(done).padStart(String(total).length)}/${total} [${bar}]`;
}

/** Columns of a line that is redrawn: one fewer than the terminal has, or than 80 where it does not know or says 0. */
export const lineWidth = ({ columns }: { readonly columns?: number }): number => (columns || 80) - 1;

/** Joins what fits into `columns`, dropping whole parts from the end: a line that wraps cannot be redrawn. */
export function fitLine(parts: readonly string[], columns: number): string {
  let line = parts[0].slice(0, columns);
  for (const part of parts.slice(1)) {
    if (line.length + 3 + part.length > columns) break;
    line += ` - ${part}`;
  }
  return line;
}

/** Where the bar is drawn; `process.stdout` is one. */
export interface ProgressStream {
  /** Takes any text, control sequences of terminals included. */
  write(text: string): unknown;
  /** Whether it is a terminal, on which a line may be drawn over. */
  readonly isTTY?: boolean;
  /** Width of the terminal. */
  readonly columns?: number;
}
