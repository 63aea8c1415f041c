/** The ways of adapters that run on the CPU for what layers compute. */

import type { LayerWays } from '../../ir/op.ts';
import { poolKernel } from '../poolKernel.ts';
import { rowByThread } from '../rows.ts';
import { contraction } from './contraction.ts';
import { depthwise } from './depthwise.ts';

export const layers: LayerWays = {
  contraction,
  alongRows: (kernel) => [{ name: 'thread', kernels: () => [rowByThread(kernel)] }],
  pooling: poolKernel,
  depthwise,
  permutation: () => null,
};
