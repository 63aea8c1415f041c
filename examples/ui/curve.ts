/** What a chart of training runs shows: from the numbers of runs to lines over one axis. Pure. */

import { CLASSES, GUESSING_LOSS, median } from '../study/facts.ts';

export const METRICS = ['accuracy', 'loss', 'learning_rate'] as const;
export type Metric = (typeof METRICS)[number];

export const AXES = ['epoch', 'step', 'seconds'] as const;
/** `epoch` has fractions: 1.5 is half-way through the second. `seconds` are of training alone. */
export type Axis = (typeof AXES)[number];

/** Readings of a run in the order in which they were made: columns of one length. NaN where there was no number. */
export interface Track {
  readonly step: readonly number[];
  readonly epoch: readonly number[];
  readonly seconds: readonly number[];
  readonly loss: readonly number[];
  readonly accuracy: readonly number[];
  readonly learning_rate: readonly number[];
}

export const emptyTrack = (): Track => ({
  step: [],
  epoch: [],
  seconds: [],
  loss: [],
  accuracy: [],
  learning_rate: [],
});

/** Between which values the repeats of a run lie: readings of the least and of the greatest, at the same places. */
export interface Band {
  readonly low: Track;
  readonly high: Track;
}

/** A run as the chart sees it. */
export interface CurveRun {
  readonly id: string;
  readonly name: string;
  /** Place in the palette. */
  readonly color: number;
  readonly visible: boolean;
  readonly training: Track;
  /** One reading an epoch; its `learning_rate` is not used. */
  readonly validation: Track;
  /** Epochs that it is to take: where its curve is going. */
  readonly epochs: number;
  /** Training step at which the run diverged, where its curve gets a cross; null where it did not. */
  readonly brokenAt: number | null;
  /** Where its repeats lie; its own lines then are their mean. */
  readonly band?: Band | null;
  readonly trainingBand?: Band | null;
  /** What it is compared with: validation readings of the same run without what sets it apart. */
  readonly controls?: readonly Track[];
  /** Whether its last reading is of a part of an epoch, because it was cut off there. */
  readonly interrupted?: boolean;
}

export interface View {
  readonly metric: Metric;
  readonly axis: Axis;
  /** Weight of the past in a moving average, in [0, 1): 0 shows every reading as it is. */
  readonly smoothing: number;
  readonly log: boolean;
  readonly training: boolean;
  readonly validation: boolean;
}

export const FIRST_VIEW: View = {
  metric: 'accuracy',
  axis: 'epoch',
  smoothing: 0.6,
  log: false,
  training: true,
  validation: true,
};

export type Part = 'control' | 'training' | 'validation';

/** Null where there is no number to draw. */
export type Values = readonly (number | null)[];

/** A line of the chart. */
export interface Curve {
  readonly run: CurveRun;
  readonly part: Part;
  /** What it was made of. */
  readonly track: Track;
  readonly x: readonly number[];
  readonly y: Values;
  /** The area around it; null where it has none. */
  readonly area: { readonly x: readonly number[]; readonly low: Values; readonly high: Values } | null;
}

/** What guessing comes to, by metric. */
export const GUESSING: Readonly<Record<Metric, number | null>> = {
  accuracy: 1 / CLASSES,
  loss: GUESSING_LOSS,
  learning_rate: null,
};

/** The lines of the visible runs: controls undermost, then training, and validation on top. */
export function curvesOf(runs: readonly CurveRun[], view: View): Curve[] {
  const { metric, axis, log } = view;
  const rate = metric === 'learning_rate';
  const visible = runs.filter((run) => run.visible);
  const curve = (run: CurveRun, part: Part, track: Track, band: Band | null = null): Curve => {
    // One reading an epoch is an average already, and a rate is exact.
    const weight = part === 'training' && !rate ? view.smoothing : 0;
    const drawn = (values: readonly number[]) => drawable(smooth(values, weight), log);
    const area = rate ? null : band;
    return {
      run,
      part,
      track,
      x: track[axis],
      y: drawn(track[metric]),
      area: area && { x: area.low[axis], low: drawn(area.low[metric]), high: drawn(area.high[metric]) },
    };
  };
  const controls = visible.flatMap((run) => (run.controls ?? []).map((track) => curve(run, 'control', track)));
  const training = visible.map((run) => curve(run, 'training', run.training, run.trainingBand));
  const validation = visible.map((run) => curve(run, 'validation', run.validation, run.band));
  return [
    ...(rate || view.validation ? controls : []),
    ...(rate || view.training ? training : []),
    ...(!rate && view.validation ? validation : []),
  ].filter(({ x }) => x.length > 0);
}

