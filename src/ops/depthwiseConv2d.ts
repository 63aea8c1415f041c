/**
 * Depthwise convolution, in which each channel has kernels of its own, and its two gradients. A contraction would have products of a
 * single column, so they have kernels of their own.
 */

import { counted } from '../base/describe.ts';
import { ShapeError } from '../base/errors.ts';
import { formatShape, type Shape, sizeOf } from '../base/shape.ts';
import {
  type ConvolutionShapes,
  type ConvolutionSide,
  createNode,
  inLayerWays,
  type KernelTemplate,
  type Lowering,
  type Node,
  type Scratch,
  type Target,
} from '../ir/op.ts';
import { valueType } from '../ir/scope.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { type Holes, pickHoles } from '../wgsl/template.ts';
import { biased, type SlidingOptions, slide } from './conv2d.ts';
import { convolutionOps } from './convolutionOps.ts';
import { depthwiseHoles, depthwiseRun, windowHoles } from './depthwiseHoles.ts';
import { isLong, withLongSum } from './longSum.ts';
import { sumOfParts } from './reduce.ts';

/** The kernel is [height, width, channels, multiplier], the output's channels are channels * multiplier. */
export type DepthwiseAttributes = ConvolutionShapes;

/** Neighbours along a row that a thread computes, so that they share what they load. */
const NEIGHBOURS = 4;
/** Values of a row that a thread may hold for them. */
const MOST_COLUMNS = 12;
/** Threads that keep an adapter busy: the sums of the kernel's gradient are split when there are fewer. */
const BUSY: Readonly<Record<Target['ways']['kind'], number>> = { cpu: 1024, gpu: 32768 };
/** Fewest outputs that a thread adds up where they are split. */
const SHORTEST = 256;

/** Channels that a thread takes: four where `run` neighbours are whole fours and the adapter's class likes it. */
const widthOf = (size: number, run: number, target: Target): 1 | 4 =>
  run % 4 === 0 ? target.ways.pointwise(size, false).width : 1;

/** Of `extent` neighbours, those that a thread computes, where `columns` tells what they load. */
const countOf = (extent: number, columns: (count: number) => number): number =>
  extent > 1 && columns(NEIGHBOURS) <= MOST_COLUMNS ? NEIGHBOURS : 1;

/** What all three texts may name. */
const constants = (attributes: DepthwiseAttributes): Holes => ({
  ...windowHoles(attributes),
  LAST: attributes.kernel[1] - 1,
});

function forward(
  { inputs: [x, kernel], attributes, shape }: Node<DepthwiseAttributes>,
  target: Target,
): readonly KernelTemplate[] {
  const { stride, dilation, kernel: taps, output } = attributes;
  const width = widthOf(sizeOf(shape), depthwiseRun(attributes), target);
  const columns = (count: number): number => (count - 1) * stride[1] + taps[1];
  const count = dilation[1] > 1 ? 1 : countOf(output[2], columns);
  const tiles = Math.ceil(output[2] / count);
  const threads = output[0] * output[1] * tiles * (output[3] / width);
  const source = withLongSum([shaders.depthwise_pixel, shaders.depthwise_conv2d].join('\n'));
  return [
    {
      label: 'depthwiseConv2d',
      source,
      holes: pickHoles(source, {
        ...constants(attributes),
        ...depthwiseHoles(attributes, width),
        LONG: isLong(taps[0] * taps[1]),
        COUNT: count,
        COLUMNS: columns(count),
        TILES: tiles,
      }),
      reads: [
        { name: 'x', operand: x, element: taps[3] > 1 ? 'f32' : valueType('float32', width) },
        { name: 'w', operand: kernel, element: valueType('float32', width) },
      ],
      uniforms: { count: threads },
      grid: Math.ceil(threads / 64),
      width,
    },
  ];
}

function toInput(
  { inputs: [dy, kernel], attributes, shape }: Node<DepthwiseAttributes>,
  target: Target,
): readonly KernelTemplate[] {
  const { stride, dilation, kernel: taps, input } = attributes;
  const multiplier = taps[3];
  const width = multiplier > 1 ? 1 : widthOf(sizeOf(shape), input[3], target);
  const strided = stride.some((step) => step > 1);
  const columns = (count: number): number => count - 1 + taps[1];
  const count = strided || dilation[1] > 1 ? 1 : countOf(input[2], columns);
  const tiles = Math.ceil(input[2] / count);
  const threads = input[0] * input[1] * tiles * (input[3] / width);
  const source = withLongSum(shaders.depthwise_conv2d_input_gradient);
  return [
    {
      label: 'depthwiseConv2dInputGradient',
      source,
      holes: pickHoles(source, {
        ...constants(attributes),
        CHANNELS: input[3] / width,
        M: multiplier,
        LONG: isLong(taps[0] * taps[1] * multiplier),
        STRIDED: strided,
        COUNT: count,
        COLUMNS: columns(count),
        TILES: tiles,
      }),
      reads: [
        { name: 'dy', operand: dy, element: valueType('float32', width) },
        { name: 'w', operand: kernel, element: valueType('float32', width) },
      ],
      uniforms: { count: threads },
      grid: Math.ceil(threads / 64),
      width,
    },
  ];
}

