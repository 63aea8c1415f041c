/**
 * One small chart: lines over epochs or seconds, their ends labelled in the right margin instead of in a legend; or bars
 * with their values. Vega-Lite does the scales, axes and marks; a panel is an SVG document of exactly the size asked for.
 */
import { spread } from './spread.ts';
import { FONT } from './svgText.ts';
import { vegaChart } from './vegaChart.ts';

/** A line of a panel. */
export interface Line {
  /** Of each point. */
  readonly x: readonly number[];
  /** Of each point; NaN and infinities leave a gap, and so does what is not above 0 on a logarithmic axis. */
  readonly y: readonly number[];
  /** As SVG writes one, such as one of `PALETTE`. */
  readonly color: string;
  /** Default false. */
  readonly dashed?: boolean;
  /** Dots in the place of a line; default false. */
  readonly dotted?: boolean;
  /** Drawn behind it as an area: between which values the line is the mean, at the same places. */
  readonly band?: {
    /** Its lower edge. */
    readonly low: readonly number[];
    /** Its upper edge. */
    readonly high: readonly number[];
  };
  /** Thin lines are context, thick ones the subject; default false. */
  readonly thin?: boolean;
  /** Written in the right margin at the height of the last point, or at the top where there is none. */
  readonly label?: string;
  /** Index of the point where the run broke: it gets an x instead of a dot (or the last one before, if that has no number). */
  readonly brokenAt?: number;
  /** Whether its last point is an open circle; default false. */
  readonly open?: boolean;
}

/** A value worth knowing, drawn across the panel and named in the right margin. */
export interface Level {
  /** On the y axis. */
  readonly y: number;
  /** What it is. */
  readonly label: string;
}

/** Text at a point of a chart. */
export interface Note {
  /** Of the point, on the x axis. */
  readonly x: number;
  /** Of the point, on the y axis. */
  readonly y: number;
  /** Written above it, to the right. */
  readonly label: string;
  /** As SVG writes one. */
  readonly color: string;
}

/** What a panel of lines shows. Sizes are in units of the picture. */
export interface LinePanel {
  /** Of all, axes and margins included. */
  readonly width: number;
  /** Of all, axes and margins included. */
  readonly height: number;
  /** The first lie behind the others. */
  readonly lines: readonly Line[];
  /** The axis from left to right, which begins at 0. */
  readonly x: {
    /** '' for none. */
    readonly title: string;
    /** Where it ends. */
    readonly max: number;
    /** Whether all ticks are whole numbers; default false. */
    readonly whole?: boolean;
  };
  /** The axis from bottom to top. Points beyond it lie on its edge. */
  readonly y: {
    /** '' for none. */
    readonly title: string;
    /** Where it begins; above 0 where it is logarithmic. */
    readonly min: number;
    /** Where it ends. */
    readonly max: number;
    /** Whether it is logarithmic; default false. */
    readonly log?: boolean;
    /** Default round numbers. */
    readonly ticks?: readonly number[];
    /** Of the numbers at the ticks, as d3 writes one; default without powers of ten. */
    readonly format?: string;
  };
  /** Drawn where they lie on the axis. */
  readonly levels?: readonly Level[];
  /** Places on the x axis, marked from top to bottom. */
  readonly marks?: readonly number[];
  /** Above the lines. */
  readonly notes?: readonly Note[];
  /** A value holds until it changes; default false. */
  readonly steps?: boolean;
  /** Written across the panel, such as where there is nothing to draw. */
  readonly empty?: string;
  /** Room for the labels at the line ends; default 136. */
  readonly right?: number;
}

/** A bar of a panel. */
export interface Bar {
  /** Written to the left of it. */
  readonly name: string;
  /** Its length; NaN draws no bar. */
  readonly value: number;
  /** Written at its end. */
  readonly label: string;
  /** As SVG writes one, such as one of `PALETTE`. */
  readonly color: string;
  /** Where its whisker begins: between `low` and `high` the value lies. */
  readonly low?: number;
  /** Where its whisker ends. */
  readonly high?: number;
}

