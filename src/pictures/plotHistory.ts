/** The curves of a training, or of several. */

import { textWidth } from '#raster';
import { checkWhole } from '../base/checks.ts';
import { checkName, checkOptions } from '../base/optionNames.ts';
import { short } from './format.ts';
import { heading, MARGIN, SLACK } from './heading.ts';
import { historyTitle } from './historyTitle.ts';
import { LABEL_SIZE, type Line, type LinePanel, linePanel } from './panel.ts';
import { Picture } from './picture.ts';
import { rateFalls } from './rateFalls.ts';
import { place } from './svgSheet.ts';
import { text } from './svgText.ts';
import {
  type Curve,
  curveOf,
  epochsOf,
  isShare,
  metricsOf,
  NOISE,
  RATE,
  type Run,
  rateChanges,
  runsOf,
  type Trainings,
  valuesOf,
} from './trainings.ts';

/** Options of `plotHistory`. */
export interface PlotHistoryOptions {
  /** What to draw, in this order and without `val_`; default the loss, all metrics, the noise scale, and the learning rate where it changes. */
  readonly metrics?: readonly string[];
  /** Whether the loss has a logarithmic axis; default where its largest value is more than five times the smallest. */
  readonly logarithmic?: boolean;
  /** Default how the training ended, by its first metric; '' for none. */
  readonly title?: string;
  /** Units, at least 400; default 960. */
  readonly width?: number;
}

/** A panel that has no width yet. */
interface Panel extends Omit<LinePanel, 'width' | 'right'> {
  readonly name: string;
  /** Of the labels at the ends of its lines. */
  readonly right: number;
}

const NAME = { size: 16, bold: true } as const;
const LEAST_WIDTH = 400;
/** Of a panel without its labels; panels that would be narrower stand below each other. */
const LEAST_PLOT = 220;
const HEIGHT = 260;
const RATE_HEIGHT = 170;
/** Of a panel's name above it. */
const HEAD = 22;
/** From which ratio of the largest to the smallest loss on its axis is logarithmic. */
const WIDE = 5;
/** A rate that falls more often, or after most epochs, falls all the time: its own panel says how. */
const MOST_MARKS = 12;
const MOST_EPOCHS = 0.5;

/**
 * Draws the curves of a training: a panel for the loss, one a metric, one for the noise scale of `GradientNoiseScale`, and one for
 * the learning rate where it changes; training dashed, validation solid. Several trainings share the panels, in a colour each. A
 * curve that ends in NaN or an infinity has a cross at its last number, and says so; one that ends with an epoch that was cut short
 * ends in an open circle.
 * @throws ArgumentError for what is no history, or a metric that is in none; StateError where a package is missing
 */
export async function plotHistory(history: Trainings, options: PlotHistoryOptions = {}): Promise<Picture> {
  const who = 'plotHistory';
  checkOptions(who, options, { metrics: true, logarithmic: true, title: true, width: true });
  const { logarithmic, width = 960 } = options;
  checkWhole(who, 'width', width, LEAST_WIDTH);
  const runs = runsOf(who, history);
  const known = metricsOf(runs);
  const metrics =
    options.metrics?.map((name) => checkName(who, 'metric', name, known)) ??
    known.filter((metric) => metric !== RATE || runs.some(rateChanges));

  const { title = historyTitle(runs, metrics) } = options;
  const head = heading(title, noteOf(runs, metrics), width);
  const parts = [head.svg];
  const panels = metrics.map((metric) => (metric === RATE ? ratePanel(runs) : metricPanel(runs, metric, logarithmic)));
  const inner = width - 2 * MARGIN;
  const columns = panels.every(({ right }) => inner / 2 - right >= LEAST_PLOT) ? 2 : 1;
  let top = head.bottom + 6;
  for (let at = 0; at < panels.length; at += columns) {
    const row = panels.slice(at, at + columns);
    // The last one alone has all of its row.
    const size = { width: inner / row.length, height: Math.max(...row.map(({ height }) => height)) };
    for (const [column, { name, right, ...panel }] of row.entries()) {
      const x = MARGIN + column * size.width;
      const chart = await linePanel({ ...panel, ...size, right: Math.min(right, size.width - LEAST_PLOT) });
      parts.push(text(x, top + NAME.size, name, NAME), place(x, top + HEAD, chart));
    }
    top += HEAD + size.height + 8;
  }
  return new Picture(width, top + 8, parts);
}

function metricPanel(runs: readonly Run[], metric: string, logarithmic: boolean | undefined): Panel {
  const share = isShare(metric, runs);
  const lines = runs.flatMap((run) => {
    const [training, validation] = [curveOf(run, metric), curveOf(run, `val_${metric}`)];
    const main = validation ?? training;
    if (main === null) return [];
    const beside = validation === null ? null : training;
    return [
      ...(beside === null ? [] : [lineOf(run, beside, { share, what: 'training', dashed: true, thin: true })]),
      lineOf(run, main, { share, what: validation === null ? '' : 'validation' }),
    ];
  });
  const values = finiteOf(lines);
  const y = share ? shareAxis(values) : axisOf(metric, values, logarithmic);
  return {
    ...common(runs, lines),
    name: `${metric.replaceAll('_', ' ')}${y.log ? ' (log scale)' : share ? ' (%)' : ''}`,
    height: HEIGHT,
    y,
    empty: values.length > 0 ? undefined : lines.length > 0 ? 'no finite number' : 'no epoch has finished',
  };
}

