/** What a convolution with its pooling is, and how classes of adapters compute it; conv2dPool.ts has the operations. */

import { type Shape, sizeOf } from '../base/shape.ts';
import type { Binding, KernelTemplate, KernelVariant, Node, Scratch, Target } from '../ir/op.ts';
import { fitsUniform } from '../ir/target.ts';
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

/** Constants of the kernels' texts: the image, the pooled result and the padding. */
export const imageHoles = ({ before, input, output }: Conv2dAttributes) => ({
  H: input[1],
  W: input[2],
  C: input[3],
  N: output[3],
  OH: output[1] / 2,
  OW: output[2] / 2,
  PAD_Y: before[0],
  PAD_X: before[1],
});

/** Likewise: values of the pixels under one window, in a row and in all, and of the kernel's taps. */
export function patchHoles({ input, kernel: [height, width] }: Conv2dAttributes) {
  const [ROW, TAPS] = [(width + 1) * input[3], width * input[3]];
  return { ROW, PATCH: ROW * (height + 1), TAPS, TAPS_ALL: TAPS * height };
}

/** How kernel and bias are read. */
export function weightReads(kernel: Node, bias: Node): Binding[] {
  const quads = sizeOf(kernel.shape) / 4;
  return [
    { name: 'w', operand: kernel, element: 'vec4f', ...(fitsUniform(quads * 16) ? { uniform: quads } : {}) },
    { name: 'bias', operand: bias, element: 'vec4f' },
  ];
}

/** Where the windows' winners are written, if they are kept. */
export const winnerWrites = ({ winners }: PooledAttributes): Binding[] =>
  winners === null ? [] : [{ name: 'winners', operand: winners, element: 'u32' }];
