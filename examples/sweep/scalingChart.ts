/** Steps, images and seconds to a target accuracy against the batch. */

import { type Picture, vegaChart } from '../../src/pictures/index.ts';
import type { SweepFacts } from './plane.ts';
import { type Effort, effortsTo, scalingWords, turningPoint } from './scaling.ts';
import { CONFIG, MARGIN, sheet, WIDTH } from './sheet.ts';

const HEIGHT = 330;
const COLORS = { steps: '#0072B2', images: '#00805F', seconds: '#D55E00' } as const;
const MEASURES = ['steps', 'images', 'seconds'] as const;

export async function scalingChart(facts: SweepFacts, target: number): Promise<Picture> {
  const efforts = effortsTo(facts, target);
  const words =
    `Each batch size at the rate that took the fewest steps to ${(target * 100).toFixed(0)} % validation accuracy. ` +
    'Both axes are logarithmic. Dashed: what halves with each doubling. Upright: from about here on doubling no longer halves the steps.';
  const turn = turningPoint(efforts);
  const panels = MEASURES.map((measure) => panelOf(efforts, measure, turn));
  const spec = { config: CONFIG, hconcat: panels, spacing: 34, padding: { left: 4, right: 4, top: 8, bottom: 4 } };
  return sheet(scalingWords(facts, target), words, await vegaChart(spec), HEIGHT, facts);
}

function panelOf(efforts: readonly Effort[], measure: (typeof MEASURES)[number], turn: number | null): object {
  const values = efforts.map((effort) => ({
    batch: effort.batch,
    value: effort[measure],
    label: short(effort[measure]),
  }));
  const numbers = values.map(({ value }) => value);
  const batches = values.map(({ batch }) => batch);
  const x = {
    field: 'batch',
    type: 'quantitative',
    scale: { type: 'log', base: 2, domain: [Math.min(...batches) / 1.3, Math.max(...batches) * 1.5], nice: false },
    axis: { title: 'batch size', values: batches, format: 'd', grid: false },
  } as const;
  const [low, high] = [Math.min(...numbers) / 1.6, Math.max(...numbers) * 1.6];
  const y = {
    field: 'value',
    type: 'quantitative',
    scale: { type: 'log', domain: [low, high], nice: false },
    axis: { title: null, labels: false, ticks: false, grid: true, tickCount: 4 },
  } as const;
  const [first] = values;
  const ideal =
    measure === 'steps' ? batches.map((batch) => ({ batch, value: (first.value * first.batch) / batch })) : [];
  const color = COLORS[measure];
  return {
    width: (WIDTH - 2 * MARGIN - 2 * 34 - 30) / 3,
    height: HEIGHT - 96,
    title: { text: measure, anchor: 'start', fontSize: 16, color },
    layer: [
      {
        data: { values: ideal },
        mark: { type: 'line', strokeDash: [5, 4], color: '#999999', clip: true },
        encoding: { x, y },
      },
      {
        data: { values: turn === null || measure !== 'steps' ? [] : [{ batch: turn }] },
        mark: { type: 'rule', color: '#bbbbbb', strokeWidth: 2 },
        encoding: { x },
      },
      {
        data: { values },
        mark: { type: 'line', color, strokeWidth: 2.5, point: { color, size: 60 } },
        encoding: { x, y },
      },
      {
        data: { values },
        mark: { type: 'text', dy: -13, color: '#222222', fontSize: 12.5 },
        encoding: { x, y, text: { field: 'label' } },
      },
    ],
  };
}

const short = (value: number): string =>
  value >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(2)));
