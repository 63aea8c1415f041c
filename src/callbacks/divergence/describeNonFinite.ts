/** What is known of a tensor that was not finite, in words. */

import { compact } from '../progress/progressText.ts';
import type { FiniteRange, NonFinite } from './nonFinite.ts';

/** What happened, as a clause. */
export function describeNonFinite(found: NonFinite): string {
  const { tensor, phase, op, of, layer, nans, infinities, inputs } = found;
  if (phase === 'update') return `the update made a weight infinite${rangeText(' of weights', found)}`;
  if (phase === 'unknown') return 'a tensor was not finite (all are with the weights of a few steps later)';
  if (nans + infinities === 0) return `the ${tensor} is so large that its square overflows${rangeText('', found)}`;
  const bad = [
    ...(nans > 0 ? [`${nans} NaN`] : []),
    ...(infinities > 0 ? [`${infinities} ${infinities === 1 ? 'infinity' : 'infinities'}`] : []),
  ].join(' and ');
  const beside = rangeText('', found);
  if (op === null || phase === 'inputs' || phase === 'labels' || phase === 'weights') {
    return `${phase === 'weights' && layer !== null ? '' : 'the '}${tensor} ${tensor.endsWith('s') ? 'hold' : 'holds'} ${bad}${beside}`;
  }
  const place = layer ?? 'the loss';
  const what =
    phase === 'backward'
      ? `the ${tensor} is not finite: on the way back through ${of === null ? place : `${of} in ${place}`}, ${op} gave`
      : `${op} in ${place} gave`;
  const known = inputs.filter(({ min }) => min !== null).map((range) => `${range.name}${spanText(range)}`);
  return `${what} ${bad}${beside}${known.length === 0 ? '' : `, computed from ${known.join(' and ')}`}`;
}

const spanText = ({ min, max }: Pick<FiniteRange, 'min' | 'max'>): string =>
  min === null || max === null ? '' : min === max ? ` = ${compact(min)}` : ` from ${compact(min)} to ${compact(max)}`;

function rangeText(whose: string, range: Pick<FiniteRange, 'min' | 'max'>): string {
  return range.min === null ? '' : ` (finite values${whose}${spanText(range)})`;
}
