/**
 * The study's pictures. One idea for all: a small chart a run, with the baseline in grey behind it, so that each chart
 * asks one question and nobody has to match six colours to a legend. The headings come from the numbers.
 */
import { join } from 'node:path';
import { rasterize } from '#raster';
import { PALETTE } from '../../src/pictures/palette.ts';
import { barPanel, LABEL_SIZE, type Line, linePanel, logTicks } from '../../src/pictures/panel.ts';
import { page, paragraph, place } from '../../src/pictures/svgSheet.ts';
import { text } from '../../src/pictures/svgText.ts';
import {
  baselineOf,
  best,
  CLASSES,
  CLIPPED_LOSS,
  count,
  elapsedSeconds,
  epochsRun,
  GUESSING_LOSS,
  last,
  percent,
  rateDrops,
  scheduledRun,
  shortLoss,
  shortRate,
} from './facts.ts';
import { judgeStudy } from './judgeStudy.ts';
import { writeFile } from './resultFiles.ts';
import type { RunResult, StudyResults } from './results.ts';
import type { Verdict } from './verdict.ts';

/** Units of a sheet; its PNG has `ZOOM` pixels to a unit. */
export const SHEET_WIDTH = 1200;
/** Sharp on a dense screen, and still readable at half the size. */
export const ZOOM = 2;

const MARGIN = 24;
const BASELINE_COLOR = '#777777';
const BASELINE_OWN = '#222222';

interface Sheet {
  runs: readonly RunResult[];
  baseline: RunResult | null;
  color: (run: RunResult) => string;
  /** The whole study in a sentence. */
  headline: string;
  verdict: (run: RunResult) => Verdict;
}

/** Draws every chart and writes the PNGs into `folder`. Returns their paths. */
export async function writeCharts(folder: string, results: StudyResults): Promise<string[]> {
  const charts = {
    'accuracy-by-epoch': accuracyByEpoch,
    'accuracy-by-time': accuracyByTime,
    loss: lossByEpoch,
    'learning-rate': learningRate,
    overview,
  };
  const paths: string[] = [];
  for (const [name, draw] of Object.entries(charts)) {
    const path = join(folder, `${name}.png`);
    await writeFile(path, await rasterize(await draw(results), ZOOM));
    paths.push(path);
  }
  return paths;
}

/** Accuracy after each epoch, as an SVG document. */
export async function accuracyByEpoch(results: StudyResults): Promise<string> {
  const sheet = prepare(results);
  const cells = await accuracyCells(sheet, 'epoch', 282);
  return grid(sheet.headline, accuracyKey(sheet), cells, 282, results);
}

/** Accuracy against the seconds of training, as an SVG document. */
export async function accuracyByTime(results: StudyResults): Promise<string> {
  const sheet = prepare(results);
  const cells = await accuracyCells(sheet, 'seconds', 282);
  return grid(timeTitle(sheet), accuracyKey(sheet), cells, 282, results);
}

/** Loss after each epoch, as an SVG document. */
export async function lossByEpoch(results: StudyResults): Promise<string> {
  const sheet = prepare(results);
  const { runs, baseline, color } = sheet;
  const all = runs
    .flatMap((run) => [...run.history.loss, ...run.history.val_loss])
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
        series(run, val_loss, { x: epochAxis(run), color: color(run), format: shortLoss, label: 'validation' }),
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
  const key = `Cross-entropy. Solid: validation, dashed: training${runs.length > 1 && baseline ? ', grey: the baseline’s validation' : ''}; dots lead from a line’s end to its label.`;
  return grid(lossTitle(sheet), key, cells, 282, results);
}

/** The learning rate and, under it, the validation accuracy, as an SVG document. */
export async function learningRate(results: StudyResults): Promise<string> {
  const sheet = prepare(results);
  const { runs, color } = sheet;
  const run = scheduledRun(runs);
  if (run === null) return grid('No run', '', [], 282, results);
  const width = SHEET_WIDTH - 2 * MARGIN;
  const heights = { rate: 250, accuracy: 350 };
  const title = titled(`${run.name}: ${sheet.verdict(run).headline}`, results);
  const titleLines = paragraph(MARGIN, 42, title, width, {
    size: 26,
    bold: true,
  });
  const detail = paragraph(MARGIN, titleLines.nextY - 6, sheet.verdict(run).sentence, width, {
    size: 16,
    color: '#444444',
  });
  const { rate, accuracy } = await schedulePanels(run, color(run), width, heights);
  const top = detail.nextY + 30;
  const middle = top + heights.rate + 20;
  const height = middle + heights.accuracy + 34;
  const label = { size: 16, bold: true, color: color(run) };
  return page(SHEET_WIDTH, height, [
    titleLines.svg,
    detail.svg,
    text(MARGIN, top - 8, 'Learning rate (log scale)', label),
    place(MARGIN, top, rate),
    text(MARGIN, middle - 8, 'Accuracy (%)', label),
    place(MARGIN, middle, accuracy),
    footer(results, height),
  ]);
}

