/** The loss after each epoch. */

import { linePanel, type Picture } from '../../src/pictures/index.ts';
import { BASELINE_COLOR, band, epochAxis, series } from './chartLines.ts';
import { lossHeadline, lossTitle } from './chartWords.ts';
import { CLIPPED_LOSS, epochsRun, GUESSING_LOSS, shortLoss } from './facts.ts';
import type { StudyResults } from './results.ts';
import { cellWidth, columnsFor, grid, keyOf, prepare } from './sheet.ts';

/** Loss after each epoch. */
export async function lossByEpoch(results: StudyResults): Promise<Picture> {
  const sheet = prepare(results);
  const { runs, baseline, color } = sheet;
  const all = runs
    .flatMap((run) => [...run.history.loss, ...run.history.val_loss, ...(band(sheet, run, 'val_loss')?.high ?? [])])
    .filter((v) => Number.isFinite(v) && v > 0);
  const low = Math.min(1, ...all.map((value) => value * 0.9));
  // A loss of 1e9 would press all the rest into one line; it is drawn at the top edge and labelled with its number.
  const high = Math.min(100, Math.max(3, ...all.map((value) => value * 1.15)));
  const log = high / low > 5;
  const clipped = runs.some((run) => run.history.val_loss.some((value) => Math.abs(value - CLIPPED_LOSS) < 0.1));
  const levels = [
    { y: GUESSING_LOSS, label: `${shortLoss(GUESSING_LOSS)} guessing` },
    ...(clipped ? [{ y: CLIPPED_LOSS, label: `${shortLoss(CLIPPED_LOSS)} one class only` }] : []),
  ];
  const cells = await Promise.all(
    runs.map(async (run, i) => {
      const { loss, val_loss } = run.history;
      const lines = [
        ...(baseline === null || baseline === run
          ? []
          : [
              series(baseline, baseline.history.val_loss, {
                x: epochAxis(baseline),
                color: BASELINE_COLOR,
                format: shortLoss,
                label: 'baseline',
                thin: true,
              }),
            ]),
        {
          ...series(run, loss, {
            x: epochAxis(run),
            color: color(run),
            format: shortLoss,
            label: 'training',
            thin: true,
          }),
          dashed: true,
        },
        {
          ...series(run, val_loss, { x: epochAxis(run), color: color(run), format: shortLoss, label: 'validation' }),
          band: band(sheet, run, 'val_loss'),
        },
      ];
      return {
        heading: run,
        color: color(run),
        headline: lossHeadline(run),
        svg: await linePanel({
          width: cellWidth(runs.length),
          height: 282,
          lines,
          x: { title: 'epoch', max: Math.max(1, ...[run, baseline ?? run].map(epochsRun)), whole: true },
          y: {
            title: i % columnsFor(runs.length) === 0 ? `loss${log ? ' (log scale)' : ''}` : '',
            min: log ? low : 0,
            max: high,
            log,
            ticks: log
              ? [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100].filter((t) => t >= low && t <= high)
              : undefined,
          },
          levels,
          empty: val_loss.some(Number.isFinite) ? undefined : 'no number: NaN',
        }),
      };
    }),
  );
  return grid(lossTitle(sheet), `Cross-entropy. ${keyOf(sheet, { controls: false })}`, cells, 282, results);
}
