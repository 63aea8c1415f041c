/** The ways of adapters that run on the CPU. */

import type { Ways } from '../../ir/op.ts';
import { contraction } from './contraction.ts';
import { update, widthFor } from './threads.ts';

export const ways: Ways = {
  kind: 'cpu',
  contraction,
  reduction({ vector, byThread }, { outer, extent, inner }) {
    const width = vector && inner % 4 === 0 ? widthFor(outer * extent * inner) : 1;
    return [{ name: 'thread', kernels: () => byThread(width) }];
  },
  alongRows: ({ byThread }) => [{ name: 'thread', kernels: () => [byThread()] }],
  permutation: () => null,
  pointwiseWidth: widthFor,
  update,
};
