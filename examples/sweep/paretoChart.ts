/** Seconds of training against accuracy, with the front of what nothing beats. */

import { type Picture, vegaChart } from '../../src/pictures/index.ts';
import { shortRate } from '../study/facts.ts';
import { paretoFront, type Reading, readingsOf } from './pareto.ts';
import { batchesOf, type SweepFacts } from './plane.ts';
import { CONFIG, MARGIN, sheet, WIDTH } from './sheet.ts';

const HEIGHT = 430;
const RIGHT = 130;

export async function paretoChart(facts: SweepFacts): Promise<Picture> {
  const readings = readingsOf(facts);
  const front = paretoFront(readings);
  const last = front.at(-1);
  const title =
    last === undefined
      ? 'No epoch was trained'
      : `${(last.accuracy * 100).toFixed(1)} % after ${last.seconds.toPrecision(2)} s, by batch ${last.trial.parameters.batchSize} and rate ${shortRate(last.trial.parameters.learningRate)}; the line is the best there is in less time`;
  const words =
    'A point an epoch of each trial: its validation accuracy after so many seconds of training, validation left out.';
  const row = (one: Reading) => ({
    seconds: Math.max(one.seconds, 1e-3),
    accuracy: one.accuracy * 100,
    batch: one.trial.parameters.batchSize,
    label: `${one.trial.parameters.batchSize} · ${shortRate(one.trial.parameters.learningRate)}`,
  });
  const y = {
    field: 'accuracy',
    type: 'quantitative',
    scale: { zero: true },
    axis: { title: 'validation accuracy (%)' },
  };
  // From the best on, as many names as have room.
  const named: Reading[] = [];
  for (const one of front.toReversed())
    if (one.seconds * 1.7 < (named.at(-1)?.seconds ?? Number.POSITIVE_INFINITY)) named.push(one);
  const times = readings.map(({ seconds }) => Math.max(seconds, 1e-3));
  const x = {
    field: 'seconds',
    type: 'quantitative',
    scale: { type: 'log', nice: false, domain: [Math.min(...times) / 1.2, Math.max(...times) * 1.2] },
    axis: { title: 'seconds of training (log scale)', grid: true, tickCount: 6, format: '~g' },
  };
  const spec = {
    width: WIDTH - 2 * MARGIN - 60 - RIGHT,
    height: HEIGHT - 64,
    padding: { left: 60, right: RIGHT, top: 12, bottom: 48 },
    autosize: 'none',
    config: CONFIG,
    layer: [
      {
        data: { values: readings.map(row) },
        mark: { type: 'point', filled: true, size: 38, opacity: 0.75 },
        encoding: {
          ...{ x, y },
          color: {
            field: 'batch',
            type: 'ordinal',
            sort: batchesOf(facts),
            scale: { scheme: 'viridis' },
            legend: { title: 'batch size', labelFontSize: 13, titleFontSize: 13 },
          },
        },
      },
      {
        data: { values: front.map(row) },
        mark: { type: 'line', interpolate: 'step-after', color: '#222222', strokeWidth: 2 },
        encoding: { x, y },
      },
      {
        data: { values: named.map(row) },
        mark: { type: 'text', align: 'right', dx: -6, dy: -9, fontSize: 12.5, fontWeight: 'bold', color: '#222222' },
        encoding: { x, y, text: { field: 'label' } },
      },
    ],
  };
  return sheet(title, words, await vegaChart(spec), HEIGHT, facts);
}