function toKernel(
  { inputs: [x, dy], attributes, shape }: Node<DepthwiseAttributes>,
  target: Target,
): readonly KernelTemplate[] {
  const { stride, dilation, kernel: taps, output } = attributes;
  const width = widthOf(sizeOf(output), depthwiseRun(attributes), target);
  const across = taps[0] * (output[3] / width);
  const rows = output[0] * output[1];
  // The parts' results lie side by side in one binding.
  const bindable = Math.floor((target.maxBindingBytes ?? Number.POSITIVE_INFINITY) / (4 * sizeOf(shape)));
  const wanted = Math.min(
    Math.ceil(BUSY[target.ways.kind] / across),
    Math.floor((rows * output[2]) / SHORTEST),
    bindable,
  );
  const chunk = Math.ceil(rows / Math.max(1, wanted));
  const chunks = Math.ceil(rows / chunk);
  const partial: Scratch | null = chunks > 1 ? { bytes: chunks * sizeOf(shape) * 4 } : null;
  const threads = across * chunks;
  const label = 'depthwiseConv2dKernelGradient';
  const source = [shaders.depthwise_pixel, shaders.depthwise_conv2d_kernel_gradient].join('\n');
  const product: KernelTemplate = {
    label: partial === null ? label : `${label} (parts)`,
    source,
    holes: pickHoles(source, {
      ...constants(attributes),
      ...depthwiseHoles(attributes, width),
      SLIDES: stride[1] === 1 && dilation[1] === 1,
      SPLIT: partial !== null,
    }),
    reads: [
      { name: 'x', operand: x, element: taps[3] > 1 ? 'f32' : valueType('float32', width) },
      { name: 'dy', operand: dy, element: valueType('float32', width) },
    ],
    writes: partial === null ? [] : [{ name: 'partial', operand: partial, element: valueType('float32', width) }],
    uniforms: { count: threads, rows, chunk },
    grid: Math.ceil(threads / 64),
    width,
  };
  if (partial === null) return [product];
  return [product, ...sumOfParts(label, partial, { outer: 1, extent: chunks, inner: sizeOf(shape) }, target)];
}

/** One of the three, as its class of adapters computes it, or by the kernels above. */
const lowered = (
  of: ConvolutionSide,
  kernels: (node: Node<DepthwiseAttributes>, target: Target) => readonly KernelTemplate[],
): Lowering<DepthwiseAttributes> => ({
  kind: 'kernel',
  ...inLayerWays<DepthwiseAttributes>(
    ({ op, attributes }) => op.name + JSON.stringify(attributes),
    (node, layers, target) => [
      ...layers.depthwise(of, node, target),
      { name: 'tiles', kernels: () => kernels(node, target) },
    ],
  ),
});

export const {
  forward: depthwiseConv2dOp,
  toInput: depthwiseConv2dInputGradientOp,
  toKernel: depthwiseConv2dKernelGradientOp,
} = convolutionOps<DepthwiseAttributes>('depthwiseConv2d', {
  forward: lowered('output', forward),
  toInput: lowered('input', toInput),
  toKernel: lowered('kernel', toKernel),
});

/**
 * x [batch, height, width, channels] by kernel [height, width, channels, multiplier]: of each channel as many results as the
 * multiplier says, [batch, height', width', channels * multiplier], those of a channel side by side.
 */
export function depthwiseConv2d(x: Node, kernel: Node, options: SlidingOptions = {}, who = 'depthwiseConv2d'): Node {
  const { positions, ...sliding } = slide(x, kernel, options, who);
  const [, , channels, multiplier] = kernel.shape;
  if (x.shape[3] !== channels) {
    throw new ShapeError(
      `${who}: images ${formatShape(x.shape)} have ${counted(x.shape[3], 'channel')}, the kernel ${formatShape(kernel.shape)} expects ` +
        `${channels}. Its layout is [height, width, channels, multiplier].`,
    );
  }
  const output: Shape = [...positions, channels * multiplier];
  const attributes = { ...sliding, input: x.shape, kernel: kernel.shape, output };
  return biased(createNode(depthwiseConv2dOp, [x, kernel], attributes), options.bias);
}
