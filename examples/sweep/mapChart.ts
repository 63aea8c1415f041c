/** The map of the plane: learning rate × batch size, both logarithmic. */

import { type Picture, vegaChart } from '../../src/pictures/index.ts';
import { shortRate } from '../study/facts.ts';
import { batchesOf, bestRates, type Cell, cellsOf, ratesOf, type SweepFacts } from './plane.ts';
import { RULES, ruleWords } from './rules.ts';
import { CONFIG, MARGIN, sheet, WIDTH } from './sheet.ts';
import { adviceWords } from './table.ts';

const HEIGHT = 470;
const LEFT = 96;
/** Where the rules' names stand. */
const RIGHT = 128;
const RULE_COLORS = ['#D55E00', '#A0478A'] as const;
const BEST = '#111111';

export async function mapChart(facts: SweepFacts): Promise<Picture> {
  const words =
    `${ruleWords(facts)} Colour: validation accuracy in %, small: epochs until a trial was stopped. ` +
    'Framed: the best rate of a batch size. Cross: diverged, or left guessing.';
  return sheet(adviceWords(facts), words, await vegaChart(mapSpec(facts)), HEIGHT, facts);
}

/** Of cells around values, in the middle between neighbours on a logarithmic axis. */
export function edgesOf(values: readonly number[]): readonly (readonly [low: number, high: number])[] {
  if (values.length < 2) return values.map((value) => [value / 2, value * 2]);
  const between = values.slice(1).map((value, i) => Math.sqrt(value * values[i]));
  const end = values.length - 1;
  const edges = [values[0] ** 2 / between[0], ...between, values[end] ** 2 / between[end - 1]];
  return values.map((_, i) => [edges[i], edges[i + 1]]);
}

