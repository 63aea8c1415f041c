/** The ways of GPUs, those of layers among them. */

import type { Ways } from '../../ir/op.ts';
import { poolKernel } from '../poolKernel.ts';
import { contraction } from './contraction.ts';
import { ways as plain } from './index.ts';
import { permutation } from './permutation.ts';
import { alongRows } from './rows.ts';

export const ways: Ways = {
  ...plain,
  layers: { contraction, alongRows, pooling: poolKernel, depthwise: () => [], permutation },
};
