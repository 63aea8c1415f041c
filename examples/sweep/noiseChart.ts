/** The noise scale of gradients by epoch, with the batch sizes that were tried. */

import { type Picture, vegaChart } from '../../src/pictures/index.ts';
import { type NoiseReading, noiseScale, noiseWords, suggestedBatch } from './noise.ts';
import { batchesOf, type SweepFacts } from './plane.ts';
import { CONFIG, MARGIN, sheet, WIDTH } from './sheet.ts';

const HEIGHT = 380;

/** `readings`: at least one. */
export async function noiseChart(facts: SweepFacts, readings: readonly NoiseReading[]): Promise<Picture> {
  const words =
    'Each batch size at its best rate. Both numbers are in examples, on one logarithmic scale: above its own batch size a line says ' +
    'that a larger batch pays, below that it does not. Dashed: the batch size that the last epochs suggest.';
  return sheet(noiseWords(readings) ?? '', words, await vegaChart(noiseSpec(facts, readings)), HEIGHT, facts);
}

function noiseSpec(facts: SweepFacts, readings: readonly NoiseReading[]): object {
  const batches = batchesOf(facts);
  const values = readings.filter(({ noise }) => noise > 0 && Number.isFinite(noise));
  const all = [...batches, ...values.map(({ noise }) => noise)];
  const [low, high] = [Math.min(...all) / 1.5, Math.max(...all) * 1.5];
  const noise = noiseScale(readings);
  const suggested =
    noise === null || !Number.isFinite(noise) ? [] : [{ noise: Math.min(high, Math.max(low, suggestedBatch(noise))) }];
  const x = {
    field: 'epoch',
    type: 'quantitative',
    scale: { domain: [0.8, facts.epochs + 0.2], nice: false },
    axis: { title: 'epoch', tickMinStep: 1, format: 'd', grid: false },
  } as const;
  const y = {
    field: 'noise',
    type: 'quantitative',
    scale: { type: 'log', base: 2, domain: [low, high], nice: false },
    axis: { title: 'noise scale and batch size', values: batches, format: 'd' },
  } as const;
  const color = {
    field: 'batch',
    type: 'ordinal',
    scale: { scheme: 'viridis' },
    legend: { title: 'batch size', labelFontSize: 13, titleFontSize: 13 },
  } as const;
  return {
    width: WIDTH - 2 * MARGIN - 190,
    height: HEIGHT - 60,
    padding: { left: 4, right: 4, top: 10, bottom: 4 },
    config: CONFIG,
    layer: [
      {
        data: { values: suggested },
        mark: { type: 'rule', color: '#D55E00', strokeWidth: 2, strokeDash: [7, 4] },
        encoding: { y },
      },
      {
        data: { values },
        mark: { type: 'line', strokeWidth: 2.5, point: { size: 60 } },
        encoding: { x, y, color },
      },
    ],
  };
}
