/** Parallel coordinates: an upright a parameter, the last one the accuracy, a line a point of the space. */

import { type Picture, vegaChart } from '../../src/pictures/index.ts';
import type { Parameters } from '../../src/sweep/index.ts';
import { shortRate } from '../study/facts.ts';
import type { SweepFacts } from './plane.ts';
import { CONFIG, MARGIN, sheet, WIDTH } from './sheet.ts';

/** A line: any parameters, and what came of them. */
export interface Strand {
  readonly parameters: Parameters;
  /** What decided; NaN where it diverged. */
  readonly value: number;
}

const HEIGHT = 400;

/** Places of values from 0 to 1: numbers by their size, logarithmic where they span a decade or more; others by their order. */
function axisOf(values: readonly (number | string | boolean)[]) {
  const numbers = values.filter((value) => typeof value === 'number');
  const several = [...new Set(values)];
  if (numbers.length < values.length) {
    const names = several.map(String).sort();
    const at = (value: unknown): number => (names.length < 2 ? 0.5 : names.indexOf(String(value)) / (names.length - 1));
    return { at, ticks: names.map((name) => ({ place: at(name), label: name })) };
  }
  const [low, high] = [Math.min(...numbers), Math.max(...numbers)];
  const log = low > 0 && high / low >= 10;
  const scale = (value: number): number => (log ? Math.log(value) : value);
  const at = (value: unknown): number =>
    low === high ? 0.5 : (scale(Number(value)) - scale(low)) / (scale(high) - scale(low));
  const shown =
    several.length <= 8
      ? several.map(Number)
      : Array.from({ length: 5 }, (_, i) => (log ? low * (high / low) ** (i / 4) : low + ((high - low) * i) / 4));
  return { at, ticks: shown.map((value) => ({ place: at(value), label: shortNumber(value) })) };
}

const shortNumber = (value: number): string =>
  Number.isInteger(value) ? String(value) : value < 1 ? shortRate(value) : String(Number(value.toPrecision(3)));

export async function parallelChart(facts: SweepFacts, strands: readonly Strand[], what = 'val %'): Promise<Picture> {
  const names = Object.keys(strands[0]?.parameters ?? {});
  const fine = strands.filter(({ value }) => Number.isFinite(value));
  const broken = strands.length - fine.length;
  const axes = [
    ...names.map((name) => ({ name, ...axisOf(strands.map(({ parameters }) => parameters[name])) })),
    { name: what, ...axisOf(fine.length === 0 ? [0, 1] : fine.map(({ value }) => value)) },
  ];
  const worst = Math.min(...fine.map(({ value }) => value));
  const lines = strands.flatMap(({ parameters, value }, strand) =>
    axes.flatMap(({ name, at }) => {
      const here = name === what ? value : parameters[name];
      if (typeof here === 'number' && !Number.isFinite(here)) return [];
      return [
        {
          strand,
          name,
          place: at(here),
          value: Number.isFinite(value) ? value : worst,
          broken: !Number.isFinite(value),
        },
      ];
    }),
  );
  const ticks = axes.flatMap(({ name, ticks: all }) => all.map((tick) => ({ name, ...tick })));
  const x = {
    field: 'name',
    type: 'ordinal',
    sort: axes.map(({ name }) => name),
    scale: { padding: 0.25 },
    axis: {
      title: null,
      orient: 'top',
      labelAngle: 0,
      labelFontSize: 15,
      labelPadding: 14,
      domain: false,
      ticks: false,
      grid: true,
      gridColor: '#999999',
    },
  };
  const y = { field: 'place', type: 'quantitative', scale: { domain: [0, 1] }, axis: null };
  const detail = { field: 'strand', type: 'nominal' };
  const spec = {
    width: WIDTH - 2 * MARGIN - 40,
    height: HEIGHT - 70,
    padding: { left: 20, right: 20, top: 44, bottom: 16 },
    autosize: 'none',
    config: CONFIG,
    layer: [
      {
        data: { values: lines.filter((line) => line.broken) },
        mark: { type: 'line', color: '#B34A00', opacity: 0.35, strokeDash: [4, 4] },
        encoding: { x, y, detail },
      },
      {
        data: { values: lines.filter((line) => !line.broken) },
        mark: { type: 'line', strokeWidth: 2, opacity: 0.8 },
        encoding: {
          x,
          y,
          detail,
          color: { field: 'value', type: 'quantitative', scale: { scheme: 'viridis', reverse: true }, legend: null },
        },
      },
      {
        data: { values: ticks },
        mark: {
          type: 'text',
          align: 'left',
          dx: 7,
          fontSize: 12.5,
          fontWeight: 'bold',
          stroke: '#ffffff',
          strokeWidth: 3,
          strokeOpacity: 0.9,
        },
        encoding: { x, y, text: { field: 'label' } },
      },
      {
        data: { values: ticks },
        mark: { type: 'text', align: 'left', dx: 7, fontSize: 12.5, fontWeight: 'bold' },
        encoding: { x, y, text: { field: 'label' } },
      },
    ],
  };
  const title = `What ${strands.length} points came to`;
  const words = `A line a point of the space; dark: ${what} is high.${broken === 0 ? '' : ` Dashed: the ${broken} that diverged, or were left guessing.`}`;
  return sheet(title, words, await vegaChart(spec), HEIGHT, facts);
}
