/**
 * Convolution + bias + ReLU + 2×2 max pooling as one operation, and its ways back. Nobody calls these: the planner puts
 * them in the place of the four operations and of their gradients (see compiler/rewrite/fusePooling.ts).
 */

import { type Shape, sizeOf } from '../base/shape.ts';
import { type BuiltInOp, inWays, type Scratch, type Ways } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import type { Conv2dAttributes } from './conv2d.ts';
import { pooling as cpu } from './cpu/conv2dPool.ts';
import { pooling as gpu } from './gpu/conv2dPool.ts';
import type { ConvPoolAttributes, PooledAttributes, PoolingWays } from './pooling.ts';

/** How each class of adapters computes them. */
const POOLING: Readonly<Record<Ways['kind'], PoolingWays>> = { cpu, gpu };

/** Pixels that a thread may hold in registers. */
const MAX_PATCH = 64;

/** Whether the fused kernel serves this convolution: few input channels, stride 1, even outputs and no larger than the image. */
export function canFuse({ stride, dilation, groups, input, kernel, output }: Conv2dAttributes): boolean {
  const patch = (kernel[0] + 1) * (kernel[1] + 1) * input[3];
  const plain = groups === 1 && [...stride, ...dilation].every((step) => step === 1);
  const fits = [1, 2].every((d) => output[d] % 2 === 0 && output[d] <= input[d]);
  return plain && fits && patch <= MAX_PATCH && output[3] % 4 === 0;
}

/** One byte a channel of every window. */
export const winnersOf = (unpooled: Shape): Scratch => ({ bytes: sizeOf(unpooled) / 4 });

/** Inputs: x, kernel, bias. */
export const conv2dPoolOp: BuiltInOp<ConvPoolAttributes> = {
  name: 'conv2dPool',
  infer: (_, { output: [batch, h, w, n] }) => ({ shape: [batch, h / 2, w / 2, n], dtype: 'float32' }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'kernel',
    kernels: ({ inputs, attributes }, target) => POOLING[target.ways.kind].forward(inputs, attributes, target),
  },
};

/**
 * Inputs: x, pooled gradient, the pooled result (which orders this after the winners). The gradients to the kernel, one row
 * a tap, and to the bias, the last row: [height * width * in + 1, out].
 */
export const conv2dPoolGradientOp: BuiltInOp<ConvPoolAttributes> = {
  name: 'conv2dPoolGradient',
  infer: (_, { kernel: [height, width, inputs, outputs] }) => ({
    shape: [height * width * inputs + 1, outputs],
    dtype: 'float32',
  }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'kernel',
    after: 2,
    ...inWays(
      ({ attributes: { input, kernel, output, before } }) =>
        `conv2dPoolGradient ${input.join('x')} ${kernel.join('x')} ${output.join('x')} ${before.join('x')}`,
      ({ inputs, attributes, shape }, target) => POOLING[target.ways.kind].gradient(inputs, attributes, shape, target),
    ),
  },
};

/** 2×2 max pooling that keeps the winners, for whatever was not fused with its convolution. Input: a ReLU's result. */
export const maxPoolWinnersOp: BuiltInOp<PooledAttributes> = {
  name: 'maxPoolWinners',
  infer: (_, { output: [batch, h, w, n] }) => ({ shape: [batch, h / 2, w / 2, n], dtype: 'float32' }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [x], attributes: { output, winners }, shape }) {
      const count = sizeOf(shape) / 4;
      return [
        {
          label: 'maxPoolWinners',
          source: shaders.max_pool_winners,
          holes: { OW: output[2] / 2, QUADS: output[3] / 4 },
          reads: [{ name: 'x', operand: x, element: 'vec4f' }],
          writes: winners === null ? [] : [{ name: 'winners', operand: winners, element: 'u32' }],
          uniforms: { count },
          grid: Math.ceil(count / 64),
          width: 4,
        },
      ];
    },
  },
};

/** Inputs: pooled gradient, the pooled result. The gradient before pooling, zeros included. */
export const unpool2dOp: BuiltInOp<PooledAttributes> = {
  name: 'unpool2d',
  infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'kernel',
    after: 1,
    kernels({ inputs: [dy], attributes, shape }) {
      const count = sizeOf(shape) / 4;
      return [
        {
          label: 'unpool2d',
          source: shaders.unpool2d,
          holes: { OW: attributes.output[2] / 2, QUADS: attributes.output[3] / 4 },
          reads: [
            { name: 'dy', operand: dy, element: 'vec4f' },
            { name: 'winners', operand: attributes.winners ?? dy, element: 'u32' },
          ],
          uniforms: { count },
          grid: Math.ceil(count / 64),
          width: 4,
        },
      ];
    },
  },
};
