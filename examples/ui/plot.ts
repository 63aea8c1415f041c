/** Draws curves with uPlot, and on them what a legend would say: each run's name at the end of its line. */

import uPlot from 'uplot';
import { spread } from '../../src/pictures/spread.ts';
import { type Curve, crossOf, GUESSING, lastPlace, type View, valueBounds } from './curve.ts';
import { AXIS_NAMES, formatValue, METRIC_NAMES } from './format.ts';
import { colorOf, INKS, type Theme } from './palette.ts';

export interface Plot {
  readonly curves: readonly Curve[];
  readonly view: View;
  readonly theme: Theme;
}

const FONT = '13px system-ui, sans-serif';
const LABEL_FONT = '600 13px system-ui, sans-serif';
const LABEL_HEIGHT = 15;
/** Steps between ticks of what is counted. */
const WHOLE = [1, 10, 100, 1000, 10_000, 100_000].flatMap((power) => [power, 2 * power, 5 * power]);
/** Room for the names at the lines' ends; a narrow chart has none. */
const LABEL_WIDTH = 128;
const NARROW = 520;
const CROSS = 5;
const DOT = 4;
/** Radius of the point at which a run was cut off. */
const HOLLOW = 4.5;

export const labelled = (width: number): boolean => width >= NARROW;

/** Columns for uPlot over one x axis. Places that a line does not have are undefined, which breaks no line; a gap is null. */
export function columnsOf(curves: readonly Curve[]): uPlot.AlignedData {
  if (curves.length === 0) return [[]];
  return uPlot.join(curves.map(({ x, y }): uPlot.AlignedData => [[...x], [...y]]));
}

/** What a chart is made for. Where it changes, uPlot needs to be told all; else new data is enough. */
export const structureOf = ({ curves, view, theme }: Plot): string =>
  JSON.stringify([
    theme,
    view.metric,
    view.axis,
    view.log,
    curves.map(({ run, part }) => [run.id, part, run.name, run.color, run.brokenAt, run.interrupted]),
  ]);

/** Options of uPlot; `current` gives the plot as it is when something is drawn. */
export function optionsFor(
  current: () => Plot,
  size: { readonly width: number; readonly height: number },
  onHover: (x: number | null) => void,
): uPlot.Options {
  const { curves, view, theme } = current();
  const inks = INKS[theme];
  const grid = { stroke: inks.grid, width: 1 };
  const axis = { stroke: inks.text, font: FONT, labelFont: FONT, ticks: { show: false } };
  return {
    ...size,
    padding: [14, labelled(size.width) ? LABEL_WIDTH : 12, 0, 0],
    legend: { show: false },
    cursor: { drag: { x: false, y: false }, points: { size: 7 }, y: false },
    scales: {
      x: { time: false, range: () => [0, lastPlace(current().curves, view.axis)] },
      y: { distr: view.log ? 3 : 1, range: () => valueBounds(current().curves, view) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        label: AXIS_NAMES[view.axis],
        labelSize: 22,
        size: 34,
        ...(view.axis !== 'seconds' && { incrs: WHOLE }),
      },
      {
        ...axis,
        grid,
        size: 62,
        label: `${METRIC_NAMES[view.metric].toLowerCase()}${view.log ? ' (log)' : ''}`,
        labelSize: 20,
        values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : tickText(view, tick))),
      },
    ],
    series: [
      {},
      ...curves.map(({ run, part }): uPlot.Series => {
        const own = part === 'validation' || (part === 'training' && view.metric === 'learning_rate');
        return {
          label: run.name,
          stroke: colorOf(run.color, theme),
          width: own ? 2.25 : 1.25,
          alpha: own ? 1 : part === 'control' ? 0.85 : 0.55,
          ...(own ? {} : { dash: part === 'control' ? [1.5, 3] : [4, 3] }),
          ...(view.metric === 'learning_rate' && { paths: uPlot.paths.stepped?.({ align: 1 }) }),
          points: { show: own && view.metric !== 'learning_rate', size: DOT },
        };
      }),
    ],
    hooks: {
      drawAxes: [
        (u) => drawGuide(u, view, inks.guide),
        (u) => {
          for (const curve of current().curves) drawArea(u, curve, colorOf(curve.run.color, theme));
        },
      ],
      draw: [(u) => drawEnds(u, current())],
      setCursor: [
        (u) => onHover(u.cursor.left === undefined || u.cursor.left < 0 ? null : u.posToVal(u.cursor.left, 'x')),
      ],
    },
  };
}

function tickText({ metric, log }: View, tick: number): string {
  if (metric === 'accuracy') return `${Number((tick * 100).toPrecision(3))} %`;
  // Between decades of a logarithmic axis only some ticks have room for a number.
  if (log && !/^[125]/.test(tick.toExponential())) return '';
  return metric === 'loss' ? String(Number(tick.toPrecision(3))) : formatValue[metric](tick);
}

/** Where guessing lies, in pixels of the canvas; null where that is out of sight. */
function guideOf(u: uPlot, { metric }: View): number | null {
  const level = GUESSING[metric];
  const { min, max } = u.scales.y;
  if (level === null || min == null || max == null || level < min || level > max) return null;
  return u.valToPos(level, 'y', true);
}

function drawGuide(u: uPlot, view: View, color: string): void {
  const y = guideOf(u, view);
  if (y === null) return;
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  ctx.strokeStyle = color;
  ctx.lineWidth = ratio;
  ctx.setLineDash([2 * ratio, 4 * ratio]);
  ctx.beginPath();
  ctx.moveTo(bbox.left, y);
  ctx.lineTo(bbox.left + bbox.width, y);
  ctx.stroke();
  ctx.restore();
}