/** What a panel of bars shows. Sizes are in units of the picture. */
export interface BarPanel {
  /** Of all, axes and margins included. */
  readonly width: number;
  /** Of all, axes and margins included. */
  readonly height: number;
  /** From the top. */
  readonly bars: readonly Bar[];
  /** Of the axis. */
  readonly title: string;
  /** The axis ends there; it begins at 0. */
  readonly max: number;
  /** Whether names are written; without them, the panel stands to the right of one that has them. */
  readonly named: boolean;
  /** Room for the labels at the ends; default 62. */
  readonly right?: number;
}

/** Size of all text in a panel. */
export const LABEL_SIZE = 14;

const INK = '#555555';
const GRID = '#e8e8e8';
const LEFT = 58;
const TOP = 8;
const BOTTOM = 46;
/** Dots help to read a short curve and clutter a long one. */
const MOST_DOTS = 20;
/** On a logarithmic axis; of more, some get no tick. */
const MOST_DECADES = 10;

const CONFIG = {
  font: FONT,
  // Names for screen readers get lost in a PNG.
  aria: false,
  background: 'transparent',
  view: { stroke: null },
  axis: {
    labelFontSize: LABEL_SIZE,
    titleFontSize: LABEL_SIZE,
    titleFontWeight: 'normal',
    labelColor: INK,
    titleColor: INK,
    gridColor: GRID,
    domainColor: '#bbbbbb',
    tickColor: '#bbbbbb',
    labelFont: FONT,
    titleFont: FONT,
    titlePadding: 6,
    labelFlush: false,
  },
} as const;

/**
 * Draws a small chart of lines, to be placed in a picture.
 * @returns an SVG document of exactly the size asked for
 * @throws StateError where vega or vega-lite is missing
 */
