/** Curves drawn with characters in one frame. asciichart draws each; here they are laid over each other and get an axis. */
import { plot } from 'asciichart';

/** How a curve is drawn: what sets it apart must be in its characters, as there may be no colour. */
export const STROKES = {
  line: ['─', ' ', '╶', '╴', '─', '╰', '╭', '╮', '╯', '│'],
  dots: ['·', ' ', '·', '·', '·', '·', '·', '·', '·', '·'],
  dashes: ['┈', ' ', '┈', '┈', '┈', '┈', '┈', '┈', '┈', '┈'],
} as const;

/** SGR codes of terminals. Dim, not grey: some themes have a grey that is their background. */
const SGR = { run: '36', aside: '2' } as const;

export interface Point {
  readonly x: number;
  /** Where it is not finite, the curve has a gap. */
  readonly y: number;
}

export interface Curve {
  /** From left to right. */
  readonly points: readonly Point[];
  readonly stroke: keyof typeof STROKES;
  readonly colour: keyof typeof SGR;
}

export interface Range {
  readonly from: number;
  readonly to: number;
}

export interface Frame {
  /** Columns, the axis and its labels included. */
  readonly width: number;
  readonly rows: number;
  /** The first and the last column. */
  readonly x: Range;
  /** The bottom and the top row; what lies beyond is drawn on them. Null where there is nothing to draw. */
  readonly y: Range | null;
  /** The label of a height. */
  readonly label: (y: number) => string;
  /** Columns that labels take at least, so that the plot does not jump when they change. */
  readonly labelWidth: number;
  readonly colour: boolean;
}

interface Cell {
  readonly character: string;
  readonly colour: keyof typeof SGR | null;
}

const BLANK: Cell = { character: ' ', colour: null };

/** Draws the curves, later ones over earlier ones; every row fills the width. */
export function textPlot(curves: readonly Curve[], frame: Frame): string[] {
  const { width, rows, y, label, labelWidth } = frame;
  const marked = y === null ? [] : [0, Math.floor((rows - 1) / 2), rows - 1];
  const heightOf = (row: number): number => (y === null ? NaN : y.to - (row * (y.to - y.from)) / (rows - 1));
  const labels = Array.from({ length: rows }, (_, row) => (marked.includes(row) ? label(heightOf(row)) : ''));
  const gutter = Math.max(labelWidth, ...labels.map(({ length }) => length));
  const columns = Math.max(1, width - gutter - 1);
  const cells = Array.from({ length: rows }, () => new Array<Cell>(columns).fill(BLANK));
  if (y !== null) {
    for (const { points, stroke, colour } of curves) {
      for (const stretch of finiteStretches(points)) draw(cells, stretch, STROKES[stroke], colour, frame.x, y);
    }
  }
  return cells
    .map((row, i) => {
      const axis = `${labels[i].padStart(gutter)}${labels[i] === '' ? '│' : '┤'}`;
      return [...axis].map((character): Cell => ({ character, colour: 'aside' })).concat(row);
    })
    .map((row) => textOf(row, frame.colour));
}

/** The parts of a curve that are numbers. */
function finiteStretches(points: readonly Point[]): Point[][] {
  const stretches: Point[][] = [[]];
  for (const point of points) {
    if (Number.isFinite(point.y)) stretches[stretches.length - 1].push(point);
    else stretches.push([]);
  }
  return stretches.filter(({ length }) => length > 0);
}

function draw(
  cells: readonly Cell[][],
  points: readonly Point[],
  symbols: readonly string[],
  colour: keyof typeof SGR,
  x: Range,
  y: Range,
): void {
  const columns = cells[0].length;
  const top = cells.length - 1;
  const columnOf = ({ x: at }: Point): number =>
    x.to > x.from ? clamp(Math.round(((at - x.from) / (x.to - x.from)) * (columns - 1)), 0, columns - 1) : 0;
  const first = columnOf(points[0]);
  const last = columnOf(points[points.length - 1]);
  // Where points are more than columns, a column shows the curve at its own place, not a mean that would hide its noise.
  const heights = Array.from({ length: last - first + 1 }, (_, i) => {
    const at = x.from + ((first + i) / Math.max(1, columns - 1)) * (x.to - x.from);
    return clamp(((valueAt(points, at) - y.from) / (y.to - y.from)) * top, 0, top);
  });
  // In rows from 1 on: asciichart marks the row of zero.
  const config = { min: 1, max: top + 1, height: top, offset: 1, format: () => ' ', symbols };
  const drawn = plot(
    heights.map((height) => height + 1),
    config,
  );
  for (const [row, text] of drawn.split('\n').entries()) {
    for (let i = 0; i < heights.length; i++) {
      if (text[i] !== ' ') cells[row][first + i] = { character: text[i], colour };
    }
  }
}

/** Between two points on a straight line; beyond the ends the value of the end. */
function valueAt(points: readonly Point[], x: number): number {
  const right = points.findIndex((point) => point.x >= x);
  if (right === -1) return points[points.length - 1].y;
  if (right === 0) return points[0].y;
  const [a, b] = [points[right - 1], points[right]];
  return a.y + ((b.y - a.y) * (x - a.x)) / (b.x - a.x);
}

function textOf(row: readonly Cell[], colour: boolean): string {
  if (!colour) return row.map(({ character }) => character).join('');
  let text = '';
  let current: Cell['colour'] = null;
  for (const cell of row) {
    if (cell.colour !== current) {
      text += current === null ? '' : '\x1b[0m';
      text += cell.colour === null ? '' : `\x1b[${SGR[cell.colour]}m`;
      current = cell.colour;
    }
    text += cell.character;
  }
  return current === null ? text : `${text}\x1b[0m`;
}

function clamp(value: number, least: number, most: number): number {
  return Math.min(most, Math.max(least, value));
}
