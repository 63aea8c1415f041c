/** The picture of the bench: images a second against the batch size, and from where on a larger batch hardly helps. */
import type { TopLevelSpec } from 'vega-lite';
import { FONT, Picture, paragraph, place, vegaChart } from '../src/pictures/index.ts';
import { firstNearPeak } from './statistics.ts';
import type { StepRow } from './steps.ts';

const WIDTH = 960;
const MARGIN = 28;
const PLOT = { width: WIDTH - 2 * MARGIN, height: 400 };
const PADDING = { left: 84, right: 44, top: 10, bottom: 54 };
const COLOR = '#0072B2';
const MARK = '#B34A00';
const INK = '#555555';
const LABEL_SIZE = 15;
/** Share of the peak that counts as having arrived. */
const NEAR = 0.9;

/** Draws the chart; `rows` must hold at least one batch. */
export async function throughputChart(rows: readonly StepRow[], date: Date): Promise<Picture> {
  const sorted = [...rows].sort((a, b) => a.batch - b.batch);
  const knee = firstNearPeak(sorted, NEAR);
  if (knee === null) throw new Error('A chart of throughput needs at least one batch size, got none. Measure one.');
  const peak = sorted.reduce((best, row) => (row.imagesPerSecond > best.imagesPerSecond ? row : best));
  const width = WIDTH - 2 * MARGIN;
  const title = paragraph(MARGIN, 46, headline(sorted, knee, peak), width, { size: 24, bold: true });
  const subtitle = paragraph(MARGIN, title.nextY - 2, subtitleOf(sorted, date), width, { size: 16, color: INK });
  const top = subtitle.nextY;
  return new Picture(WIDTH, top + PLOT.height + 16, [
    title.svg,
    subtitle.svg,
    place(MARGIN, top, await plot(sorted, knee, peak)),
  ]);
}

const count = (value: number): string => Number(value.toPrecision(3)).toLocaleString('en-US');

function headline(rows: readonly StepRow[], knee: StepRow, peak: StepRow): string {
  const [first] = rows;
  const arrived = `${count(knee.imagesPerSecond)} images a second at batch ${knee.batch}`;
  const times = Number((knee.imagesPerSecond / first.imagesPerSecond).toPrecision(2));
  const more = knee === first ? '' : `, ${times} times batch ${first.batch}`;
  if (knee === rows.at(-1)) return `${arrived}${more}`;
  const gain = Math.round((peak.imagesPerSecond / knee.imagesPerSecond - 1) * 100);
  return `${arrived}${more}; larger ones add ${gain < 1 ? 'nothing' : `at most ${gain} %`}`;
}

function subtitleOf(rows: readonly StepRow[], date: Date): string {
  const samples = Math.min(...rows.map((row) => row.samples));
  const day = date.toISOString().slice(0, 10);
  return (
    `The study’s network, whole training steps on ${rows[0].adapter}, ${day}. ` +
    `Median of ${samples} or more steps; the band holds their middle half.`
  );
}

