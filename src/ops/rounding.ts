/** To whole numbers; int32 are these already, and stay as they are. No gradient flows: a step has none. */

import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { elementwise, NONE, type None } from './elementwise.ts';

const rounding = (name: string): BuiltInOp<None> =>
  elementwise(name, { expression: ([x]) => `select(${name}(${x}), ${x}, is_nan(${x}))`, gradient: 'none' });

const whole =
  (op: BuiltInOp<None>) =>
  (x: Node): Node =>
    x.dtype === 'int32' ? x : createNode(op, [x], NONE);

export const floorOp = rounding('floor');
export const floor = whole(floorOp);

export const ceilOp = rounding('ceil');
export const ceil = whole(ceilOp);

/** Halves to the even neighbour. */
export const roundOp = rounding('round');
export const round = whole(roundOp);
