/**
 * Depthwise convolutions and their gradients on the CPU down the columns of images (depthwise_columns.wgsl,
 * depthwise_columns_kernel_gradient.wgsl): a thread keeps the rows of pixels under a row of the kernel, so that each is loaded once.
 */

import { sizeOf } from '../../base/shape.ts';
import type { Depthwise, KernelTemplate, KernelVariant, Scratch, Target } from '../../ir/op.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import { type Holes, pickHoles } from '../../wgsl/template.ts';
import { sumOfParts } from '../reduce.ts';
import { widthFor } from './threads.ts';

/** Neighbouring columns of a thread. */
const NEIGHBOURS = 4;
/** Taps, and pixels that a thread keeps, at most: their text is written out. */
const MOST_TAPS = 25;
const MOST_KEPT = 48;
/** Threads that keep an adapter busy, and fewest rows of a strip: its first ones meet rows that another strip loads as well. */
const BUSY = 2048;
const SHORTEST = 8;

/** The way down the columns; none where there is little to share between rows. */
export function depthwise(convolution: Depthwise, target: Target): KernelVariant[] {
  const { of, stride, dilation, kernel, output } = convolution;
  const [rows, columns, , multiplier] = kernel;
  const kept = rows * columnsOf(convolution, countOf(output[2]));
  if (rows === 1 || rows * columns > MOST_TAPS || kept > MOST_KEPT || stride[0] > rows || Math.max(...dilation) > 1) {
    return [];
  }
  if (of === 'kernel') return [{ name: 'columns', kernels: () => toKernel(convolution, target) }];
  if (of === 'output') return [{ name: 'columns', kernels: () => [down(convolution, false)] }];
  // The gradient to the images is the convolution of the upstream gradient with the kernel flipped, where each pixel has a result.
  if (multiplier > 1 || Math.max(...stride) > 1) return [];
  const { before, input } = convolution;
  const turned = [rows - 1 - before[0], columns - 1 - before[1]] as const;
  return [
    { name: 'columns', kernels: () => [down({ ...convolution, before: turned, input: output, output: input }, true)] },
  ];
}

const countOf = (width: number): number => Math.min(NEIGHBOURS, width);

const columnsOf = ({ stride, kernel }: Depthwise, count: number): number => (count - 1) * stride[1] + kernel[1];

/** Values that a thread takes at once: see `outputHoles` of depthwiseConv2d.ts. */
const widthOf = ({ output, kernel: [, , channels, multiplier] }: Depthwise): 1 | 4 =>
  (multiplier > 1 ? multiplier : channels) % 4 === 0 ? widthFor(sizeOf(output)) : 1;

const element = (width: 1 | 4): string => (width === 4 ? 'vec4f' : 'f32');

/** What both texts may name. */
function holesOf(convolution: Depthwise, width: 1 | 4, count: number): Holes {
  const { stride, before, input, kernel, output } = convolution;
  return {
    H: input[1],
    W: input[2],
    OH: output[1],
    OW: output[2],
    KH: kernel[0],
    KW: kernel[1],
    TAPS: kernel[0] * kernel[1],
    LAST_Y: kernel[0] - 1,
    STRIDE_Y: stride[0],
    STRIDE_X: stride[1],
    STRIDED: stride[0] > 1,
    PAD_Y: before[0],
    PAD_X: before[1],
    OUTPUTS: output[3] / width,
    CHANNELS: input[3],
    WIDTH: width,
    MULTIPLIED: kernel[3] > 1 ? kernel[3] : 0,
    COUNT: count,
    COLUMNS: columnsOf(convolution, count),
    TILES: Math.ceil(output[2] / count),
    RAGGED: output[2] % count > 0,
  };
}

/** Rows of a strip, and strips of an image, with which `threads` a strip keep the adapter busy. */
function stripsOf({ output }: Depthwise, threads: number): { readonly chunk: number; readonly strips: number } {
  const wanted = Math.min(Math.ceil(BUSY / (output[0] * threads)), Math.ceil(output[1] / SHORTEST));
  const chunk = Math.ceil(output[1] / wanted);
  return { chunk, strips: Math.ceil(output[1] / chunk) };
}

function down(convolution: Depthwise, flipped: boolean): KernelTemplate {
  const { label, inputs, kernel, output } = convolution;
  const [x, w] = inputs;
  const width = widthOf(convolution);
  const count = countOf(output[2]);
  const across = Math.ceil(output[2] / count) * (output[3] / width);
  const { chunk, strips } = stripsOf(convolution, across);
  const threads = output[0] * strips * across;
  const source = [shaders.depthwise_pixel, shaders.depthwise_columns].join('\n');
  return {
    label,
    source,
    holes: pickHoles(source, { ...holesOf(convolution, width, count), FLIPPED: flipped }),
    reads: [
      { name: 'x', operand: x, element: kernel[3] > 1 ? 'f32' : element(width) },
      { name: 'w', operand: w, element: element(width) },
    ],
    uniforms: { count: threads, strips, chunk },
    grid: Math.ceil(threads / 64),
    width,
  };
}

function toKernel(convolution: Depthwise, target: Target): readonly KernelTemplate[] {
  const { label, inputs, kernel, output } = convolution;
  const [x, dy] = inputs;
  const width = widthOf(convolution);
  const count = countOf(output[2]);
  const tiles = Math.ceil(output[2] / count);
  const across = tiles * (output[3] / width);
  const { chunk, strips } = stripsOf(convolution, across);
  const all = output[0] * strips;
  const size = sizeOf(kernel);
  // The parts' results lie side by side in one binding.
  const bindable = Math.floor((target.maxBindingBytes ?? Number.POSITIVE_INFINITY) / (4 * size * tiles));
  const share = Math.ceil(all / Math.max(1, Math.min(Math.ceil(BUSY / across), bindable)));
  const parts = Math.ceil(all / share) * tiles;
  const partial: Scratch = { bytes: parts * size * 4 };
  const threads = parts * (output[3] / width);
  const source = [shaders.depthwise_pixel, shaders.depthwise_columns_kernel_gradient].join('\n');
  return [
    {
      label: `${label} (parts)`,
      source,
      holes: pickHoles(source, holesOf(convolution, width, count)),
      reads: [
        { name: 'x', operand: x, element: kernel[3] > 1 ? 'f32' : element(width) },
        { name: 'dy', operand: dy, element: element(width) },
      ],
      writes: [{ name: 'partial', operand: partial, element: element(width) }],
      uniforms: { count: threads, strips, all, chunk, share },
      grid: Math.ceil(threads / 64),
      width,
    },
    ...sumOfParts(label, partial, { outer: 1, extent: parts, inner: size }, target),
  ];
}
