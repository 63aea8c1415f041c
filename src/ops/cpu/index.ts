/** The ways of adapters that run on the CPU; layers.ts has those of layers. */

import type { Ways } from '../../ir/op.ts';
import { pointwise, update, widthFor } from './threads.ts';

export const ways: Ways = {
  kind: 'cpu',
  reduction({ vector, byThread }, { outer, extent, inner }) {
    const width = vector && inner % 4 === 0 ? widthFor(outer * extent * inner) : 1;
    return [{ name: 'thread', kernels: () => byThread(width) }];
  },
  pointwise,
  // A third of what storage costs; the text has the length anyway.
  broadcastAsUniform: 4096,
  update,
  layers: null,
};
