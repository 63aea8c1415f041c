/**
 * Convolution + bias + ReLU + 2×2 max pooling as one operation, and its ways back. Nobody calls these: the planner puts
 * them in the place of the four operations and of their gradients (see compiler/rewrite/fusePooling.ts).
 */

import { type Shape, sizeOf } from '../base/shape.ts';
import type { BuiltInOp, Scratch } from '../ir/op.ts';
import { cpuLanes, fitsUniform, type Target } from '../ir/target.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import type { Holes } from '../wgsl/template.ts';
import type { Conv2dAttributes } from './conv2d.ts';
import { forward, gradientVariants } from './conv2dPoolWorkgroup.ts';
import { reduceKernels } from './reduce.ts';

export interface PooledAttributes {
  /** Before pooling: [batch, height, width, channels]. */
  readonly output: Shape;
  /** Which position of each window won, for the gradients; null where there are none. */
  readonly winners: Scratch | null;
}

export interface ConvPoolAttributes extends Conv2dAttributes, PooledAttributes {}

/** Pixels that a thread may hold in registers. */
const MAX_PATCH = 64;

/** Whether the fused kernel serves this convolution: few input channels, stride 1, even outputs. */
export function canFuse({ stride, input, kernel, output }: Conv2dAttributes): boolean {
  const patch = (kernel[0] + 1) * (kernel[1] + 1) * input[3];
  const even = output[1] % 2 === 0 && output[2] % 2 === 0;
  return stride[0] === 1 && stride[1] === 1 && even && patch <= MAX_PATCH && output[3] % 4 === 0;
}

/** One byte a channel of every window. */
export const winnersOf = (unpooled: Shape): Scratch => ({ bytes: sizeOf(unpooled) / 4 });

function holesOf({ before, input, kernel, output }: Conv2dAttributes): Holes {
  const row = (kernel[1] + 1) * input[3];
  return {
    H: input[1],
    W: input[2],
    C: input[3],
    N: output[3],
    OH: output[1] / 2,
    OW: output[2] / 2,
    ROW: row,
    PATCH: row * (kernel[0] + 1),
    TAPS: kernel[1] * input[3],
    TAPS_ALL: kernel[0] * kernel[1] * input[3],
    PAD_Y: before[0],
    PAD_X: before[1],
  };
}

const lanesOf = (target: Target): number => cpuLanes(target) || 8;

/** Output channels that a lane owns in the gradient: two where with four half of the lanes would have none. */
const channelsOf = (channels: number, lanes: number): 2 | 4 => (lanes === 16 && channels <= 32 ? 2 : 4);

/** Inputs: x, kernel, bias. */
export const conv2dPoolOp: BuiltInOp<ConvPoolAttributes> = {
  name: 'conv2dPool',
  infer: (_, { output: [batch, h, w, n] }) => ({ shape: [batch, h / 2, w / 2, n], dtype: 'float32' }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'kernel',
    kernels({ inputs, attributes }, target) {
      if (!target.software) return forward(inputs, attributes);
      const [x, kernel, bias] = inputs;
      const subgroups = cpuLanes(target) > 0;
      const windows = sizeOf(attributes.output.slice(0, 3)) / 4;
      const workgroup = lanesOf(target);
      const per = subgroups ? lanesOf(target) : 1;
      const holes = holesOf(attributes);
      const { winners } = attributes;
      const quads = sizeOf(kernel.shape) / 4;
      return [
        {
          label: 'conv2d+relu+maxPool2d',
          source: shaders.conv2d_pool,
          enables: subgroups ? ['subgroups'] : [],
          workgroup,
          builtins: ['global_invocation_index', 'local_invocation_index'],
          holes: {
            ...holes,
            LANES: lanesOf(target),
            PER: per,
            LOADS: Math.ceil(Number(holes.TAPS_ALL) / per),
            SUBGROUPS: subgroups,
            WINNERS: winners !== null,
          },
          reads: [
            { name: 'x', operand: x, element: 'f32' },
            {
              name: 'w',
              operand: kernel,
              element: 'vec4f',
              ...(fitsUniform(quads * 16) ? { uniform: quads } : {}),
            },
            { name: 'bias', operand: bias, element: 'vec4f' },
          ],
          writes: winners === null ? [] : [{ name: 'winners', operand: winners, element: 'u32' }],
          uniforms: { windows, patch_size: Number(holes.PATCH) },
          grid: Math.ceil(windows / workgroup),
          width: 4,
        },
      ];
    },
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
    variants: {
      key: ({ attributes: { input, kernel, output, before } }) =>
        `conv2dPoolGradient ${input.join('x')} ${kernel.join('x')} ${output.join('x')} ${before.join('x')}`,
      offered: ({ inputs, attributes, shape }, target) =>
        target.software ? [] : gradientVariants(inputs, attributes, shape, target),
    },
    kernels({ inputs: [x, dy], attributes, shape }, target) {
      const lanes = lanesOf(target);
      const windows = sizeOf(attributes.output.slice(0, 3)) / 4;
      const own = channelsOf(attributes.output[3], lanes);
      const blocks = Math.ceil(attributes.output[3] / (own * lanes));
      const wanted = Math.ceil(64 / blocks);
      const chunk = Math.max(32, Math.ceil(windows / wanted));
      const chunks = Math.ceil(windows / chunk);
      const partial: Scratch = { bytes: chunks * sizeOf(shape) * 4 };
      const holes = holesOf(attributes);
      return [
        {
          label: 'conv2dPoolGradient (parts)',
          source: shaders.conv2d_pool_gradient,
          enables: cpuLanes(target) > 0 ? ['subgroups'] : [],
          workgroup: lanes,
          builtins: ['workgroup_id', 'local_invocation_index'],
          holes: {
            ...holes,
            KH: attributes.kernel[0],
            KW: attributes.kernel[1],
            PH: attributes.kernel[0] + 1,
            LANES: lanes,
            OWN: own,
            VECTOR: `vec${own}`,
            PAIRS: own === 2,
            LOADS: Math.ceil(Number(holes.PATCH) / lanes),
            SUMS: shape[0],
            SUBGROUPS: cpuLanes(target) > 0,
          },
          reads: [
            { name: 'x', operand: x, element: 'f32' },
            { name: 'dy', operand: dy, element: `vec${own}f` },
            { name: 'winners', operand: attributes.winners ?? dy, element: 'u32' },
          ],
          writes: [{ name: 'partial', operand: partial, element: `vec${own}f` }],
          uniforms: { windows, chunk, sums: shape[0] },
          grid: [blocks, chunks, 1],
        },
        ...reduceKernels(
          'conv2dPoolGradient',
          'a + b',
          { outer: 1, extent: chunks, inner: sizeOf(shape) },
          target,
          partial,
        ),
      ];
    },
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
