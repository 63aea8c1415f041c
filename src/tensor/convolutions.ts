/** Further convolutions and poolings: functions alone, so that programs that do not use them do not load them. */

import { checkWhole } from '../base/checks.ts';
import { checkOptions } from '../base/optionNames.ts';
import type { Padding } from '../base/shape.ts';
import { expectRank, type Node, refuseInt32 } from '../ir/op.ts';
import { asRow, conv1d as conv1dNode, ofRow, type SequenceOptions } from '../ops/conv1d.ts';
import { conv2d as conv2dNode, type SlidingOptions } from '../ops/conv2d.ts';
import { conv2dTranspose as conv2dTransposeNode, type TransposeOptions } from '../ops/conv2dTranspose.ts';
import { depthwiseConv2d as depthwiseConv2dNode } from '../ops/depthwiseConv2d.ts';
import { avgPool2d, maxPool2d, type Pool2dOptions } from '../ops/pool2d.ts';
import { nodeOf } from './operands.ts';
import { type ConvOptions, Tensor, type TensorLike } from './tensor.ts';

/** Options of a convolution that has no groups. */
export interface SlidingConvOptions extends Omit<ConvOptions, 'groups'> {}

/** Options of a transposed convolution. */
export interface ConvTransposeOptions extends TransposeOptions, SlidingConvOptions {}

/** Options of a convolution of sequences. */
export interface Conv1dOptions extends SequenceOptions {
  /** [filters] */
  readonly bias?: TensorLike;
}

/** Options of a pooling of sequences. */
export interface Pool1dOptions {
  /** Steps of the window. */
  readonly poolSize: number;
  /** Default: the pool size. */
  readonly strides?: number;
  /** Default `valid`. */
  readonly padding?: Padding;
}

const SLIDING = { bias: true, strides: true, padding: true, dilationRate: true } as const;

/** A bias as a node. */
const withBias = <Options extends { readonly bias?: TensorLike }>(options: Options, who: string) => ({
  ...options,
  bias: options.bias === undefined ? undefined : nodeOf(options.bias, who),
});

/**
 * Each channel of images [batch, height, width, channels] by itself, with a kernel [height, width, channels, multiplier]:
 * [batch, height', width', channels * multiplier], the results of a channel side by side.
 */
export function depthwiseConv2d(x: TensorLike, kernel: TensorLike, options: SlidingConvOptions = {}): Tensor {
  const who = 'depthwiseConv2d';
  checkOptions(who, options, SLIDING);
  return new Tensor(depthwiseConv2dNode(nodeOf(x, who), nodeOf(kernel, who), withBias(options, who)));
}

/**
 * A depthwise convolution, and one of 1×1 that mixes its channels: kernels [height, width, channels, multiplier] and
 * [1, 1, channels * multiplier, filters].
 */
export function separableConv2d(
  x: TensorLike,
  depthwiseKernel: TensorLike,
  pointwiseKernel: TensorLike,
  options: SlidingConvOptions = {},
): Tensor {
  const who = 'separableConv2d';
  checkOptions(who, options, SLIDING);
  const { bias, ...sliding }: SlidingOptions = withBias(options, who);
  const each = depthwiseConv2dNode(nodeOf(x, who), nodeOf(depthwiseKernel, who), sliding, who);
  return new Tensor(conv2dNode(each, nodeOf(pointwiseKernel, who), { bias }, who));
}

/**
 * Transposed convolution: every pixel of images [batch, height, width, in] lays its multiples of a kernel [height, width, out, in] over
 * the result, `strides` apart. What `conv2d` would make of a result in size, these images are: with `same` the result is
 * `strides` times as large.
 */
export function conv2dTranspose(x: TensorLike, kernel: TensorLike, options: ConvTransposeOptions = {}): Tensor {
  const who = 'conv2dTranspose';
  checkOptions(who, options, { ...SLIDING, outputPadding: true });
  return new Tensor(conv2dTransposeNode(nodeOf(x, who), nodeOf(kernel, who), withBias(options, who)));
}

/** Sequences [batch, steps, in] by a kernel [taps, in, out] give [batch, steps', out]; with `groups` its in is that of a group. */
export function conv1d(x: TensorLike, kernel: TensorLike, options: Conv1dOptions = {}): Tensor {
  checkOptions('conv1d', options, { ...SLIDING, groups: true });
  return new Tensor(conv1dNode(nodeOf(x, 'conv1d'), nodeOf(kernel, 'conv1d'), withBias(options, 'conv1d')));
}

function pool1d(
  who: string,
  pool: (x: Node, options: Pool2dOptions) => Node,
  sequences: TensorLike,
  options: Pool1dOptions,
): Tensor {
  checkOptions(who, options, { poolSize: true, strides: true, padding: true }, 'poolSize: 2');
  const { poolSize, strides = poolSize, padding } = options;
  const x = nodeOf(sequences, who);
  expectRank(x, 3, who, 'sequences [batch, steps, channels]');
  refuseInt32([x], who);
  checkWhole(who, 'poolSize', poolSize, 1);
  checkWhole(who, 'strides', strides, 1);
  return new Tensor(ofRow(pool(asRow(x), { poolSize: [1, poolSize], strides: [1, strides], padding })));
}

/** Largest value of each window of sequences [batch, steps, channels]; NaN if there is one. */
export const maxPool1d = (x: TensorLike, options: Pool1dOptions): Tensor => pool1d('maxPool1d', maxPool2d, x, options);
/** Mean of each window of sequences [batch, steps, channels]; `same` padding divides by the steps that are there. */
export const avgPool1d = (x: TensorLike, options: Pool1dOptions): Tensor => pool1d('avgPool1d', avgPool2d, x, options);
