/** Where a learning rate fell. */

/** A rate that float32 rounds may wobble in its last digits; a schedule takes a bigger bite. */
export const WOBBLE = 1e-3;

/** The last epochs, from 1, before a fall. */
export const rateFalls = (rates: readonly number[]): number[] =>
  rates.flatMap((rate, i) => (i > 0 && rate < rates[i - 1] * (1 - WOBBLE) ? [i] : []));