/**
 * A moving average with exponential weights, corrected for its start (Kingma and Ba 2014, section 3). A value that is not
 * finite stays where it is and the average begins anew behind it.
 */
export function smooth(values: readonly number[], weight: number): number[] {
  if (weight <= 0) return [...values];
  let average = 0;
  let total = 0;
  return values.map((value) => {
    if (!Number.isFinite(value)) {
      average = 0;
      total = 0;
      return value;
    }
    average = weight * average + (1 - weight) * value;
    total = weight * total + (1 - weight);
    return average / total;
  });
}

/** A logarithmic axis has no place for zero and below. */
const drawable = (values: readonly number[], log: boolean): (number | null)[] =>
  values.map((value) => (Number.isFinite(value) && (!log || value > 0) ? value : null));

/** Where a curve gets its cross: the first number at or behind the step of the divergence, else its last; -1: nowhere. */
export function crossOf({ run, part, track, y }: Curve): number {
  const { brokenAt } = run;
  if (brokenAt === null || part === 'control') return -1;
  const there = y.findIndex((value, i) => value !== null && track.step[i] >= brokenAt);
  return there === -1 ? y.findLastIndex((value) => value !== null) : there;
}

/** The place of the last of rising numbers that is no more than `most`; -1 where all are. */
export function lastUpTo(values: readonly number[], most: number): number {
  let [low, high] = [0, values.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (values[middle] <= most) low = middle + 1;
    else high = middle;
  }
  return low - 1;
}

/** The last reading at or before `x`; null before the first. Readings are in rising order. */
export function readingAt({ x, y }: Pick<Curve, 'x' | 'y'>, at: number): number | null {
  const place = lastUpTo(x, at);
  return place === -1 ? null : y[place];
}

/** What a box tells of a run at a place. */
export interface RunReading {
  readonly run: CurveRun;
  /** Of the run itself, or of one of its controls. */
  readonly control: boolean;
  /** Undefined: the chart does not show it. Null: there is no number. */
  readonly validation?: number | null;
  readonly training?: number | null;
  /** Where its readings end, if that lies before the place: its values are of there. */
  readonly endedAt: number | null;
}

/** The values of all runs at one place, the best first; behind them those whose curves end before it, the last to end first. */
export function readingsAt(curves: readonly Curve[], at: number, { metric, axis }: View): RunReading[] {
  const lines = new Map<string, Curve[]>();
  curves.forEach((curve, i) => {
    const key = curve.part === 'control' ? `${i}` : `of ${curve.run.id}`;
    lines.set(key, [...(lines.get(key) ?? []), curve]);
  });
  const rows = [...lines.values()].map((own): RunReading => {
    const [{ run, part }] = own;
    const control = part === 'control';
    const tracks = control ? own.map(({ track }) => track) : [run.training, run.validation];
    const end = Math.max(...tracks.map((track) => track[axis].at(-1) ?? Number.NEGATIVE_INFINITY));
    const read = (curve: Curve | undefined) => curve && readingAt(curve, at);
    return {
      run,
      control,
      validation: read(own.find((curve) => curve.part === 'validation' || control)),
      training: read(own.find((curve) => curve.part === 'training')),
      endedAt: end < at ? end : null,
    };
  });
  const worst = metric === 'loss' ? Number.POSITIVE_INFINITY : Number.NEGATIVE_INFINITY;
  const rank = ({ validation, training }: RunReading) => validation ?? training ?? worst;
  const better = (a: RunReading, b: RunReading): number => {
    const [one, other] = metric === 'loss' ? [rank(a), rank(b)] : [rank(b), rank(a)];
    // Two that have no number are alike; infinity less infinity would be NaN.
    return one === other ? 0 : one - other;
  };
  const end = ({ endedAt }: RunReading): number => endedAt ?? Number.MAX_VALUE;
  const cutOff = (row: RunReading): number => Number(row.endedAt !== null && wasCutOff(row));
  return rows.sort((a, b) => end(b) - end(a) || cutOff(a) - cutOff(b) || better(a, b));
}

