/**
 * The study's pictures. One idea for all: a small chart a run, with the baseline in grey behind it, so that each chart
 * asks one question and nobody has to match six colours to a legend. The headings come from the numbers.
 */
import { join } from 'node:path';
import {
  barPanel,
  type Line,
  linePanel,
  type Note,
  PALETTE,
  Picture,
  paragraph,
  place,
  text,
} from '../../src/pictures/index.ts';
import { epochsAt, settled, trainedText } from './epochs.ts';
import { epochRange, fastest } from './epochTimes.ts';
import {
  baselineOf,
  best,
  CLASSES,
  CLIPPED_LOSS,
  elapsedSeconds,
  epochsRun,
  GUESSING_LOSS,
  last,
  percent,
  rateDrops,
  scheduledRun,
  shortLoss,
  shortRate,
  trainingsOf,
  wholeEpochs,
} from './facts.ts';
import { writeFile } from './files.ts';
import { judgeStudy } from './judgeStudy.ts';
import type { RunHistory, RunResult, StudyResults } from './results.ts';
import { averaged, rangeOf, seedsOf, seedsText } from './seeds.ts';
import type { Verdict } from './verdict.ts';

/** Units of a sheet; its PNG has `ZOOM` pixels to a unit. */
export const SHEET_WIDTH = 1200;
/** Sharp on a dense screen, and still readable at half the size. */
export const ZOOM = 2;

const MARGIN = 24;
const BASELINE_COLOR = '#777777';
const BASELINE_OWN = '#222222';

interface Sheet {
  /** Means over the seeds. */
  runs: readonly RunResult[];
  /** As they were trained, each with its seeds. */
  trained: (run: RunResult) => RunResult;
  seeds: readonly number[];
  baseline: RunResult | null;
  color: (run: RunResult) => string;
  /** The whole study in a sentence. */
  headline: string;
  verdict: (run: RunResult) => Verdict;
  /** What it ends with, and its error. */
  end: (run: RunResult) => string;
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
    const picture = await draw(results);
    await writeFile(path, await picture.png({ zoom: ZOOM }));
    paths.push(path);
  }
  return paths;
}

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

/** The learning rate and, under it, the validation accuracy. */
export async function learningRate(results: StudyResults): Promise<Picture> {
  const sheet = prepare(results);
  const { runs, color, seeds } = sheet;
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
  // Rates of different seeds fall at different epochs, so one of them is shown.
  const { rate, accuracy } = await schedulePanels(sheet.trained(run), color(run), width, heights);
  const whose = seeds.length > 1 ? ` with seed ${seeds[0]}` : '';
  const top = detail.nextY + 30;
  const middle = top + heights.rate + 20;
  const height = middle + heights.accuracy + 34;
  const label = { size: 16, bold: true, color: color(run) };
  return new Picture(SHEET_WIDTH, height, [
    titleLines.svg,
    detail.svg,
    text(MARGIN, top - 8, `Learning rate${whose} (log scale)`, label),
    place(MARGIN, top, rate),
    text(MARGIN, middle - 8, `Accuracy${whose} (%)`, label),
    place(MARGIN, middle, accuracy),
    footer(results, height),
  ]);
}

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

interface Cell {
  heading: RunResult;
  color: string;
  headline: string;
  svg: string;
}

function prepare({ runs: trained, seed, validationImages = Number.NaN }: StudyResults): Sheet {
  const { verdicts, ends, headline } = judgeStudy(trained, validationImages);
  const runs = trained.map(averaged);
  const baseline = baselineOf(runs);
  const others = runs.filter((run) => run !== baseline);
  return {
    runs,
    trained: (run) => trained[runs.indexOf(run)],
    seeds: seedsOf(trained, seed),
    baseline,
    color: (run) => (run === baseline ? BASELINE_OWN : PALETTE[others.indexOf(run) % PALETTE.length]),
    headline,
    verdict: (run) => verdicts[runs.indexOf(run)],
    end: (run) => ends[runs.indexOf(run)],
  };
}

/** Between which values the seeds of a run lie; undefined where there is one. */
function band(sheet: Sheet, run: RunResult, key: keyof RunHistory): Line['band'] {
  return rangeOf(sheet.trained(run), key) ?? undefined;
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
          notes: axis === 'epoch' ? controlNotes(run, color(run)) : [],
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
    open: !thin && Boolean(run.interrupted),
  };
}