/** The area between the least and the greatest of a run's repeats, where both are numbers. */
function drawArea(u: uPlot, { part, area }: Curve, color: string): void {
  if (area === null) return;
  const { ctx, bbox } = u;
  const { min, max } = u.scales.y;
  const yOf = (value: number): number => u.valToPos(Math.min(Math.max(value, min ?? value), max ?? value), 'y', true);
  const points = area.x.map((at, i) => ({ x: u.valToPos(at, 'x', true), low: area.low[i], high: area.high[i] }));
  ctx.save();
  ctx.beginPath();
  ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
  ctx.clip();
  ctx.fillStyle = color;
  ctx.globalAlpha = part === 'validation' ? 0.18 : 0.1;
  for (const [i, { x, low, high }] of points.entries()) {
    const next = points[i + 1];
    if (next === undefined || low === null || high === null || next.low === null || next.high === null) continue;
    ctx.beginPath();
    ctx.moveTo(x, yOf(low));
    ctx.lineTo(x, yOf(high));
    ctx.lineTo(next.x, yOf(next.high));
    ctx.lineTo(next.x, yOf(next.low));
    ctx.fill();
  }
  ctx.restore();
}

interface End {
  readonly name: string;
  readonly color: string;
  readonly broken: boolean;
  readonly interrupted: boolean;
  readonly at: Place;
  /** Null where the run did not break. */
  readonly cross: Place | null;
}

/** In pixels of the canvas. */
interface Place {
  readonly x: number;
  readonly y: number;
}

/** A point of a curve, kept within the chart; null where there is none. */
function placeOf(u: uPlot, { x, y }: Curve, at: number): Place | null {
  const value = y[at] ?? null;
  if (value === null) return null;
  const { min, max } = u.scales.y;
  const shown = Math.min(Math.max(value, min ?? value), max ?? value);
  return { x: u.valToPos(x[at], 'x', true), y: u.valToPos(shown, 'y', true) };
}

/** Crosses where runs broke, hollow points where they were cut off, and the runs' names to the right of the lines' ends. */
function drawEnds(u: uPlot, { curves, view, theme }: Plot): void {
  const guide = guideOf(u, view);
  const ends = curves.flatMap((curve): End[] => {
    const { run, part, y } = curve;
    // A run is named once: on its validation, or on its training as long as it has no other line.
    if (part === 'control') return [];
    if (part === 'training' && curves.some((other) => other.run.id === run.id && other.part === 'validation'))
      return [];
    const end = placeOf(
      u,
      curve,
      y.findLastIndex((value) => value !== null),
    );
    if (end === null) return [];
    const cross = placeOf(u, curve, crossOf(curve));
    return [
      {
        name: run.name,
        color: colorOf(run.color, theme),
        broken: run.brokenAt !== null,
        interrupted: run.interrupted === true,
        at: end,
        cross,
      },
    ];
  });
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  ctx.save();
  for (const { color, cross } of ends) {
    if (cross === null) continue;
    const { x, y } = cross;
    const reach = CROSS * ratio;
    ctx.strokeStyle = color;
    ctx.lineWidth = 3 * ratio;
    ctx.beginPath();
    ctx.moveTo(x - reach, y - reach);
    ctx.lineTo(x + reach, y + reach);
    ctx.moveTo(x + reach, y - reach);
    ctx.lineTo(x - reach, y + reach);
    ctx.stroke();
  }
  for (const { color, interrupted, at } of ends) {
    if (!interrupted) continue;
    ctx.beginPath();
    ctx.arc(at.x, at.y, HOLLOW * ratio, 0, 2 * Math.PI);
    ctx.fillStyle = INKS[theme].card;
    ctx.fill();
    ctx.strokeStyle = color;
    ctx.lineWidth = 2 * ratio;
    ctx.stroke();
  }
  if (labelled(u.width)) {
    ctx.font = scaled(LABEL_FONT, ratio);
    ctx.textAlign = 'left';
    ctx.textBaseline = 'middle';
    const left = bbox.left + bbox.width + 10 * ratio;
    const room = (LABEL_WIDTH - 14) * ratio;
    const bounds: [number, number] = [bbox.top, bbox.top + bbox.height];
    const places = spread(
      [...ends.map(({ at }) => at.y), ...(guide === null ? [] : [guide])],
      LABEL_HEIGHT * ratio,
      bounds,
    );
    ends.forEach(({ name, color, broken, at: { x, y } }, i) => {
      ctx.strokeStyle = color;
      ctx.globalAlpha = 0.6;
      ctx.lineWidth = ratio;
      ctx.setLineDash([ratio, 3 * ratio]);
      ctx.beginPath();
      ctx.moveTo(x + DOT * ratio, y);
      ctx.lineTo(bbox.left + bbox.width, y);
      ctx.lineTo(left - 2 * ratio, places[i]);
      ctx.stroke();
      ctx.globalAlpha = 1;
      ctx.fillStyle = color;
      ctx.fillText(broken ? `${name} ×` : name, left, places[i], room);
    });
    if (guide !== null) {
      ctx.font = scaled(FONT, ratio);
      ctx.fillStyle = INKS[theme].guide;
      ctx.fillText('guessing', left, places[ends.length], room);
    }
  }
  ctx.restore();
}

const scaled = (font: string, ratio: number): string =>
  font.replace(/(\d+)px/, (_, size: string) => `${Number(size) * ratio}px`);