/** The whole study on one sheet, as an SVG document. */
export async function overview(results: StudyResults): Promise<string> {
  const sheet = prepare(results);
  const { runs, color } = sheet;
  const cells = await accuracyCells(sheet, 'epoch', 262);
  const [top, height, parts] = gridParts(titled(sheet.headline, results), accuracyKey(sheet), cells, 262);
  const barsHeight = 74 + 30 * Math.max(4, runs.length);
  const scheduled = scheduledRun(runs);
  const ends = runs.map((run) => ({
    name: run.name,
    value: last(run.history.val_accuracy) * 100,
    label: percent(last(run.history.val_accuracy)),
    color: color(run),
  }));
  const times = runs.map((run) => ({
    name: run.name,
    value: run.secondsPerEpoch,
    label: Number.isFinite(run.secondsPerEpoch) ? `${Number(run.secondsPerEpoch.toPrecision(3))} s` : 'NaN',
    color: color(run),
  }));
  const y = top + height;
  const bars = await Promise.all([
    barPanel({
      width: 460,
      height: barsHeight,
      bars: ends,
      title: 'validation accuracy at the end (%)',
      max: Math.max(10, ...ends.map((bar) => bar.value).filter(Number.isFinite)) * 1.05,
      named: true,
    }),
    barPanel({
      width: 300,
      height: barsHeight,
      bars: times,
      title: 'seconds of training an epoch',
      max: Math.max(...times.map((bar) => bar.value).filter(Number.isFinite), 1e-3) * 1.05,
      named: false,
    }),
  ]);
  const rateX = 820;
  const rateWidth = SHEET_WIDTH - MARGIN - rateX;
  const rate =
    scheduled === null
      ? ''
      : await ratePanel(scheduled, color(scheduled), rateWidth, barsHeight, {
          right: 70,
          title: 'epoch',
          mostNotes: 0,
        });
  const sheetHeight = y + 34 + barsHeight + 34;
  return page(SHEET_WIDTH, sheetHeight, [
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

interface Cell {
  heading: RunResult;
  color: string;
  headline: string;
  svg: string;
}

function prepare({ runs, validationImages = Number.NaN }: StudyResults): Sheet {
  const baseline = baselineOf(runs);
  const { verdicts, headline } = judgeStudy(runs, validationImages);
  const others = runs.filter((run) => run !== baseline);
  return {
    runs,
    baseline,
    color: (run) => (run === baseline ? BASELINE_OWN : PALETTE[others.indexOf(run) % PALETTE.length]),
    headline,
    verdict: (run) => verdicts[runs.indexOf(run)],
  };
}

/** Three to a row, or fewer and wider if there are no more. */
function columnsFor(cells: number): number {
  return Math.max(1, Math.min(3, cells));
}

function cellWidth(cells: number): number {
  return (SHEET_WIDTH - 2 * MARGIN) / columnsFor(cells);
}

async function accuracyCells(sheet: Sheet, axis: 'epoch' | 'seconds', height: number): Promise<Cell[]> {
  const { runs, baseline, color } = sheet;
  const xOf = axis === 'epoch' ? epochAxis : elapsedSeconds;
  const values = runs.flatMap((run) => [...run.history.accuracy, ...run.history.val_accuracy]).filter(Number.isFinite);
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
        series(run, shares(val_accuracy), { x: xOf(run), color: color(run), format: points, label: 'validation' }),
      ];
      const xs = [run, baseline ?? run].map((one) => last(xOf(one))).filter((x) => Number.isFinite(x) && x > 0);
      return {
        heading: run,
        color: color(run),
        headline: axis === 'epoch' ? sheet.verdict(run).headline : timeHeadline(run, baseline),
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
          marks: axis === 'epoch' ? rateDrops(run.history).map((drop) => drop.after) : [],
        }),
      };
    }),
  );
}

/** A run's list as a line that ends in its last number. */
function series(
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
  };
}

