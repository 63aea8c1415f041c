/** Where a learning rate fell. */

/** A rate that float32 rounds may wobble in its last digits; a schedule takes a bigger bite. */
export const WOBBLE = 1e-3;

/**
 * Where a learning rate fell: the last epochs, from 1, before each fall, such as for the `marks` of a `linePanel`. A wobble of less
 * than a thousandth is no fall.
 * @param rates of each epoch, such as `history.learning_rate`
 */
export const rateFalls = (rates: readonly number[]): number[] =>
  rates.flatMap((rate, i) => (i > 0 && rate < rates[i - 1] * (1 - WOBBLE) ? [i] : []));
