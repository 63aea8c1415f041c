/**
 * Depthwise convolutions and their gradients on the CPU down the columns of images (depthwise_columns.wgsl,
 * depthwise_columns_input_gradient.wgsl, depthwise_columns_kernel_gradient.wgsl): a thread keeps the rows of pixels under a row of the kernel, so that each is loaded once.
 */

import { sizeOf } from '../../base/shape.ts';
import type {
  ConvolutionShapes,
  ConvolutionSide,
  KernelTemplate,
  KernelVariant,
  Node,
  Scratch,
  Target,
} from '../../ir/op.ts';
import { valueType } from '../../ir/scope.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import { type Holes, pickHoles } from '../../wgsl/template.ts';
import { depthwiseHoles, depthwiseRun, windowHoles } from '../depthwiseHoles.ts';
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

interface Depthwise extends ConvolutionShapes {
  readonly label: string;
  /** The images and the kernel, the upstream gradient and the kernel, or the images and the upstream gradient. */
  readonly inputs: readonly Node[];
}

/** The way down the columns; none where there is little to share between rows. */
export function depthwise(
  of: ConvolutionSide,
  { op, inputs, attributes }: Node<ConvolutionShapes>,
  target: Target,
): KernelVariant[] {
  const convolution: Depthwise = { ...attributes, label: op.name, inputs };
  const { stride, dilation, kernel, output } = convolution;
  const [rows, columns, , multiplier] = kernel;
  const kept = rows * columnsOf(convolution, countOf(output[2]));
  if (rows === 1 || rows * columns > MOST_TAPS || kept > MOST_KEPT || stride[0] > rows || Math.max(...dilation) > 1) {
    return [];
  }
  if (of === 'kernel') return [{ name: 'columns', kernels: () => toKernel(convolution, target) }];
  if (of === 'output') return [{ name: 'columns', kernels: () => [forward(convolution)] }];
  return multiplier > 1 ? [] : [{ name: 'columns', kernels: () => [toInput(convolution)] }];
}

const countOf = (width: number): number => Math.min(NEIGHBOURS, width);

const columnsOf = ({ stride, kernel }: Depthwise, count: number): number => (count - 1) * stride[1] + kernel[1];

/** Results that a thread takes at once. */
const widthOf = (convolution: Depthwise): 1 | 4 =>
  depthwiseRun(convolution) % 4 === 0 ? widthFor(sizeOf(convolution.output)) : 1;

/** What all three texts may name. */
function holesOf(convolution: Depthwise, width: 1 | 4, count: number): Holes {
  const { stride, kernel, output } = convolution;
  return {
    ...windowHoles(convolution),
    ...depthwiseHoles(convolution, width),
    TAPS: kernel[0] * kernel[1],
    LAST_Y: kernel[0] - 1,
    STRIDED: stride[0] > 1,
    COUNT: count,
    COLUMNS: columnsOf(convolution, count),
    TILES: Math.ceil(output[2] / count),
    RAGGED: output[2] % count > 0,
  };
}

/** Rows of a strip, and strips of an image of so many rows, with which `threads` a strip keep the adapter busy. */
function stripsOf(batch: number, rows: number, threads: number): { readonly chunk: number; readonly strips: number } {
  const wanted = Math.min(Math.ceil(BUSY / (batch * threads)), Math.ceil(rows / SHORTEST));
  const chunk = Math.ceil(rows / wanted);
  return { chunk, strips: Math.ceil(rows / chunk) };
}

function forward(convolution: Depthwise): KernelTemplate {
  const { label, inputs, kernel, output } = convolution;
  const [x, w] = inputs;
  const width = widthOf(convolution);
  const count = countOf(output[2]);
  const across = Math.ceil(output[2] / count) * (output[3] / width);
  const { chunk, strips } = stripsOf(output[0], output[1], across);
  const threads = output[0] * strips * across;
  const source = [shaders.depthwise_pixel, shaders.depthwise_columns].join('\n');
  return {
    label,
    source,
    holes: pickHoles(source, holesOf(convolution, width, count)),
    reads: [
      { name: 'x', operand: x, element: kernel[3] > 1 ? 'f32' : valueType('float32', width) },
      { name: 'w', operand: w, element: valueType('float32', width) },
    ],
    uniforms: { count: threads, strips, chunk },
    grid: Math.ceil(threads / 64),
    width,
  };
}

function toInput(convolution: Depthwise): KernelTemplate {
  const { label, inputs, stride, before, input, kernel } = convolution;
  const [dy, w] = inputs;
  const width = input[3] % 4 === 0 ? widthFor(sizeOf(input)) : 1;
  // Of the shader's q along an axis: the first with a pixel, and how many reach the last pixel.
  const begin = [0, 1].map((axis) => Math.floor(before[axis] / stride[axis]));
  const [rows, columns] = [0, 1].map(
    (axis) => Math.floor((input[1 + axis] - 1 + before[axis]) / stride[axis]) + 1 - begin[axis],
  );
  const count = Math.min(columns, Math.ceil(NEIGHBOURS / stride[1]));
  const [jumpsY, jumpsX] = [0, 1].map((axis) => Math.ceil(kernel[axis] / stride[axis]));
  const tiles = Math.ceil(columns / count);
  const across = tiles * (input[3] / width);
  const { chunk, strips } = stripsOf(input[0], rows, across);
  const threads = input[0] * strips * across;
  const source = shaders.depthwise_columns_input_gradient;
  return {
    label,
    source,
    holes: pickHoles(source, {
      ...holesOf(convolution, width, count),
      CHANNELS: input[3] / width,
      TILES: tiles,
      ROWS: rows,
      BEGIN_Y: begin[0],
      BEGIN_X: begin[1],
      JUMPS_Y: jumpsY,
      JUMPS_X: jumpsX,
      KEPT_Y: jumpsY - 1,
      COLUMNS: count - 1 + jumpsX,
      RESULTS: stride[0] * count * stride[1],
      RESULTS_OF_ROW: count * stride[1],
    }),
    reads: [
      { name: 'dy', operand: dy, element: valueType('float32', width) },
      { name: 'w', operand: w, element: valueType('float32', width) },
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
  const { chunk, strips } = stripsOf(output[0], output[1], across);
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
        { name: 'x', operand: x, element: kernel[3] > 1 ? 'f32' : valueType('float32', width) },
        { name: 'dy', operand: dy, element: valueType('float32', width) },
      ],
      writes: [{ name: 'partial', operand: partial, element: valueType('float32', width) }],
      uniforms: { count: threads, strips, all, chunk, share },
      grid: Math.ceil(threads / 64),
      width,
    },
    ...sumOfParts(label, partial, { outer: 1, extent: parts, inner: size }, target),
  ];
}
