/** A stretch of a tensor's memory as a tensor of its own: how a kernel binds part of what it could not bind whole. */

import { StateError } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';

export interface StretchAttributes {
  /** The first element, a multiple of 256 bytes. */
  readonly start: number;
  readonly shape: Shape;
}

/** Nobody calls this: the planner cuts with it, after gradients were taken (see compiler/oversized). */
export const stretchOp: BuiltInOp<StretchAttributes> = {
  name: 'stretch',
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  gradient: () => {
    throw new StateError('stretch: the planner cuts after gradients are taken. Use slice() for a part of a tensor.');
  },
  partition: 'whole',
  lowering: { kind: 'stretch', start: ({ attributes: { start } }) => start },
};

/** Elements of `x` from `start` on, in row-major order. */
export const stretch = (x: Node, start: number, shape: Shape): Node => createNode(stretchOp, [x], { start, shape });
