/** A tensor that was not finite, in saved state. */

import type { SavedState, State } from '../../io/state.ts';
import { type FiniteRange, type NonFinite, PHASES } from './nonFinite.ts';

export const stateOfNonFinite = (found: NonFinite): State => ({
  ...found,
  inputs: found.inputs.map((input) => ({ ...input })),
});

/** @throws DataError for what `stateOfNonFinite` cannot have given */
export const nonFiniteFrom = (saved: SavedState): NonFinite => ({
  ...rangeIn(saved),
  step: saved.whole('step'),
  tensor: saved.text('tensor'),
  phase: saved.choice('phase', PHASES),
  op: saved.textOrNull('op'),
  of: saved.textOrNull('of'),
  layer: saved.textOrNull('layer'),
  nans: saved.whole('nans'),
  infinities: saved.whole('infinities'),
  inputs: saved.records('inputs').map((input): FiniteRange => ({ name: input.text('name'), ...rangeIn(input) })),
});

const rangeIn = (saved: SavedState) => ({ min: saved.numberOrNull('min'), max: saved.numberOrNull('max') });
