/** A stretch of a tensor's memory as a tensor of its own: how a kernel binds part of what it could not bind whole. */

import { StateError } from '../base/errors.ts';
import type { Shape } from '../base/shape.ts';
import { createNode, type Node, type Op } from '../ir/op.ts';

export interface WindowAttributes {
  /** The first element, a multiple of 256 bytes. */
  readonly start: number;
  readonly shape: Shape;
}

/** Nobody calls this: the planner cuts with it, after gradients were taken (see graph/cut.ts). */
export const windowOp: Op<WindowAttributes> = {
  name: 'window',
  infer: ([x], { shape }) => ({ shape, dtype: x.dtype }),
  gradient: () => {
    throw new StateError('window: the planner cuts after gradients are taken. Use slice() for a part of a tensor.');
  },
  lowering: { kind: 'window', start: ({ attributes: { start } }) => start },
};

/** Elements of `x` from `start` on, in row-major order. */
export const window = (x: Node, start: number, shape: Shape): Node => createNode(windowOp, [x], { start, shape });
