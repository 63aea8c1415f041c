/** The ways of GPUs. */

import type { Ways } from '../../ir/op.ts';
import { contraction } from './contraction.ts';
import { permutation } from './permutation.ts';
import { reduction } from './reduction.ts';
import { alongRows } from './rows.ts';

export const ways: Ways = {
  kind: 'gpu',
  contraction,
  reduction,
  alongRows,
  permutation,
  // Neighbouring threads should read neighbours: where a view tears fours apart, each thread takes a single element.
  pointwiseWidth: (_, torn) => (torn ? 1 : 4),
  update: () => ({ width: 4, turns: 1 }),
};
