/**
 * The simple noise scale of gradients (McCandlish et al. 2018, "An Empirical Model of Large-Batch Training", appendix A.1):
 * B = tr(Σ) / |G|², with the mean G and the covariance Σ of the examples' gradients.
 */

import type { GradientNorms } from './gradientNorms.ts';

/** What is known of the examples' gradients. */
export interface GradientNoise {
  /**
   * The noise scale, in examples; at least 0. Infinity where the mean gradient does not stand out of the noise, so that its square is
   * estimated as 0 or less.
   */
  readonly noiseScale: number;
  /** Standard error of the noise scale, from the scatter of the measurements; null with fewer than two, and where the scale is infinite. */
  readonly standardError: number | null;
  /** tr(Σ), the examples' variance summed over all weights. */
  readonly variance: number;
  /** |G|² without what the noise adds to it; an estimate that may be below 0. */
  readonly squaredMean: number;
  /** Measurements of the last epoch. */
  readonly measurements: number;
}

/** Sums over measurements; those of earlier epochs may count less than 1, by their weight. */
export interface NoiseSums {
  readonly weight: number;
  readonly variance: number;
  readonly squaredMean: number;
  /** Of the same, squared, and their product. */
  readonly weight2: number;
  readonly variance2: number;
  readonly squaredMean2: number;
  readonly product: number;
}

export const NO_SUMS: NoiseSums = {
  weight: 0,
  variance: 0,
  squaredMean: 0,
  weight2: 0,
  variance2: 0,
  squaredMean2: 0,
  product: 0,
};

/**
 * With one more measurement. Both estimates are without bias: the mean over
 * b examples has the squared norm |G|² + tr(Σ) / b, so that `ofParts` is on average examples |G|² + parts tr(Σ), and `ofBatch`
 * examples |G|² + tr(Σ). For equal parts these are the paper's.
 */
export function withNorms(sums: NoiseSums, { examples, parts, ofParts, ofBatch }: GradientNorms): NoiseSums {
  const variance = (ofParts - ofBatch) / (parts - 1);
  const squaredMean = (ofBatch - variance) / examples;
  return {
    weight: sums.weight + 1,
    variance: sums.variance + variance,
    squaredMean: sums.squaredMean + squaredMean,
    weight2: sums.weight2 + 1,
    variance2: sums.variance2 + variance ** 2,
    squaredMean2: sums.squaredMean2 + squaredMean ** 2,
    product: sums.product + variance * squaredMean,
  };
}

/** The same, counting `kept` of what it did. */
export const discounted = (sums: NoiseSums, kept: number): NoiseSums => ({
  weight: sums.weight * kept,
  variance: sums.variance * kept,
  squaredMean: sums.squaredMean * kept,
  weight2: sums.weight2 * kept ** 2,
  variance2: sums.variance2 * kept ** 2,
  squaredMean2: sums.squaredMean2 * kept ** 2,
  product: sums.product * kept ** 2,
});

/**
 * The ratio is taken after the sums, as that of single measurements has a bias. Null where nothing was measured, or all gradients
 * are 0.
 */
export function noiseOf(sums: NoiseSums, measurements: number): GradientNoise | null {
  const { weight, weight2 } = sums;
  if (weight === 0 || (sums.variance === 0 && sums.squaredMean === 0)) return null;
  // Below 0 only by rounding.
  const variance = Math.max(0, sums.variance / weight);
  const squaredMean = sums.squaredMean / weight;
  const noiseScale = variance === 0 ? 0 : squaredMean > 0 ? variance / squaredMean : Number.POSITIVE_INFINITY;
  // That of a ratio of means, by what each measurement's variance differs from the ratio times its squared mean.
  const count = weight ** 2 / weight2;
  const scatter = sums.variance2 - 2 * noiseScale * sums.product + noiseScale ** 2 * sums.squaredMean2;
  const error = Math.sqrt((Math.max(0, scatter) * count) / (count - 1)) / Math.abs(sums.squaredMean);
  const standardError = count > 1 && Number.isFinite(error) ? error : null;
  return { noiseScale, standardError, variance, squaredMean, measurements };
}

const short = (value: number): string => String(Number(value.toPrecision(2)));

/** What it means for trainings with batches of `batchSize`. The paper's model: steps are in proportion to 1 + noise scale / batch. */
export function describeNoise({ noiseScale, standardError }: GradientNoise, batchSize: number): string {
  if (noiseScale === Number.POSITIVE_INFINITY) {
    return 'gradient noise scale too large to tell: the mean gradient does not stand out of the noise. Twice the batch would nearly halve the steps.';
  }
  const suggested = 2 ** Math.max(0, Math.round(Math.log2(noiseScale)));
  const saved = noiseScale / (2 * (batchSize + noiseScale));
  return (
    `gradient noise scale ${short(noiseScale)}${standardError === null ? '' : ` ± ${short(standardError)}`}. Suggested batch size: ${suggested}. ` +
    `Twice the batch of ${batchSize} would save ${Math.round(100 * saved)} % of the steps.`
  );
}
