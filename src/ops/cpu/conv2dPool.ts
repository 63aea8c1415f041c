/**
 * Convolution + bias + ReLU + 2×2 max pooling and its gradient on the CPU: the lanes of a subgroup share weights, or pixels,
 * by broadcasts.
 */

import { type Shape, sizeOf } from '../../base/shape.ts';
import type { KernelTemplate, Node, Scratch, Target } from '../../ir/op.ts';
import { cpuLanes } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import {
  type ConvPoolAttributes,
  imageHoles,
  type PoolingWays,
  patchHoles,
  weightReads,
  winnerWrites,
} from '../pooling.ts';
import { sumOfParts } from '../reduce.ts';

const lanesOf = (target: Target): number => cpuLanes(target) || 8;

/** Output channels that a lane owns in the gradient: two where with four half of the lanes would have none. */
const channelsOf = (channels: number, lanes: number): 2 | 4 => (lanes === 16 && channels <= 32 ? 2 : 4);

function forward(inputs: readonly Node[], attributes: ConvPoolAttributes, target: Target): KernelTemplate[] {
  const [x, kernel, bias] = inputs;
  const subgroups = cpuLanes(target) > 0;
  const windows = sizeOf(attributes.output.slice(0, 3)) / 4;
  const workgroup = lanesOf(target);
  const per = subgroups ? lanesOf(target) : 1;
  const patch = patchHoles(attributes);
  return [
    {
      label: 'conv2d+relu+maxPool2d',
      source: shaders.conv2d_pool,
      enables: subgroups ? ['subgroups'] : [],
      workgroup,
      builtins: ['global_invocation_index', 'local_invocation_index'],
      holes: {
        ...imageHoles(attributes),
        ...patch,
        LANES: lanesOf(target),
        PER: per,
        LOADS: Math.ceil(patch.TAPS_ALL / per),
        SUBGROUPS: subgroups,
        WINNERS: attributes.winners !== null,
      },
      reads: [{ name: 'x', operand: x, element: 'f32' }, ...weightReads(kernel, bias)],
      writes: winnerWrites(attributes),
      uniforms: { windows, patch_size: patch.PATCH },
      grid: Math.ceil(windows / workgroup),
      width: 4,
    },
  ];
}

function gradient(
  [x, dy]: readonly Node[],
  attributes: ConvPoolAttributes,
  shape: Shape,
  target: Target,
): KernelTemplate[] {
  const lanes = lanesOf(target);
  const windows = sizeOf(attributes.output.slice(0, 3)) / 4;
  const own = channelsOf(attributes.output[3], lanes);
  const blocks = Math.ceil(attributes.output[3] / (own * lanes));
  const wanted = Math.ceil(64 / blocks);
  const chunk = Math.max(32, Math.ceil(windows / wanted));
  const chunks = Math.ceil(windows / chunk);
  const partial: Scratch = { bytes: chunks * sizeOf(shape) * 4 };
  const patch = patchHoles(attributes);
  return [
    {
      label: 'conv2dPoolGradient (parts)',
      source: shaders.conv2d_pool_gradient,
      enables: cpuLanes(target) > 0 ? ['subgroups'] : [],
      workgroup: lanes,
      builtins: ['workgroup_id', 'local_invocation_index'],
      holes: {
        ...imageHoles(attributes),
        ...patch,
        KH: attributes.kernel[0],
        KW: attributes.kernel[1],
        PH: attributes.kernel[0] + 1,
        LANES: lanes,
        OWN: own,
        VECTOR: `vec${own}`,
        PAIRS: own === 2,
        LOADS: Math.ceil(patch.PATCH / lanes),
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
    ...sumOfParts('conv2dPoolGradient', partial, { outer: 1, extent: chunks, inner: sizeOf(shape) }, target),
  ];
}

export const pooling: PoolingWays = {
  forward,
  gradient: (...of) => [{ name: 'lanes', kernels: () => gradient(...of) }],
};