async function schedulePanels(
  run: RunResult,
  color: string,
  width: number,
  heights: { rate: number; accuracy: number },
): Promise<{ rate: string; accuracy: string }> {
  const { accuracy, val_accuracy } = run.history;
  const drops = rateDrops(run.history);
  const values = [...accuracy, ...val_accuracy].filter(Number.isFinite);
  // Not from 0: the steps after a drop are a point or two, and this chart is about them.
  const low = Math.max(0, Math.floor(Math.min(...values, 1) * 10) * 10);
  const high = Math.min(100, Math.ceil(Math.max(...values, 0.2) * 10) * 10);
  return {
    rate: await ratePanel(run, color, width, heights.rate, { right: 136, title: '', mostNotes: 14 }),
    accuracy: await linePanel({
      width,
      height: heights.accuracy,
      right: 136,
      lines: [
        {
          ...series(run, shares(accuracy), {
            x: epochAxis(run),
            color,
            format: points,
            label: 'training',
            thin: true,
          }),
          dashed: true,
        },
        series(run, shares(val_accuracy), { x: epochAxis(run), color, format: points, label: 'validation' }),
      ],
      x: { title: 'epoch (dashed uprights: the rate fell)', max: Math.max(1, epochsRun(run)), whole: true },
      y: { title: '', min: values.length === 0 ? 0 : low, max: high },
      marks: drops.map((drop) => drop.after),
    }),
  };
}

async function ratePanel(
  run: RunResult,
  color: string,
  width: number,
  height: number,
  options: { right: number; title: string; mostNotes: number },
): Promise<string> {
  const rates = run.history.learning_rate.filter((rate) => rate > 0 && Number.isFinite(rate));
  const [low, high] = [Math.min(...rates, run.learningRate), Math.max(...rates, run.learningRate)];
  const drops = rateDrops(run.history);
  return await linePanel({
    width,
    height,
    right: options.right,
    steps: true,
    lines: [
      {
        // A step holds from the end of one epoch to the end of the next, the first from 0.
        x: [0, ...epochAxis(run)],
        y: [run.history.learning_rate[0] ?? NaN, ...run.history.learning_rate],
        color,
        label: shortRate(last(rates)),
      },
    ],
    x: { title: options.title, max: Math.max(1, epochsRun(run)), whole: true },
    y: { title: '', min: low / 2, max: high * 2, log: true, ticks: logTicks(low / 2, high * 2) },
    marks: drops.map((drop) => drop.after),
    notes: drops
      .slice(0, options.mostNotes)
      // The last new rate is at the end of the line already.
      .filter((drop) => drop !== drops.at(-1))
      .map((drop) => ({ x: drop.after, y: drop.to, label: shortRate(drop.to), color })),
  });
}

function grid(title: string, key: string, cells: readonly Cell[], cellHeight: number, results: StudyResults): string {
  const [top, height, parts] = gridParts(titled(title, results), key, cells, cellHeight);
  const total = top + height + 34;
  return page(SHEET_WIDTH, total, [...parts, footer(results, total)]);
}

/** Title, key and cells in rows of three; the y where the cells begin, their height, and the parts. */
function gridParts(
  title: string,
  key: string,
  cells: readonly Cell[],
  cellHeight: number,
): [top: number, height: number, parts: string[]] {
  const width = SHEET_WIDTH - 2 * MARGIN;
  const heading = paragraph(MARGIN, 42, title, width, { size: 26, bold: true });
  const keyLine = paragraph(MARGIN, heading.nextY - 6, key, width, { size: 16, color: '#444444' });
  const top = keyLine.nextY + 10;
  const rowHeight = cellHeight + 60;
  const columns = columnsFor(cells.length);
  const columnWidth = cellWidth(cells.length);
  const parts = cells.map((cell, i) => {
    const x = MARGIN + (i % columns) * columnWidth;
    const y = top + Math.floor(i / columns) * rowHeight;
    const run = cell.heading;
    const settings = `rate ${shortRate(run.learningRate)}, batch ${run.batchSize}`;
    const headline = paragraph(x, y + 36, cell.headline, columnWidth - 16, { size: 15, color: '#333333' });
    return (
      text(x, y + 16, run.name, { size: 18, bold: true, color: cell.color }) +
      text(x + columnWidth - 20, y + 16, settings, { size: LABEL_SIZE, color: '#666666', anchor: 'end' }) +
      headline.svg +
      place(x, y + 50, cell.svg)
    );
  });
  return [top, Math.ceil(cells.length / columns) * rowHeight, [heading.svg, keyLine.svg, ...parts]];
}

