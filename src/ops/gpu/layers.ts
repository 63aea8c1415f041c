/** The ways of GPUs for what layers compute. */

import type { LayerWays } from '../../ir/op.ts';
import { poolKernel } from '../poolKernel.ts';
import { contraction } from './contraction.ts';
import { permutation } from './permutation.ts';
import { alongRows } from './rows.ts';

export const layers: LayerWays = {
  contraction,
  alongRows,
  pooling: poolKernel,
  depthwise: () => [],
  permutation,
};
