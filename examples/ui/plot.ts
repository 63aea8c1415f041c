/** Draws curves with uPlot, and on them what a legend would say: each run's name at the end of its line. */

import uPlot from 'uplot';
import { spread } from '../../src/pictures/index.ts';
import { type Curve, crossOf, GUESSING, lastPlace, type View, valueBounds, type Zoom } from './curve.ts';
import { fitted } from './fitted.ts';
import { AXIS_NAMES, formatTick, formatValue, METRIC_NAMES } from './format.ts';
import { markerPath } from './marker.ts';
import { colorOf, INKS, type Look, lookOf, type Marker, type Theme } from './palette.ts';

export interface Plot {
  readonly curves: readonly Curve[];
  readonly view: View;
  readonly theme: Theme;
  /** Null: all of the axis. */
  readonly zoom: Zoom | null;
}

/** What a chart tells its page. */
export interface ChartListener {
  /** Where values are read; null: nowhere. */
  readonly hover: (x: number | null) => void;
  readonly zoom: (zoom: Zoom | null) => void;
  /** Where the names beside the chart are, in pixels of the page from its top. */
  readonly labels: (labels: readonly Label[]) => void;
}

export interface Label {
  readonly name: string;
  readonly y: number;
}

export const FONT = '13px system-ui, sans-serif';
export const LABEL_FONT = '600 13px system-ui, sans-serif';
const LABEL_HEIGHT = 15;
/** Steps between ticks of what is counted. */
const WHOLE = [1, 10, 100, 1000, 10_000, 100_000].flatMap((power) => [power, 2 * power, 5 * power]);
/** Room for the names at the lines' ends, as a name needs it; a narrow chart has none. */
const LABEL_WIDTHS = { least: 96, most: 210, share: 0.24, letter: 7.4, beside: 34 } as const;
const NARROW = 520;
const CROSS = 5;
const DOT = 5;
/** Least pixels that are dragged over to see them closely. */
const LEAST_DRAG = 8;
/** Radius of the point at which a run was cut off. */
const HOLLOW = 4.5;

const labelled = (width: number): boolean => width >= NARROW;

