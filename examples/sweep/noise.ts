/** What the noise of gradients says of batch sizes (McCandlish et al. 2018). Pure. */

import { shortRate } from '../study/facts.ts';
import { bestRates, type SweepFacts } from './plane.ts';

/** The noise scale of a batch size at its best rate, in one epoch, in examples. */
export interface NoiseReading {
  readonly batch: number;
  readonly rate: number;
  /** From 1. */
  readonly epoch: number;
  /** Infinity where the gradient does not stand out of the noise. */
  readonly noise: number;
}

/** Of the first seed, batches and epochs rising. */
export const noiseReadings = (facts: SweepFacts): NoiseReading[] =>
  bestRates(facts).flatMap(({ batch, rate, trials }) =>
    (trials[0]?.epochs ?? []).flatMap(({ epoch, logs }) => {
      const noise = logs.gradient_noise_scale;
      return noise === undefined || Number.isNaN(noise) ? [] : [{ batch, rate, epoch: epoch + 1, noise }];
    }),
  );

/** Each batch size's last one: the noise grows while a network learns. */
export function lastReadings(readings: readonly NoiseReading[]): NoiseReading[] {
  const last = new Map(readings.map((reading) => [reading.batch, reading]));
  return [...last.values()];
}

/** The median of the last ones, in examples; null where nothing was measured. */
export function noiseScale(readings: readonly NoiseReading[]): number | null {
  const values = lastReadings(readings)
    .map(({ noise }) => noise)
    .sort((a, b) => a - b);
  if (values.length === 0) return null;
  const middle = (values.length - 1) / 2;
  const [low, high] = [values[Math.floor(middle)], values[Math.ceil(middle)]];
  return low === high ? low : Math.sqrt(low * high);
}

/** The power of two that is nearest to the noise scale. */
export const suggestedBatch = (noise: number): number => 2 ** Math.max(0, Math.round(Math.log2(noise)));

export function noiseWords(readings: readonly NoiseReading[]): string | null {
  const noise = noiseScale(readings);
  if (noise === null) return null;
  const all = lastReadings(readings);
  const of = all.length === 1 ? `batch ${all[0].batch} at rate ${shortRate(all[0].rate)}` : `${all.length} batch sizes`;
  if (noise === Number.POSITIVE_INFINITY)
    return `The gradient noise scale of ${of} is too large to tell: the mean gradient does not stand out of the noise, and larger batches pay.`;
  return (
    `The gradient noise scale is about ${Number(noise.toPrecision(2))}, by the last epochs of ${of} at their best rates: ` +
    `it suggests batch ${suggestedBatch(noise)}. Well below that, doubling nearly halves the steps; well above, it saves none.`
  );
}