async function plot(rows: readonly StepRow[], knee: StepRow, peak: StepRow): Promise<string> {
  const width = PLOT.width - PADDING.left - PADDING.right;
  const height = PLOT.height - PADDING.top - PADDING.bottom;
  const points = rows.map(({ batch, imagesPerSecond, stepLowMs, stepHighMs }) => ({
    batch,
    rate: imagesPerSecond,
    low: (batch * 1000) / stepHighMs,
    high: (batch * 1000) / stepLowMs,
    label: count(imagesPerSecond),
  }));
  const batches = points.map(({ batch }) => batch);
  const highest = Math.max(...points.map(({ high }) => high));
  // Room above for the labels, and on both sides for those of the first and last point.
  const ceiling = highest * 1.3;
  const x = {
    field: 'batch',
    type: 'quantitative' as const,
    scale: {
      type: 'log' as const,
      base: 2,
      domain: [batches[0] / 1.6, batches[batches.length - 1] * 1.6],
      nice: false,
    },
    axis: { title: 'batch size (log scale)', values: batches, grid: false, format: 'd' },
  };
  const y = {
    field: 'rate',
    type: 'quantitative' as const,
    scale: { domain: [0, ceiling], nice: false },
    axis: { title: 'training images a second', titleX: -PADDING.left + 16, format: ',.0f', tickCount: 6 },
  };
  const near = [{ rate: NEAR * peak.imagesPerSecond, label: '90 % of the peak' }];
  // The mark stops where the point's own label is.
  const at = points[rows.indexOf(knee)];
  const uprights = [
    { batch: at.batch, low: 0, high: at.low },
    { batch: at.batch, low: at.high + (ceiling * 32) / height, high: ceiling },
  ];
  const largest =
    knee === rows.at(-1) ? 'the largest measured' : `the first within ${Math.round(100 - NEAR * 100)} % of the peak`;
  const notes = [
    { line: 'a bigger batch is nearly free until here', bold: true },
    { line: `batch ${knee.batch}, ${largest}`, bold: false },
  ];
  // To the side with more room, so that the text stays within the plot.
  const place = Math.log2(knee.batch / batches[0]) / Math.max(1, Math.log2(batches[batches.length - 1] / batches[0]));
  const leftwards = place > 0.5;
  const note = {
    type: 'text' as const,
    align: leftwards ? ('right' as const) : ('left' as const),
    dx: leftwards ? -8 : 8,
    baseline: 'top' as const,
    color: MARK,
    fontSize: LABEL_SIZE,
  };
  const spec: TopLevelSpec = {
    width,
    height,
    padding: PADDING,
    autosize: 'none',
    config: {
      font: FONT,
      aria: false,
      background: 'transparent',
      view: { stroke: null },
      axis: {
        labelFont: FONT,
        titleFont: FONT,
        labelFontSize: LABEL_SIZE,
        titleFontSize: LABEL_SIZE,
        titleFontWeight: 'normal',
        labelColor: INK,
        titleColor: INK,
        gridColor: '#e8e8e8',
        domainColor: '#bbbbbb',
        tickColor: '#bbbbbb',
        titlePadding: 8,
        labelFlush: false,
      },
    },
    data: { values: points },
    layer: [
      {
        mark: { type: 'area', color: COLOR, opacity: 0.16 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
      },
      {
        mark: { type: 'rule', color: COLOR, strokeWidth: 2, opacity: 0.45 },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
      },
      { mark: { type: 'line', color: COLOR, strokeWidth: 2.5 }, encoding: { x, y } },
      { mark: { type: 'point', filled: true, color: COLOR, size: 70, opacity: 1 }, encoding: { x, y } },
      {
        data: { values: near },
        mark: { type: 'rule', color: '#999999', strokeDash: [2, 3] },
        encoding: { y },
      },
      ...haloed({
        type: 'text',
        align: 'left',
        baseline: 'bottom',
        dx: 6,
        dy: -4,
        color: INK,
        fontSize: LABEL_SIZE - 1,
      }).map((mark) => ({ data: { values: near }, mark, encoding: { x: { value: 0 }, y, text: { field: 'label' } } })),
      {
        data: { values: uprights },
        mark: { type: 'rule', color: MARK, strokeWidth: 1.5, strokeDash: [5, 4] },
        encoding: { x, y: { ...y, field: 'low' }, y2: { field: 'high' } },
      },
      ...notes.flatMap(({ line, bold }, at) =>
        haloed({ ...note, dy: 4 + 20 * at, fontWeight: bold ? 'bold' : 'normal' }).map((mark) => ({
          data: { values: [{ batch: knee.batch, line }] },
          mark,
          encoding: { x, y: { value: 0 }, text: { field: 'line' } },
        })),
      ),
      ...haloed({
        type: 'text',
        align: 'center',
        baseline: 'bottom',
        dy: -9,
        color: '#22455E',
        fontSize: LABEL_SIZE,
        fontWeight: 'bold',
      }).map((mark) => ({ mark, encoding: { x, y: { ...y, field: 'high' }, text: { field: 'label' } } })),
    ],
  };
  return await vegaChart(spec);
}

/** A text on a white edge of itself, so that lines behind it do not run through it. */
const haloed = <const Mark extends object>(mark: Mark) => [
  { ...mark, color: '#ffffff', stroke: '#ffffff', strokeWidth: 5, strokeJoin: 'round' as const },
  mark,
];
