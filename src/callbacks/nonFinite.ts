/** What is known of the first tensor of a training step that held NaN or an infinity. */

import { compact } from './progressText.ts';

/** Where in a step it was. */
export const PHASES = ['inputs', 'labels', 'weights', 'forward', 'loss', 'backward', 'update'] as const;
/** Part of a training step. */
export type Phase = (typeof PHASES)[number];

/** The finite values of a tensor; nulls where it has none. */
export interface FiniteRange {
  /** What a person calls the tensor. */
  readonly name: string;
  /** Smallest finite element. */
  readonly min: number | null;
  /** Largest finite element. */
  readonly max: number | null;
}

/** The first tensor of a training step that held NaN or an infinity, and what is known of it. */
export interface NonFinite {
  /** Training step, counted from 0 since the model was compiled. */
  readonly step: number;
  /**
   * Name of the tensor: `inputs`, `labels`, `example weights`, `dense/kernel`, the layer whose output it is part of
   * (`conv2d`), `loss`, `gradient of dense/kernel`, or `an updated weight` where all that the step computed was finite.
   */
  readonly tensor: string;
  /** Where in the step. */
  readonly phase: Phase;
  /** The operation that gave it (`matmul`, `softmaxCrossEntropy`); null for what was given and for weights. */
  readonly op: string | null;
  /** In the backward pass: the operation through which the gradient was on its way back; else null. */
  readonly of: string | null;
  /** The layer that it happened in; null outside of layers, as in the loss. */
  readonly layer: string | null;
  /** Elements that are NaN. None, and no infinity: the tensor is finite, but not what the update makes of it. */
  readonly nans: number;
  /** Elements that are infinite. */
  readonly infinities: number;
  /** Smallest finite element; null where there is none. */
  readonly min: number | null;
  /** Largest finite element; null where there is none. */
  readonly max: number | null;
  /** What the operation computed it from. */
  readonly inputs: readonly FiniteRange[];
}

/** What happened, as a clause. */
export function describeNonFinite(found: NonFinite): string {
  const { tensor, phase, op, of, layer, nans, infinities, inputs } = found;
  if (phase === 'update') return `the update made a weight infinite${rangeText(' of weights', found)}`;
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
