/** Runs as files: a table for a spreadsheet, and all that is known of them as JSON. Pure. */

import { outcomesOf } from './repeats.ts';
import type { Run } from './run.ts';

/** One row an epoch and training, with what the run was made with. */
export function runsCsv(runs: readonly Run[]): string {
  const settings = [...new Set(runs.flatMap(({ plan }) => Object.keys(plan)))];
  const head = ['run', 'state', 'data', ...settings.map((key) => `set ${key}`), ...EPOCH_COLUMNS];
  const rows = runs.flatMap((run) =>
    outcomesOf(run).flatMap(({ epochs, validation }, place) => {
      const plan = new Map<string, unknown>(Object.entries({ ...run.plan, seed: run.plan.seed + place }));
      const own = [run.name, run.state, run.data, ...settings.map((key) => plan.get(key) ?? '')];
      return validation.epoch.map((epoch, i) => [
        ...own,
        Math.round(epoch),
        validation.step[i],
        validation.seconds[i],
        epochs.learning_rate[i],
        epochs.loss[i],
        epochs.accuracy[i],
        validation.loss[i],
        validation.accuracy[i],
      ]);
    }),
  );
  return [head, ...rows].map((row) => `${row.map(field).join(',')}\r\n`).join('');
}

const EPOCH_COLUMNS = ['epoch', 'step', 'seconds', 'learning_rate', 'loss', 'accuracy', 'val_loss', 'val_accuracy'];

/** As RFC 4180 has it. A spreadsheet must not take a run's name for a formula. */
function field(value: unknown): string {
  if (typeof value === 'number') return String(value);
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value);
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}

const FORMAT = 'wgrad runs';
const VERSION = 1;

/** All that is known of the runs, but for pictures of their networks. NaN and infinity are strings: JSON has no such numbers. */
export function runsJson(runs: readonly Run[]): string {
  const plain = runs.map(({ exhibits: _, ...run }) => run);
  return JSON.stringify({ format: FORMAT, version: VERSION, runs: plain }, (_, value: unknown) =>
    typeof value === 'number' && !Number.isFinite(value) ? String(value) : value,
  );
}
