/** The whole study on one sheet. */

import { barPanel, Picture, place, text } from '../../src/pictures/index.ts';
import { accuracyCells } from './accuracyCharts.ts';
import { settled } from './epochs.ts';
import { epochRange } from './epochTimes.ts';
import { last, scheduledRun, trainingsOf } from './facts.ts';
import { ratePanel } from './rateChart.ts';
import type { StudyResults } from './results.ts';
import { rangeOf } from './seeds.ts';
import { footer, gridParts, keyOf, MARGIN, prepare, SHEET_WIDTH, titled } from './sheet.ts';

/** The whole study on one sheet. */
export async function overview(results: StudyResults): Promise<Picture> {
  const sheet = prepare(results);
  const { runs, color } = sheet;
  const cells = await accuracyCells(sheet, 'epoch', 262);
  const [top, height, parts] = gridParts(titled(sheet.headline, results), keyOf(sheet, { controls: true }), cells, 262);
  const barsHeight = 74 + 30 * Math.max(4, runs.length);
  const scheduled = scheduledRun(runs);
  const several = sheet.seeds.length > 1;
  const ends = runs.map((run) => {
    const value = last(settled(run).history.val_accuracy);
    const range = rangeOf(sheet.trained(run), 'val_accuracy');
    return {
      name: run.name,
      value: value * 100,
      label: sheet.end(run),
      color: color(run),
      ...(range !== null && Number.isFinite(value) && { low: last(range.low) * 100, high: last(range.high) * 100 }),
    };
  });
  const times = runs.map((run) => ({
    name: run.name,
    value: run.secondsPerEpoch,
    label: Number.isFinite(run.secondsPerEpoch) ? `${Number(run.secondsPerEpoch.toPrecision(3))} s` : 'NaN',
    color: color(run),
    ...epochRange(trainingsOf(sheet.trained(run))),
  }));
  const y = top + height;
  const bars = await Promise.all([
    barPanel({
      width: 460,
      height: barsHeight,
      bars: ends,
      title: `validation accuracy at the end (%)${several ? ', lowest to highest seed' : ''}`,
      max: Math.max(10, ...ends.map((bar) => bar.high ?? bar.value).filter(Number.isFinite)) * 1.05,
      named: true,
      right: 96,
    }),
    barPanel({
      width: 300,
      height: barsHeight,
      bars: times,
      title: 'seconds of training (bar: median)',
      max: Math.max(...times.map((bar) => bar.high ?? bar.value).filter(Number.isFinite), 1e-3) * 1.05,
      named: false,
    }),
  ]);
  const rateX = 820;
  const rateWidth = SHEET_WIDTH - MARGIN - rateX;
  const rate =
    scheduled === null
      ? ''
      : await ratePanel(sheet.trained(scheduled), color(scheduled), rateWidth, barsHeight, {
          right: 70,
          title: several ? `epoch (seed ${sheet.seeds[0]})` : 'epoch',
          mostNotes: 0,
        });
  const sheetHeight = y + 34 + barsHeight + 34;
  return new Picture(SHEET_WIDTH, sheetHeight, [
    ...parts,
    text(MARGIN, y + 24, runs.length === 1 ? 'Where it ends' : 'Where they end', { size: 18, bold: true }),
    text(MARGIN + 460, y + 24, 'What an epoch takes', { size: 18, bold: true }),
    ...(scheduled === null
      ? []
      : [
          text(rateX, y + 24, `Learning rate of ${scheduled.name} (log)`, {
            size: 18,
            bold: true,
            color: color(scheduled),
          }),
        ]),
    place(MARGIN, y + 34, bars[0]),
    place(MARGIN + 460, y + 34, bars[1]),
    rate === '' ? '' : place(rateX, y + 34, rate),
    footer(results, sheetHeight),
  ]);
}
