/** The distribution of a weight's values. */

import type { Histogram } from './event.ts';

/** As many as TensorFlow's. */
const BUCKETS = 30;

/** Of the finite values, in buckets of equal width; null where there is none. Beside it, how many values are not finite. */
export function histogramOf(values: Float32Array): {
  readonly histogram: Histogram | null;
  readonly notFinite: number;
} {
  const finite = values.filter(Number.isFinite);
  const notFinite = values.length - finite.length;
  if (finite.length === 0) return { histogram: null, notFinite };
  let [min, max, sum, sumSquares] = [Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, 0, 0];
  for (const value of finite) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
    sumSquares += value * value;
  }
  // Equal values have no width to divide.
  const count = max > min ? BUCKETS : 1;
  const width = (max - min) / count;
  const bucket = new Array<number>(count).fill(0);
  for (const value of finite) bucket[count === 1 ? 0 : Math.min(count - 1, Math.floor((value - min) / width))]++;
  const bucketLimit = bucket.map((_, i) => (i === count - 1 ? max : min + (i + 1) * width));
  return { histogram: { min, max, num: finite.length, sum, sumSquares, bucketLimit, bucket }, notFinite };
}
