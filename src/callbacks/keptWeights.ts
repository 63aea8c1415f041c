/** Copies of weights in a callback's saved state. */

import type { Weight } from '../base/weight.ts';
import type { SavedState, State } from '../io/state.ts';

export const stateOfWeights = (weights: readonly Weight[]): State => weights.map((weight) => ({ ...weight }));

/** @throws DataError where there are none under the key */
export const weightsFrom = (saved: SavedState, key: string): Weight[] =>
  saved.records(key).map((weight) => ({
    name: weight.text('name'),
    shape: weight.numbers('shape'),
    data: weight.array('data'),
  }));