export function linePanel(panel: LinePanel): Promise<string> {
  const padding = { left: LEFT, right: panel.right ?? 136, top: TOP, bottom: BOTTOM };
  const width = panel.width - padding.left - padding.right;
  const height = panel.height - padding.top - padding.bottom;
  const x = {
    field: 'x',
    type: 'quantitative',
    scale: { domain: [0, panel.x.max], nice: false },
    axis: {
      title: panel.x.title,
      grid: false,
      values: niceTicks(panel.x.max, Math.max(2, Math.floor(width / 48)), panel.x.whole ?? false),
      format: '~r',
    },
  } as const;
  const ticks = panel.y.ticks ?? (panel.y.log ? logTicks(panel.y.min, panel.y.max) : undefined);
  const y = {
    field: 'y',
    type: 'quantitative',
    scale: { domain: [panel.y.min, panel.y.max], nice: false, type: panel.y.log ? 'log' : 'linear' },
    axis: {
      title: panel.y.title,
      // Vega only guesses how wide the tick labels are, so the title's place is given.
      titleX: -LEFT + 14,
      titleBaseline: 'middle',
      format: panel.y.format ?? '~r',
      ...(ticks ? { values: [...ticks] } : { tickCount: Math.max(2, Math.floor(height / 40)) }),
    },
  } as const;
  const color = { field: 'color', type: 'nominal', scale: null } as const;
  const layer = (rows: readonly object[], mark: object, encoding: object) =>
    rows.length === 0 ? [] : [{ data: { values: rows }, mark, encoding }];

  const drawn = panel.lines.map((line, i) => {
    const points = visiblePoints(line, panel);
    const { color, dashed = false, dotted = false, thin = false } = line;
    const dash = dotted ? [2, 3] : dashed ? [5, 3] : [1, 0];
    const style = { color, id: i, thickness: thin ? 1.5 : 2.5, dash, dot: thin ? 14 : 32 };
    return { ...line, thin, style, points, end: points.filter((point) => point.y !== null).at(-1) };
  });
  const rows = drawn.flatMap(({ points, style }) => points.map((point) => ({ ...point, ...style })));
  const areas = drawn.flatMap(({ band, x, color }, i) => {
    if (band === undefined) return [];
    const [low, high] = [band.low, band.high].map((y) => visiblePoints({ x, y }, panel));
    return low.flatMap((point, at) =>
      point.y === null || high[at].y === null ? [] : [{ x: point.x, y: point.y, y2: high[at].y, color, id: i }],
    );
  });
  const dots = drawn.flatMap(({ points, end, style, brokenAt, open, dotted }) => {
    const cross = brokenAt === undefined ? undefined : points[brokenAt]?.y == null ? end : points[brokenAt];
    return points
      .filter(
        (point) =>
          point === end ||
          point === cross ||
          (points.length <= MOST_DOTS && !panel.steps && !dotted && point.y !== null),
      )
      .map((point) => ({ ...point, ...style, broken: point === cross, open: open === true && point === end }));
  });
  // A line that ends early is led on to its label.
  const leaders = drawn.flatMap(({ end, color, label }) =>
    end !== undefined && label !== undefined && end.x < panel.x.max * 0.99 ? [{ ...end, color }] : [],
  );
  const levels = (panel.levels ?? []).filter((level) => level.y >= panel.y.min && level.y <= panel.y.max);
  const labels = spreadLabels(
    [
      ...levels.map((level) => ({ y: level.y, label: level.label, color: '#777777', bold: false })),
      ...drawn.flatMap(({ end, label, color, thin }) =>
        label === undefined ? [] : [{ y: end?.y ?? panel.y.max, label, color, bold: !thin }],
      ),
    ],
    panel,
    height,
  );
  const label = { type: 'text', align: 'left', baseline: 'middle', fontSize: LABEL_SIZE };
  const labelAt = { x: { value: width + 8 }, y, color, text: { field: 'label' } };

  const layers = [
    // The axes must be there even if no line is.
    { data: { values: [] }, mark: 'point', encoding: { x, y } },
    ...layer(levels, { type: 'rule', color: '#999999', strokeDash: [2, 3] }, { y }),
    ...layer(
      (panel.marks ?? []).map((at) => ({ x: at })),
      { type: 'rule', color: '#bbbbbb', strokeDash: [4, 3] },
      { x },
    ),
    ...layer(
      areas,
      { type: 'area', opacity: 0.2 },
      { x, y, y2: { field: 'y2' }, color, detail: { field: 'id', type: 'nominal' } },
    ),
    ...layer(leaders, { type: 'rule', strokeDash: [1, 3] }, { x, x2: { value: width }, y, color }),
    ...layer(
      rows,
      {
        type: 'line',
        strokeJoin: 'round',
        invalid: 'break-paths-filter-domains',
        ...(panel.steps && { interpolate: 'step-before' }),
      },
      {
        x,
        y,
        color,
        detail: { field: 'id', type: 'nominal' },
        strokeWidth: { field: 'thickness', type: 'ordinal', scale: null },
        strokeDash: { field: 'dash', type: 'nominal', scale: null },
      },
    ),
    ...layer(
      dots.filter((dot) => !dot.broken && !dot.open),
      { type: 'point', filled: true, opacity: 1 },
      { x, y, color, size: { field: 'dot', type: 'ordinal', scale: null } },
    ),
    ...layer(
      dots.filter((dot) => !dot.broken && dot.open),
      { type: 'point', fill: 'white', size: 50, strokeWidth: 2, opacity: 1 },
      { x, y, color },
    ),
    ...layer(
      dots.filter((dot) => dot.broken),
      { type: 'point', shape: 'M-1,-1L1,1M-1,1L1,-1', size: 130, strokeWidth: 3, opacity: 1 },
      { x, y, color },
    ),
    ...layer(
      labels.filter(({ bold }) => !bold),
      label,
      labelAt,
    ),
    ...layer(
      labels.filter(({ bold }) => bold),
      { ...label, fontWeight: 'bold' },
      labelAt,
    ),
    ...layer(
      panel.notes ?? [],
      { type: 'text', align: 'left', baseline: 'bottom', dx: 4, dy: -4, fontSize: LABEL_SIZE - 1 },
      { x, y, color, text: { field: 'label' } },
    ),
    ...layer(
      panel.empty === undefined ? [] : [{ label: panel.empty }],
      { type: 'text', align: 'center', fontSize: LABEL_SIZE + 2, fontWeight: 'bold', color: INK },
      { x: { value: width / 2 }, y: { value: height / 2 }, text: { field: 'label' } },
    ),
  ];
  return toSvg({ width, height, padding, layers });
}

/**
 * Draws a small chart of bars, to be placed in a picture.
 * @returns an SVG document of exactly the size asked for
 * @throws StateError where vega or vega-lite is missing
 */