function labelWidth(curves: readonly Curve[], width: number): number {
  const { least, most, share, letter, beside } = LABEL_WIDTHS;
  const longest = Math.max(0, ...curves.map(({ run }) => run.name.length));
  return Math.max(least, Math.min(most, share * width, letter * longest + beside));
}

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
  listener: ChartListener,
): uPlot.Options {
  const { curves, view, theme } = current();
  const inks = INKS[theme];
  const grid = { stroke: inks.grid, width: 1 };
  const axis = { stroke: inks.text, font: FONT, labelFont: FONT, ticks: { show: false } };
  return {
    ...size,
    padding: [14, labelled(size.width) ? labelWidth(curves, size.width) : 12, 0, 0],
    legend: { show: false },
    cursor: {
      drag: { x: true, y: false, setScale: false, dist: LEAST_DRAG },
      points: { size: 7 },
      y: false,
      bind: {
        dblclick: () => () => {
          listener.zoom(null);
          return null;
        },
      },
    },
    scales: {
      x: { time: false, range: () => shownPlaces(current()) },
      y: { distr: view.log ? 3 : 1, range: () => valueBounds(current().curves, view, current().zoom) },
    },
    axes: [
      {
        ...axis,
        grid: { show: false },
        label: AXIS_NAMES[view.axis],
        labelSize: 22,
        size: 34,
        ...(view.axis !== 'seconds' && { incrs: WHOLE }),
        values: (_, ticks) => ticks.map((tick) => (tick === null ? '' : formatTick(tick))),
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
        const { color, marker, dash } = lookOf(run.color, theme);
        return {
          label: run.name,
          stroke: color,
          width: own ? 2.25 : 1.25,
          alpha: own ? 1 : part === 'control' ? 0.85 : 0.55,
          dash: own ? [...dash] : part === 'control' ? [1.5, 3] : [4, 3],
          ...(view.metric === 'learning_rate' && { paths: uPlot.paths.stepped?.({ align: 1 }) }),
          points: {
            show: own && view.metric !== 'learning_rate',
            size: DOT,
            width: 1,
            fill: color,
            paths: markerPaths(marker),
          },
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
      draw: [(u) => listener.labels(drawEnds(u, current()))],
      setCursor: [
        (u) => listener.hover(u.cursor.left === undefined || u.cursor.left < 0 ? null : u.posToVal(u.cursor.left, 'x')),
      ],
      setSelect: [
        (u) => {
          const { left, width } = u.select;
          if (width < LEAST_DRAG) return;
          listener.zoom([u.posToVal(left, 'x'), u.posToVal(left + width, 'x')]);
          u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
        },
      ],
    },
  };
}

/** The part of the axis of places that a plot shows. */
export const shownPlaces = ({ curves, view, zoom }: Plot): [low: number, high: number] =>
  zoom === null ? [0, lastPlace(curves, view.axis)] : [...zoom];

/** The points of a line in a shape of their own. */
const markerPaths =
  (marker: Marker): uPlot.Series.Points.PathBuilder =>
  (u, series, from, to, chosen) => {
    const [places, values] = [u.data[0], u.data[series]];
    const radius = (DOT / 2) * devicePixelRatio;
    const among = chosen ?? Array.from({ length: to - from + 1 }, (_, i) => from + i);
    const shapes = among.flatMap((i) => {
      const value = values[i];
      if (value === null || value === undefined) return [];
      return markerPath(marker, u.valToPos(places[i], 'x', true), u.valToPos(value, 'y', true), radius);
    });
    const fill = new Path2D(shapes.join(''));
    const clip = new Path2D();
    const { left, top, width, height } = u.bbox;
    clip.rect(left - 2 * radius, top - 2 * radius, width + 4 * radius, height + 4 * radius);
    return { stroke: fill, fill, clip, flags: 3 };
  };

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
  readonly look: Look;
  readonly broken: boolean;
  readonly cutOff: boolean;
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
  const { min: first, max: end } = u.scales.x;
  if (value === null || x[at] < (first ?? 0) || x[at] > (end ?? x[at])) return null;
  const { min, max } = u.scales.y;
  const shown = Math.min(Math.max(value, min ?? value), max ?? value);
  return { x: u.valToPos(x[at], 'x', true), y: u.valToPos(shown, 'y', true) };
}

/**
 * Crosses where runs broke, hollow points where they were cut off, and the runs' names to the right of the lines' ends.
 * @returns where the names are
 */
function drawEnds(u: uPlot, { curves, view, theme }: Plot): Label[] {
  const { ctx } = u;
  const ratio = devicePixelRatio;
  const ends = curves.flatMap((curve): End[] => {
    const { run, part, x, y } = curve;
    if (part === 'control') return [];
    // A run is named once: on its validation, or on its training as long as it has no other line.
    if (part === 'training' && curves.some((other) => other.run.id === run.id && other.part === 'validation'))
      return [];
    // Where the chart is zoomed into, a line ends at its edge.
    const edge = u.scales.x.max ?? Number.POSITIVE_INFINITY;
    const at = placeOf(
      u,
      curve,
      y.findLastIndex((value, i) => value !== null && x[i] <= edge),
    );
    if (at === null) return [];
    const cross = placeOf(u, curve, crossOf(curve));
    const cutOff = run.interrupted === true && (x.at(-1) ?? 0) <= edge;
    return [{ name: run.name, look: lookOf(run.color, theme), broken: run.brokenAt !== null, cutOff, at, cross }];
  });
  ctx.save();
  for (const { look, cross, cutOff, at } of ends) {
    ctx.strokeStyle = look.color;
    if (cross !== null) drawCross(ctx, cross, CROSS * ratio, 3 * ratio);
    if (!cutOff) continue;
    ctx.beginPath();
    ctx.arc(at.x, at.y, HOLLOW * ratio, 0, 2 * Math.PI);
    ctx.fillStyle = INKS[theme].card;
    ctx.fill();
    ctx.lineWidth = 2 * ratio;
    ctx.stroke();
  }
  const labels = labelled(u.width) ? drawLabels(u, ends, guideOf(u, view), theme) : [];
  ctx.restore();
  return labels;
}

function drawCross(ctx: CanvasRenderingContext2D, { x, y }: Place, reach: number, width: number): void {
  ctx.lineWidth = width;
  ctx.beginPath();
  ctx.moveTo(x - reach, y - reach);
  ctx.lineTo(x + reach, y + reach);
  ctx.moveTo(x + reach, y - reach);
  ctx.lineTo(x - reach, y + reach);
  ctx.stroke();
}

/** Names beside the chart, as many as have room, and what guessing comes to. */
function drawLabels(u: uPlot, all: readonly End[], guide: number | null, theme: Theme): Label[] {
  const { ctx, bbox } = u;
  const ratio = devicePixelRatio;
  const most = Math.max(1, Math.floor(bbox.height / (LABEL_HEIGHT * ratio)) - 1);
  const ends = [...all].sort((a, b) => a.at.y - b.at.y).slice(0, most);
  const right = bbox.left + bbox.width;
  const left = right + 10 * ratio;
  const room = u.width * ratio - left - 4 * ratio;
  const bounds: [number, number] = [bbox.top, bbox.top + bbox.height];
  const places = spread(
    [...ends.map(({ at }) => at.y), ...(guide === null ? [] : [guide])],
    LABEL_HEIGHT * ratio,
    bounds,
  );
  ctx.textAlign = 'left';
  ctx.textBaseline = 'middle';
  ctx.font = scaled(LABEL_FONT, ratio);
  ends.forEach(({ name, look: { color, marker }, broken, at: { x, y } }, i) => {
    ctx.strokeStyle = color;
    ctx.globalAlpha = 0.6;
    ctx.lineWidth = ratio;
    ctx.setLineDash([ratio, 3 * ratio]);
    ctx.beginPath();
    ctx.moveTo(x + DOT * ratio, y);
    ctx.lineTo(right, y);
    ctx.lineTo(left - 2 * ratio, places[i]);
    ctx.stroke();
    ctx.globalAlpha = 1;
    ctx.setLineDash([]);
    ctx.fillStyle = color;
    ctx.fill(new Path2D(markerPath(marker, left + 5 * ratio, places[i], 3.4 * ratio)));
    ctx.fillText(fitted(ctx, name, room - 14 * ratio, broken ? ' ×' : ''), left + 14 * ratio, places[i]);
  });
  if (guide !== null) {
    ctx.font = scaled(FONT, ratio);
    ctx.fillStyle = INKS[theme].guide;
    ctx.fillText('guessing', left, places[ends.length]);
  }
  return ends.map(({ name }, i) => ({ name, y: places[i] / ratio }));
}

export const scaled = (font: string, ratio: number): string =>
  font.replace(/(\d+)px/, (_, size: string) => `${Number(size) * ratio}px`);
