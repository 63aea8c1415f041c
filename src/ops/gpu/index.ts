/** The ways of GPUs; layers.ts has those of layers. */

import type { Ways } from '../../ir/op.ts';
import { reduction } from './reduction.ts';

export const ways: Ways = {
  kind: 'gpu',
  reduction,
  // Neighbouring threads should read neighbours: where a view tears fours apart, each thread takes a single element.
  pointwise: (_, torn) => ({ width: torn ? 1 : 4, turns: null }),
  broadcastAsUniform: 0,
  update: () => ({ width: 4, turns: 1 }),
  layers: null,
};
