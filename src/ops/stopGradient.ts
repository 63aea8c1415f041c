/** The same values, through which no gradient flows. */

import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { NONE, type None } from './elementwise.ts';

export const stopGradientOp: BuiltInOp<None> = {
  name: 'stopGradient',
  infer: ([{ shape, dtype }]) => ({ shape, dtype }),
  gradient: () => 'none',
  fold: (_, [value]) => value,
  partition: { cuts: () => ['flat'] },
  lowering: { kind: 'alias' },
};

export const stopGradient = (x: Node): Node => createNode(stopGradientOp, [x], NONE);
