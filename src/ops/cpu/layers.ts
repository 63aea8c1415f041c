/** The ways of adapters that run on the CPU, those of layers among them. */

import type { Ways } from '../../ir/op.ts';
import { poolKernel } from '../poolKernel.ts';
import { rowByThread } from '../rows.ts';
import { contraction } from './contraction.ts';
import { depthwise } from './depthwise.ts';
import { ways as plain } from './index.ts';

export const ways: Ways = {
  ...plain,
  layers: {
    contraction,
    alongRows: (kernel) => [{ name: 'thread', kernels: () => [rowByThread(kernel)] }],
    pooling: poolKernel,
    depthwise,
    permutation: () => null,
  },
};
