/** What many measurements say: their middle, how far they spread, and where throughput stops growing. */

/** Milliseconds (or whatever was measured), sorted out. */
export interface Spread {
  readonly median: number;
  /** The quarters of the measurements that lie below and above end here. */
  readonly low: number;
  readonly high: number;
  readonly min: number;
  readonly max: number;
  readonly samples: number;
}

/** The value below which a share `at` in [0, 1] of the sorted values lies, interpolated. */
function quantile(sorted: readonly number[], at: number): number {
  const place = at * (sorted.length - 1);
  const below = sorted[Math.floor(place)];
  return below + (sorted[Math.ceil(place)] - below) * (place - Math.floor(place));
}

export function spreadOf(values: readonly number[]): Spread {
  if (values.length === 0) throw new Error('A spread needs at least one measurement, got none. Measure once or more.');
  const sorted = [...values].sort((a, b) => a - b);
  return {
    median: quantile(sorted, 0.5),
    low: quantile(sorted, 0.25),
    high: quantile(sorted, 0.75),
    min: sorted[0],
    max: sorted[sorted.length - 1],
    samples: sorted.length,
  };
}

/** The smallest batch whose throughput reaches a share of the highest; null where nothing was measured. */
export function firstNearPeak<Row extends { readonly batch: number; readonly imagesPerSecond: number }>(
  rows: readonly Row[],
  share = 0.9,
): Row | null {
  const peak = Math.max(...rows.map((row) => row.imagesPerSecond));
  const near = rows.filter((row) => row.imagesPerSecond >= share * peak);
  return near.sort((a, b) => a.batch - b.batch)[0] ?? null;
}

/**
 * What a batch size will cost: on the line through the last two that were measured, or in proportion to the only one;
 * 0 where nothing is known yet.
 */
export function forecast(known: readonly { readonly batch: number; readonly ms: number }[], batch: number): number {
  const last = known.at(-1);
  if (last === undefined) return 0;
  const before = known.at(-2);
  if (before === undefined) return (last.ms * batch) / last.batch;
  const slope = Math.max(0, (last.ms - before.ms) / (last.batch - before.batch));
  return last.ms + slope * (batch - last.batch);
}

/** Four significant digits: more would be noise. */
export const rounded = (value: number): number => Number(value.toPrecision(4));
