/** What a convolution with its pooling is, and how classes of adapters compute it; conv2dPool.ts has the operations. */

import type { Shape } from '../base/shape.ts';
import type { KernelTemplate, KernelVariant, Node, Scratch, Target } from '../ir/op.ts';
import type { Conv2dAttributes } from './conv2d.ts';

export interface PooledAttributes {
  /** Before pooling: [batch, height, width, channels]. */
  readonly output: Shape;
  /** Which position of each window won, for the gradients; null where there are none. */
  readonly winners: Scratch | null;
}

export interface ConvPoolAttributes extends Conv2dAttributes, PooledAttributes {}

/**
 * The ways of a class of adapters; they stand beside its `Ways` (ir/op.ts), as they are loaded with the rewriting pass that
 * makes these operations.
 */
export interface PoolingWays {
  /** Inputs: x, kernel, bias. */
  forward(inputs: readonly Node[], attributes: ConvPoolAttributes, target: Target): readonly KernelTemplate[];
  /** Inputs: x, pooled gradient; `shape`: of the result. */
  gradient(
    inputs: readonly Node[],
    attributes: ConvPoolAttributes,
    shape: Shape,
    target: Target,
  ): readonly KernelVariant[];
}