function ratePanel(runs: readonly Run[]): Panel {
  const lines = runs.flatMap((run) => {
    const curve = curveOf(run, RATE);
    if (curve === null) return [];
    const { values, epochs, end, broken } = curve;
    // A step holds from the end of one epoch to the end of the next, the first from 0.
    const stepped = {
      values: [values[0], ...values],
      epochs: [0, ...epochs],
      end: end + 1,
      broken: broken === null ? null : broken + 1,
    };
    return [lineOf(run, stepped, { share: false, what: '' })];
  });
  const values = finiteOf(lines);
  const [low, high] = [Math.min(...values) / 2, Math.max(...values) * 2];
  const log = low > 0 && values.length > 0;
  return {
    ...common(runs, lines),
    name: `learning rate${log ? ' (log scale)' : ''}`,
    height: RATE_HEIGHT,
    steps: true,
    y: log ? { title: '', min: low, max: high, log, format: '~g' } : axis(values),
    empty: values.length > 0 ? undefined : 'no finite number',
  };
}

const finiteOf = (lines: readonly Line[]): number[] => lines.flatMap(({ y }) => y).filter(Number.isFinite);

function common(runs: readonly Run[], lines: readonly Line[]): Pick<Panel, 'lines' | 'right' | 'x' | 'marks'> {
  const widths = lines.map(({ label = '', thin = false }) => textWidth(label, { size: LABEL_SIZE, bold: !thin }));
  return {
    lines,
    // Room for the labels at the ends of lines.
    right: Math.ceil(Math.max(0, ...widths) * SLACK) + 20,
    x: { title: 'epoch', max: Math.max(1, ...runs.map(epochsOf)), whole: true },
    marks: marksOf(runs),
  };
}

function lineOf(
  { name, color, cut }: Run,
  { epochs, values, end, broken }: Curve,
  style: { share: boolean; what: string; dashed?: boolean; thin?: boolean },
): Line {
  const { share, what, dashed = false, thin = false } = style;
  const ending = end === -1 ? '' : short(values[end], share);
  const then = broken === null ? '' : `${end === -1 ? '' : ', then '}${values[broken]}`;
  const label = name === null ? `${ending}${then} ${what}`.trim() : `${name}: ${ending}${then}`;
  return {
    x: epochs,
    y: share ? values.map((value) => value * 100) : values,
    color,
    dashed,
    thin,
    // Of several trainings the thin lines have none: their colour is that of a thick one.
    label: name !== null && thin ? undefined : label,
    brokenAt: broken ?? undefined,
    open: cut !== null && end === values.length - 1,
  };
}

function axisOf(metric: string, values: readonly number[], logarithmic: boolean | undefined): LinePanel['y'] {
  if (metric === 'loss') return lossAxis(values, logarithmic);
  // Numbers of examples: no exponents.
  return metric === NOISE ? { ...lossAxis(values, undefined), format: '~r' } : axis(values);
}

/** In percent. */
function shareAxis(values: readonly number[]): LinePanel['y'] {
  const [low, high] = [Math.min(...values, 100), Math.max(...values, 20)];
  // Half of the height and more would be empty.
  const min = low > 50 ? Math.floor(low / 10) * 10 : 0;
  return { title: '', min, max: Math.min(100, Math.ceil((high + 2) / 10) * 10) };
}

function lossAxis(values: readonly number[], logarithmic: boolean | undefined): LinePanel['y'] {
  const [low, high] = [Math.min(...values) * 0.9, Math.max(...values) * 1.15];
  const log = values.length > 0 && low > 0 && (logarithmic ?? high / low > WIDE);
  return log ? { title: '', min: low, max: high, log, format: '~g' } : axis(values);
}

/** From zero, where no value is below. */
function axis(values: readonly number[]): LinePanel['y'] {
  if (values.length === 0) return { title: '', min: 0, max: 1, format: '~g' };
  const [low, high] = [Math.min(0, ...values), Math.max(0, ...values)];
  const room = (high - low || 1) * 0.08;
  return { title: '', min: low < 0 ? low - room : 0, max: high + room, format: '~g' };
}

/** Where the rate of the only training fell. */
function marksOf(runs: readonly Run[]): number[] {
  if (runs.length !== 1) return [];
  const drops = rateFalls(valuesOf(runs[0], RATE));
  return drops.length <= Math.min(MOST_MARKS, MOST_EPOCHS * epochsOf(runs[0])) ? drops : [];
}

function noteOf(runs: readonly Run[], metrics: readonly string[]): string {
  const curves = metrics.flatMap((metric) =>
    runs.map((run) => [curveOf(run, metric), curveOf(run, `val_${metric}`)] as const),
  );
  return [
    ...(curves.some(([training, validation]) => training !== null && validation !== null)
      ? ['Solid: validation, dashed: training.']
      : []),
    ...(curves.flat().some((curve) => curve !== null && curve.broken !== null && curve.end !== -1)
      ? ['×: the last number of a run.']
      : []),
    ...(runs.some(({ cut }) => cut !== null) ? ['○: an epoch that was cut short.'] : []),
    ...(marksOf(runs).length > 0 ? ['Dashed uprights: the learning rate fell.'] : []),
  ].join(' ');
}
