/** Accuracy, by epoch and by time: a small chart a run with the baseline in grey behind it. */

import { type Line, linePanel, type Picture } from '../../src/pictures/index.ts';
import { BASELINE_COLOR, band, controlLines, epochAxis, inPercent, points, series, shares } from './chartLines.ts';
import { timeHeadline, timeTitle } from './chartWords.ts';
import { CLASSES, elapsedSeconds, last, percent, rateDrops } from './facts.ts';
import type { StudyResults } from './results.ts';
import { type Cell, cellWidth, columnsFor, grid, keyOf, prepare, type Sheet } from './sheet.ts';

/** Accuracy after each epoch. */
export async function accuracyByEpoch(results: StudyResults): Promise<Picture> {
  const sheet = prepare(results);
  const cells = await accuracyCells(sheet, 'epoch', 282);
  return grid(sheet.headline, keyOf(sheet, { controls: true }), cells, 282, results);
}

/** Accuracy against the seconds of training. */
export async function accuracyByTime(results: StudyResults): Promise<Picture> {
  const sheet = prepare(results);
  const cells = await accuracyCells(sheet, 'seconds', 282);
  return grid(timeTitle(sheet), keyOf(sheet, { controls: false }), cells, 282, results);
}

export async function accuracyCells(sheet: Sheet, axis: 'epoch' | 'seconds', height: number): Promise<Cell[]> {
  const { runs, baseline, color } = sheet;
  const xOf = axis === 'epoch' ? epochAxis : elapsedSeconds;
  const values = runs
    .flatMap((run) => [
      ...run.history.accuracy,
      ...run.history.val_accuracy,
      ...(band(sheet, run, 'val_accuracy')?.high ?? []),
    ])
    .filter(Number.isFinite);
  const top = Math.min(1, Math.ceil(Math.max(0.2, ...values) * 10 + 0.2) / 10);
  return await Promise.all(
    runs.map(async (run, i) => {
      const { accuracy, val_accuracy } = run.history;
      const lines: Line[] = [
        ...(baseline === null || baseline === run
          ? []
          : [
              series(baseline, shares(baseline.history.val_accuracy), {
                x: xOf(baseline),
                color: BASELINE_COLOR,
                format: points,
                label: 'baseline',
                thin: true,
              }),
            ]),
        {
          ...series(run, shares(accuracy), {
            x: xOf(run),
            color: color(run),
            format: points,
            label: 'training',
            thin: true,
          }),
          dashed: true,
        },
        {
          ...series(run, shares(val_accuracy), { x: xOf(run), color: color(run), format: points, label: 'validation' }),
          band: inPercent(band(sheet, run, 'val_accuracy')),
        },
        ...(axis === 'epoch' ? controlLines(run, color(run)) : []),
      ];
      const xs = [run, baseline ?? run].map((one) => last(xOf(one))).filter((x) => Number.isFinite(x) && x > 0);
      return {
        heading: run,
        color: color(run),
        headline: axis === 'epoch' ? sheet.verdict(run).headline : timeHeadline(run, sheet),
        svg: await linePanel({
          width: cellWidth(runs.length),
          height,
          lines,
          x: {
            title: axis === 'epoch' ? 'epoch' : 'seconds of training',
            max: xs.length === 0 ? 1 : Math.max(...xs),
            whole: axis === 'epoch',
          },
          y: { title: i % columnsFor(runs.length) === 0 ? 'accuracy (%)' : '', min: 0, max: top * 100 },
          empty: val_accuracy.some(Number.isFinite) ? undefined : 'no number: NaN',
          levels: [{ y: 100 / CLASSES, label: `${percent(1 / CLASSES)} guessing` }],
          // With several seeds it falls at several places.
          marks: axis === 'epoch' && sheet.seeds.length === 1 ? rateDrops(run.history).map((drop) => drop.after) : [],
        }),
      };
    }),
  );
}