export function barPanel(panel: BarPanel): Promise<string> {
  const padding = { left: panel.named ? 124 : 10, right: panel.right ?? 62, top: TOP, bottom: BOTTOM };
  const width = panel.width - padding.left - padding.right;
  const height = panel.height - padding.top - padding.bottom;
  const y = {
    field: 'name',
    type: 'nominal',
    sort: null,
    scale: { domain: panel.bars.map((bar) => bar.name), paddingInner: 0.35, paddingOuter: 0.15 },
    axis: panel.named ? { title: null, ticks: false, domain: false, labelLimit: 0, labelPadding: 8 } : null,
  } as const;
  const x = {
    field: 'value',
    type: 'quantitative',
    scale: { domain: [0, panel.max], nice: false },
    axis: { title: panel.title, values: niceTicks(panel.max, 4, false), grid: true, format: '~r' },
  } as const;
  const values = panel.bars.map((bar) => {
    const value = Number.isFinite(bar.value) ? bar.value : 0;
    return { ...bar, value, end: Math.max(value, bar.high ?? value) };
  });
  const whiskers = values.filter(({ low, high }) => low !== undefined && high !== undefined && low < high);
  const color = { field: 'color', type: 'nominal', scale: null } as const;
  const layers: object[] = [
    {
      data: { values },
      mark: { type: 'bar', height: { band: Math.min(1, 20 / (height / panel.bars.length)) } },
      encoding: { x, y, color },
    },
    {
      data: { values: whiskers },
      mark: { type: 'rule', strokeWidth: 2, color: INK },
      encoding: { x: { ...x, field: 'low' }, x2: { field: 'high' }, y },
    },
    {
      data: { values },
      mark: { type: 'text', align: 'left', dx: 6, fontSize: LABEL_SIZE, fontWeight: 'bold' },
      encoding: { x: { ...x, field: 'end' }, y, color, text: { field: 'label' } },
    },
  ];
  return toSvg({ width, height, padding, layers });
}

/** About `most` round numbers from 0 to `max`. */
function niceTicks(max: number, most: number, whole: boolean): number[] {
  const rough = max / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const nice = [1, 2, 5, 10].map((digit) => digit * power).find((step) => step >= rough * 0.999) ?? rough;
  const step = whole ? Math.max(1, Math.ceil(nice)) : nice;
  return Array.from({ length: Math.floor(max / step + 1e-6) + 1 }, (_, i) => Number((i * step).toPrecision(10)));
}

/** Round numbers from `low` to `high`, above 0: powers of ten and, where there are few of those, twice and five times them. */
function logTicks(low: number, high: number): number[] {
  const [first, last] = [Math.floor(Math.log10(low)), Math.ceil(Math.log10(high))];
  const every = Math.ceil((last - first) / MOST_DECADES);
  const ticks: number[] = [];
  for (let power = first; power <= last; power += every) {
    for (const digit of high / low > 200 ? [1] : [1, 2, 5]) {
      const tick = Number(`${digit}e${power}`);
      if (tick >= low && tick <= high) ticks.push(tick);
    }
  }
  return ticks;
}

function visiblePoints(line: Pick<Line, 'x' | 'y'>, panel: LinePanel): { x: number; y: number | null }[] {
  return line.x.map((x, i) => {
    const y = line.y[i];
    // Above the axis a value is as good as infinite; on a log axis there is no zero.
    const shown = Number.isFinite(y) && (!panel.y.log || y > 0);
    return { x, y: shown ? Math.min(Math.max(y, panel.y.min), panel.y.max) : null };
  });
}

/** Moves labels apart until they can be read, and keeps them inside the panel. */
function spreadLabels<Label extends { y: number }>(
  labels: readonly Label[],
  panel: LinePanel,
  height: number,
): Label[] {
  const scale = panel.y.log ? Math.log : (v: number) => v;
  const unscale = panel.y.log ? Math.exp : (v: number) => v;
  const bottom = scale(panel.y.min);
  const unit = (scale(panel.y.max) - bottom) / height;
  const gap = LABEL_SIZE + 2;
  const places = spread(
    labels.map(({ y }) => (scale(y) - bottom) / unit),
    gap,
    [0, height],
  );
  return labels.map((label, i) => ({ ...label, y: unscale(bottom + places[i] * unit) }));
}

async function toSvg(parts: { width: number; height: number; padding: object; layers: object[] }): Promise<string> {
  const { width, height, padding, layers } = parts;
  const spec = { width, height, padding, autosize: 'none', config: CONFIG, layer: layers };
  return await vegaChart(spec);
}