/** What the controls came to: each from the run's own point at a fall of the rate on. */
function controlLines(run: RunResult, color: string): Line[] {
  return (run.controls ?? []).map(({ after, history }) => ({
    x: [after, ...history.val_accuracy.map((_, i) => after + i + 1)],
    y: shares([run.history.val_accuracy[after - 1], ...history.val_accuracy]),
    color,
    thin: true,
    dotted: true,
  }));
}

/** The first control says what it is. */
function controlNotes(run: RunResult, color: string): Note[] {
  const [first] = controlLines(run, color);
  const y = first?.y.at(-1) ?? Number.NaN;
  return Number.isFinite(y) ? [{ x: last(first.x), y, label: 'at the old rate', color }] : [];
}

async function schedulePanels(
  run: RunResult,
  color: string,
  width: number,
  heights: { rate: number; accuracy: number },
): Promise<{ rate: string; accuracy: string }> {
  const { accuracy, val_accuracy } = run.history;
  const drops = rateDrops(run.history);
  const controlled = controlLines(run, color).flatMap(({ y }) => y.map((value) => value / 100));
  const values = [...accuracy, ...val_accuracy, ...controlled].filter(Number.isFinite);
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
        ...controlLines(run, color),
      ],
      notes: controlNotes(run, color),
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
      ...(run.controls ?? []).map(({ after, learningRate, history }) => ({
        x: [after, after + history.loss.length],
        y: [learningRate, learningRate],
        color,
        thin: true,
        dotted: true,
      })),
    ],
    x: { title: options.title, max: Math.max(1, epochsRun(run)), whole: true },
    y: { title: '', min: low / 2, max: high * 2, log: true },
    marks: drops.map((drop) => drop.after),
    notes: drops
      .slice(0, options.mostNotes)
      // The last new rate is at the end of the line already.
      .filter((drop) => drop !== drops.at(-1))
      .map((drop) => ({ x: drop.after, y: drop.to, label: shortRate(drop.to), color })),
  });
}