/** Whether the readings end within an epoch, because the run was cut off there. */
export const wasCutOff = ({ run, control }: RunReading): boolean => run.interrupted === true && !control;

/** End of the axis of places: by epochs where the runs are to end, else as far as they have come. */
export function lastPlace(curves: readonly Curve[], axis: Axis): number {
  const reached = Math.max(0, ...curves.map(({ x }) => x.at(-1) ?? 0));
  if (axis === 'epoch') return Math.max(1, reached, ...curves.map(({ run }) => run.epochs));
  return reached > 0 ? reached : 1;
}

/** A part of the axis of places. */
export type Zoom = readonly [low: number, high: number];

/** Least part of the axis that can be shown. */
const LEAST_SHARE = 1 / 500;

/** `factor` times as much of the axis, `at` staying where it is; null: all of it. */
export function zoomed([low, high]: Zoom, factor: number, at: number, end: number): Zoom | null {
  const width = Math.max((high - low) * factor, end * LEAST_SHARE);
  if (width >= end) return null;
  const share = (at - low) / (high - low);
  return shifted([at - share * width, at + (1 - share) * width], 0, end);
}

/** As much of the axis, further along by `by`, but not beyond its ends. */
export function shifted([low, high]: Zoom, by: number, end: number): Zoom {
  const begin = Math.min(Math.max(0, low + by), Math.max(0, end - (high - low)));
  return [begin, begin + (high - low)];
}

/** The values of a curve in a part of the axis, with the neighbours that its lines lead to. */
function valuesIn({ x, y, area }: Curve, zoom: Zoom | null): number[] {
  const all: readonly (readonly [readonly number[], Values])[] =
    area === null
      ? [[x, y]]
      : [
          [x, y],
          [area.x, area.low],
          [area.x, area.high],
        ];
  return all.flatMap(([places, values]) => {
    if (zoom === null) return values.filter((value) => value !== null);
    const first = Math.max(0, places.findIndex((place) => place >= zoom[0]) - 1);
    const beyond = places.findIndex((place) => place > zoom[1]);
    const some = values.slice(first, beyond === -1 ? undefined : beyond + 1);
    return some.filter((value) => value !== null);
  });
}

/** Bounds of the values axis. Accuracy begins at 0; a loss of 1e9 must not press all the rest into one line. */
export function valueBounds(
  curves: readonly Curve[],
  { metric, log }: View,
  zoom: Zoom | null = null,
): [low: number, high: number] {
  const values = curves.flatMap((curve) => valuesIn(curve, zoom));
  const guessing = GUESSING[metric];
  // As arguments of one call they could be too many.
  const lowest = values.reduce((least, value) => Math.min(least, value), Number.POSITIVE_INFINITY);
  const highest = values.reduce((most, value) => Math.max(most, value), Number.NEGATIVE_INFINITY);
  if (zoom !== null && values.length > 0 && metric !== 'learning_rate') {
    // Looked at closely: the values with some air, also where guessing lies far off.
    const air = log ? 1 : Math.max((highest - lowest) * 0.08, Math.abs(highest) * 0.01, 1e-6);
    const most = metric === 'loss' ? Math.min(highest, LOSS_CEILING * Math.max(1, median(values))) : highest;
    return log ? [lowest * 0.95, highest * 1.05] : [Math.max(0, lowest - air), most + air];
  }
  if (metric === 'learning_rate') {
    if (values.length === 0) return log ? [1e-4, 1e-1] : [0, 1e-3];
    return log ? [lowest / 2, highest * 2] : [0, highest * 1.1];
  }
  if (metric === 'accuracy') {
    const top = Math.min(1, Math.ceil(Math.max(0.3, highest) * 10 + 0.3) / 10);
    return log ? [Math.max(0.01, Math.min(0.08, lowest * 0.9)), top] : [0, top];
  }
  const ceiling = log ? highest * 1.2 : Math.min(highest * 1.05, LOSS_CEILING * Math.max(1, median(values)));
  const top = Math.max(guessing ?? 0, values.length === 0 ? 0 : ceiling) * 1.05;
  return log ? [Math.min(1, values.length === 0 ? 1 : lowest * 0.9), top] : [0, top];
}

/** How far above the middle of all losses a linear axis reaches. */
const LOSS_CEILING = 4;