/** Figures from drawn images must not be taken for CIFAR-10's. */
function titled(title: string, { data }: StudyResults): string {
  return data.startsWith('CIFAR-10') ? title : `On ${data.split(',')[0]}: ${title}`;
}

function footer(results: StudyResults, height: number): string {
  const adapter = `${results.adapter}${results.software ? ' (software)' : ''}`;
  const line = `${results.data} · preset ${results.preset} · seed ${results.seed} · ${adapter}`;
  return text(MARGIN, height - 12, line, { size: 13, color: '#777777' });
}

function accuracyKey({ runs, baseline }: Sheet): string {
  const grey = runs.length > 1 && baseline !== null ? ', grey: the baseline’s validation' : '';
  return `Solid: validation, dashed: training${grey}; dots lead from a line’s end to its label.`;
}

function timeTitle(sheet: Sheet): string {
  const { runs, baseline } = sheet;
  if (baseline === null || runs.length === 1) return sheet.headline;
  const others = runs.filter((run) => run !== baseline);
  const reached = others
    .map((run) => ({ run, share: timeToMatch(run, baseline) / last(elapsedSeconds(baseline)) }))
    .filter(({ share }) => Number.isFinite(share))
    .sort((a, b) => a.share - b.share);
  const goal = percent(last(baseline.history.val_accuracy));
  const [first] = reached;
  if (first === undefined) return `No other run reaches the baseline’s ${goal}, however long it took`;
  return `${first.run.name} reaches the baseline’s ${goal} in ${first.share.toFixed(2)}× the time`;
}

function timeHeadline(run: RunResult, baseline: RunResult | null): string {
  const total = last(elapsedSeconds(run));
  const spent = `${count(epochsRun(run), 'epoch')} in ${seconds(total)}`;
  if (baseline === null || baseline === run) return spent;
  const reached = timeToMatch(run, baseline);
  return Number.isFinite(reached)
    ? `${spent}; the baseline’s final level after ${seconds(reached)}`
    : `${spent}; never at the baseline’s final level`;
}

/** Seconds until the run's validation accuracy first was what the baseline's was in the end; NaN if never. */
function timeToMatch(run: RunResult, baseline: RunResult): number {
  const goal = last(baseline.history.val_accuracy);
  const epoch = run.history.val_accuracy.findIndex((value) => value >= goal);
  return epoch === -1 ? NaN : elapsedSeconds(run)[epoch];
}

function lossTitle(sheet: Sheet): string {
  const { runs } = sheet;
  const bad = runs.filter((run) => sheet.verdict(run).verdict === 'diverged');
  if (bad.length === 0) {
    const ends = runs.map((run) => -last(run.history.val_loss));
    const lowest = best(ends);
    if (lowest.epoch === 0) return 'No run has a finite validation loss at its end';
    return `${runs[lowest.epoch - 1].name} ends with the lowest validation loss, ${shortLoss(-lowest.value)} (guessing is ${shortLoss(GUESSING_LOSS)})`;
  }
  return bad.map((run) => `${run.name} diverged: ${lossHeadline(run)}`).join('; ');
}

function lossHeadline(run: RunResult): string {
  const { loss, val_loss } = run.history;
  const broken = loss.findIndex((value) => !Number.isFinite(value));
  if (broken !== -1) return `loss is NaN from epoch ${broken + 1}`;
  if (loss.length === 0) return 'no epoch finished';
  const end = Number.isFinite(last(val_loss)) ? last(val_loss) : last(loss);
  const relation = end < GUESSING_LOSS - 0.05 ? 'below' : end > GUESSING_LOSS + 0.05 ? 'above' : 'at';
  const peak = Math.max(...loss.filter(Number.isFinite), ...val_loss.filter(Number.isFinite));
  const high = peak > GUESSING_LOSS * 1.2 && peak > end * 1.05 ? `peaks at ${shortLoss(peak)}, ` : '';
  return `${high}ends at ${shortLoss(end)}, ${relation} guessing`;
}

function epochAxis(run: RunResult): number[] {
  return run.history.loss.map((_, i) => i + 1);
}

function shares(values: readonly number[]): number[] {
  return values.map((value) => value * 100);
}

function points(value: number): string {
  return `${value.toFixed(1)} %`;
}

function seconds(value: number): string {
  if (!Number.isFinite(value)) return 'unknown time';
  return value < 120 ? `${Number(value.toPrecision(3))} s` : `${(value / 60).toFixed(1)} min`;
}