function grid(title: string, key: string, cells: readonly Cell[], cellHeight: number, results: StudyResults): Picture {
  const [top, height, parts] = gridParts(titled(title, results), key, cells, cellHeight);
  const total = top + height + 34;
  return new Picture(SHEET_WIDTH, total, [...parts, footer(results, total)]);
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
  const columns = columnsFor(cells.length);
  const columnWidth = cellWidth(cells.length);
  const headlineAt = (x: number, y: number, words: string) =>
    paragraph(x, y, words, columnWidth - 16, { size: 15, color: '#333333' });
  // Charts make room for the longest of the headlines.
  const extra = Math.max(0, ...cells.map((cell) => headlineAt(0, 0, cell.headline).nextY - headlineAt(0, 0, '').nextY));
  const rowHeight = cellHeight + 60 + extra;
  const parts = cells.map((cell, i) => {
    const x = MARGIN + (i % columns) * columnWidth;
    const y = top + Math.floor(i / columns) * rowHeight;
    const run = cell.heading;
    const settings = `rate ${shortRate(run.learningRate)}, batch ${run.batchSize}`;
    const headline = headlineAt(x, y + 36, cell.headline);
    return (
      text(x, y + 16, run.name, { size: 18, bold: true, color: cell.color }) +
      text(x + columnWidth - 20, y + 16, settings, { size: 14, color: '#666666', anchor: 'end' }) +
      headline.svg +
      place(x, y + 50 + extra, cell.svg)
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
  const seeds = seedsText(seedsOf(results.runs, results.seed));
  const line = `${results.data} · preset ${results.preset} · ${seeds} · ${adapter}`;
  return text(MARGIN, height - 12, line, { size: 13, color: '#777777' });
}

/** What the strokes stand for. `controls`: whether they are drawn. */
function keyOf({ runs, baseline, seeds }: Sheet, { controls }: { readonly controls: boolean }): string {
  const several = seeds.length > 1;
  const parts = [
    `Solid: validation${several ? `, mean of ${seeds.length} seeds` : ''}`,
    ...(several ? ['area: from the lowest to the highest seed'] : []),
    'dashed: training',
    ...(runs.length > 1 && baseline !== null ? ['grey: the baseline’s validation'] : []),
    ...(controls && runs.some((run) => run.controls?.length) ? ['dotted: at the old rate on'] : []),
    ...(runs.some((run) => run.interrupted) ? ['open circle: stopped within an epoch'] : []),
  ];
  return `${parts.join(', ')}; dots lead from a line’s end to its label.`;
}

function timeTitle(sheet: Sheet): string {
  const { runs, baseline } = sheet;
  if (baseline === null || runs.length === 1 || baseline.interrupted) return sheet.headline;
  const goal = percent(last(baseline.history.val_accuracy));
  const reached = runs.filter((run) => run !== baseline && Number.isFinite(timeToMatch(run, baseline)));
  if (reached.length === 0) return `No other run was ever at the baseline’s final ${goal}`;
  const first = fastest(
    reached.map((run) => ({ run: sheet.trained(run), epochs: epochToMatch(run, baseline) + 1 })),
    { run: sheet.trained(baseline), epochs: epochsRun(baseline) },
    runs.map(sheet.trained),
  );
  if (first === null)
    return `None was clearly faster at ${goal} than the baseline: times of equal epochs differ too much`;
  return (
    `${first.run.name} was first at the baseline’s final ${goal} after about ${first.share.toFixed(2)}× its time ` +
    `(${first.low.toFixed(2)} to ${first.high.toFixed(2)}, as epochs differ)`
  );
}

function timeHeadline(run: RunResult, sheet: Sheet): string {
  const { baseline } = sheet;
  const { low, high } = epochRange(trainingsOf(sheet.trained(run)));
  const each = low === undefined || wholeEpochs(run) < 2 ? '' : `, ${short(low)} to ${short(high)} s each`;
  const spent = `${trainedText(run)} in ${seconds(last(elapsedSeconds(run)))}${each}`;
  if (baseline === null || baseline === run) return spent;
  const reached = timeToMatch(run, baseline);
  return Number.isFinite(reached)
    ? `${spent}; first at the baseline’s final level after ${seconds(reached)}`
    : `${spent}; never at the baseline’s final level`;
}

/** Seconds until the run's validation accuracy first was what the baseline's was in the end; NaN if never. */
function timeToMatch(run: RunResult, baseline: RunResult): number {
  return elapsedSeconds(run)[epochToMatch(run, baseline)] ?? Number.NaN;
}

/** The epoch of that, from 0; -1 if never. */
function epochToMatch(run: RunResult, baseline: RunResult): number {
  const goal = last(baseline.history.val_accuracy);
  return run.history.val_accuracy.findIndex((value) => value >= goal);
}

function lossTitle(sheet: Sheet): string {
  const { runs, seeds } = sheet;
  const bad = runs.filter((run) => sheet.verdict(run).verdict === 'diverged');
  if (bad.length > 0) return bad.map((run) => `${run.name} diverged: ${lossHeadline(run)}`).join('; ');
  const lowest = best(runs.map((run) => -last(run.history.val_loss)));
  if (lowest.epoch === 0) return 'No run has a finite validation loss at its end';
  const run = runs[lowest.epoch - 1];
  const mean = seeds.length > 1 ? `on average over ${seedsText(seeds)} ` : '';
  return (
    `${run.name} ${mean}ends with a validation loss of ${shortLoss(-lowest.value)} after ${trainedText(run)}` +
    `${runs.length > 1 ? ', the lowest in this study' : ''} (guessing is ${shortLoss(GUESSING_LOSS)})`
  );
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
  return epochsAt(run);
}

function shares(values: readonly number[]): number[] {
  return values.map((value) => value * 100);
}

function inPercent(range: Line['band']): Line['band'] {
  return range && { low: shares(range.low), high: shares(range.high) };
}

const short = (value: number): string => String(Number(value.toPrecision(2)));

function points(value: number): string {
  return `${value.toFixed(1)} %`;
}

function seconds(value: number): string {
  if (!Number.isFinite(value)) return 'unknown time';
  return value < 120 ? `${Number(value.toPrecision(3))} s` : `${(value / 60).toFixed(1)} min`;
}