function mapSpec(facts: SweepFacts): object {
  const [batches, rates] = [batchesOf(facts), ratesOf(facts)];
  const [xs, ys] = [edgesOf(batches), edgesOf(rates)];
  const [left, right] = [xs[0][0], xs[xs.length - 1][1]];
  const [bottom, top] = [ys[0][0], ys[ys.length - 1][1]];
  const cells = cellsOf(facts);
  const accuracies = cells.map(({ accuracy }) => accuracy * 100).filter(Number.isFinite);
  const [low, high] = [Math.min(...accuracies), Math.max(...accuracies)];
  const placed = (cell: Cell) => {
    const [x1, x2] = xs[batches.indexOf(cell.batch)];
    const [y1, y2] = ys[rates.indexOf(cell.rate)];
    const value = cell.accuracy * 100;
    return {
      ...{ x1, x2, y1, y2, batch: cell.batch, rate: cell.rate, value: Number.isFinite(value) ? value : null },
      label: Number.isFinite(value) ? value.toFixed(value < 10 ? 1 : 0) : '',
      small: Number.isFinite(value) && cell.epochs < facts.epochs ? `${cell.epochs} ep.` : '',
      dark: value > (low + high) / 2,
    };
  };
  const all = cells.filter(({ epochs, diverged }) => epochs > 0 || diverged).map(placed);
  const best = bestRates(facts);
  const begin = best[0];
  const x = {
    field: 'x1',
    type: 'quantitative',
    scale: { type: 'log', base: 2, domain: [left, right], nice: false },
    axis: { title: 'batch size', values: batches, format: 'd', grid: false },
  } as const;
  const y = {
    field: 'y1',
    type: 'quantitative',
    scale: { type: 'log', domain: [bottom, top], nice: false },
    axis: {
      title: 'learning rate',
      titleAngle: 0,
      titleAlign: 'left',
      titleX: 8 - LEFT,
      titleY: -12,
      values: rates,
      grid: false,
      labelExpr: labelsOf(rates),
    },
  } as const;
  const area = { x, x2: { field: 'x2' }, y, y2: { field: 'y2' } };
  const centre = { x: { ...x, field: 'batch' }, y: { ...y, field: 'rate' } };
  const rules =
    begin === undefined
      ? []
      : RULES.map(({ name, exponent }, i) => ruleLine(name, exponent, RULE_COLORS[i], begin, { right, top }));
  return {
    width: WIDTH - 2 * MARGIN - LEFT - RIGHT,
    height: HEIGHT - 76,
    padding: { left: LEFT, right: RIGHT, top: 30, bottom: 46 },
    autosize: 'none',
    config: CONFIG,
    layer: [
      {
        data: { values: all.filter(({ value }) => value !== null) },
        mark: { type: 'rect', stroke: '#ffffff', strokeWidth: 1.5 },
        encoding: {
          ...area,
          color: {
            field: 'value',
            type: 'quantitative',
            scale: { scheme: 'yellowgreenblue', domain: accuracies.length === 0 ? [0, 100] : [low, high] },
            legend: null,
          },
        },
      },
      {
        data: { values: all.filter(({ value }) => value === null) },
        mark: { type: 'rect', color: '#efefef', stroke: '#ffffff', strokeWidth: 1.5 },
        encoding: area,
      },
      {
        data: { values: best.map(placed) },
        mark: { type: 'rect', fillOpacity: 0, stroke: BEST, strokeWidth: 3 },
        encoding: area,
      },
      ...rules.map(({ color, points }) => ({
        data: { values: points },
        mark: { type: 'line', color, strokeWidth: 2.5, strokeDash: [7, 4], clip: true },
        encoding: { x: { ...x, field: 'x' }, y: { ...y, field: 'y' } },
      })),
      ...rules.map(({ name, color, points }, i) => {
        const end = points[points.length - 1];
        // Where both end at the same place, one name stands above the other.
        const together = i === 1 && rules[0].points[rules[0].points.length - 1].y === end.y;
        return {
          data: { values: [{ ...end, name }] },
          mark: {
            type: 'text',
            align: 'left',
            baseline: 'middle',
            dx: 8,
            dy: together ? 16 : 0,
            color,
            fontSize: 13,
            fontWeight: 'bold',
          },
          encoding: { x: { ...x, field: 'x' }, y: { ...y, field: 'y' }, text: { field: 'name' } },
        };
      }),
      {
        data: { values: all.filter(({ value }) => value === null) },
        mark: { type: 'point', shape: 'M-1,-1L1,1M-1,1L1,-1', size: 150, strokeWidth: 3, color: '#B34A00', opacity: 1 },
        encoding: centre,
      },
      textLayer(all, 'label', { fontSize: 15, fontWeight: 'bold', dy: 0 }, centre),
      textLayer(all, 'small', { fontSize: 11, dy: 15 }, centre),
    ],
  };
}

const textLayer = (values: readonly object[], field: string, style: object, centre: object): object => ({
  data: { values },
  mark: { type: 'text', baseline: 'middle', ...style },
  encoding: {
    ...centre,
    text: { field },
    color: { condition: { test: 'datum.dark', value: '#ffffff' }, value: '#222222' },
  },
});

/** As a person writes them: d3 would write 100µ. */
const labelsOf = (rates: readonly number[]): string =>
  rates.reduce((text, rate) => `abs(datum.value / ${rate} - 1) < 1e-6 ? '${shortRate(rate)}' : ${text}`, "''");

/** Begun at the best of the smallest batch, up to the edge of the map where it leaves it. */
function ruleLine(
  name: string,
  exponent: number,
  color: string,
  begin: Cell,
  { right, top }: { readonly right: number; readonly top: number },
) {
  const leaves = begin.batch * (top / begin.rate) ** (1 / exponent);
  const end = Math.min(right, leaves);
  const at = (x: number) => ({ x, y: Math.min(top, begin.rate * (x / begin.batch) ** exponent) });
  return { name, color, points: [at(begin.batch), at(end)] };
}
