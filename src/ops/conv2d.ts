/**
 * Two-dimensional convolution and its two gradients. The three are one bilinear form seen from three sides, so each one's
 * gradients are the other two, to any order.
 */

import { counted } from '../base/describe.ts';
import { ShapeError } from '../base/errors.ts';
import { formatShape, type Padding, type Pair, pairOf, type Shape, sizeOf, windowOf } from '../base/shape.ts';
import {
  type BuiltInOp,
  type Contraction,
  createNode,
  expectDtype,
  expectRank,
  type Lowering,
  type Node,
} from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import type { Holes } from '../wgsl/template.ts';
import { contracted } from './contraction.ts';
import { add } from './elementwise.ts';

export interface Conv2dAttributes {
  /** [height, width] */
  readonly stride: readonly [number, number];
  /** Pixels before the first one: [above, left]. */
  readonly before: readonly [number, number];
  /** [batch, height, width, channels] */
  readonly input: Shape;
  /** [height, width, in, out] */
  readonly kernel: Shape;
  /** [batch, height, width, channels] */
  readonly output: Shape;
}

function constants({ stride, before, input, kernel, output }: Conv2dAttributes): Holes {
  return {
    H: input[1],
    W: input[2],
    C: input[3],
    OH: output[1],
    OW: output[2],
    N: output[3],
    KH: kernel[0],
    KW: kernel[1],
    STRIDE_Y: stride[0],
    STRIDE_X: stride[1],
    PAD_Y: before[0],
    PAD_X: before[1],
  };
}

/** Four neighbouring values of the innermost dimension lie in one aligned vec4f. */
const whole = (shape: Shape): boolean => (shape.at(-1) ?? 1) % 4 === 0;

/** y[position, out] = Σ patch(position, tap) kernel[tap, out] */
function forward({ inputs: [x, kernel], attributes }: Node<Conv2dAttributes>): Contraction {
  const vector = whole(x.shape);
  return {
    label: 'conv2d',
    m: sizeOf(attributes.output.slice(0, 3)),
    n: attributes.output[3],
    k: sizeOf(attributes.kernel.slice(0, 3)),
    loaders: shaders.conv2d,
    holes: { ...constants(attributes), VECTOR_K: vector, STAGED_X: 0 },
    // Beside a pixel of few channels lies the next one: neighbouring positions are nearer in memory than neighbouring rows of the patch.
    a: {
      alongK: vector,
      blocks: false,
      linear: false,
      binding: { name: 'x', operand: x, element: vector ? 'vec4f' : 'f32' },
    },
    b: {
      alongK: false,
      blocks: whole(kernel.shape),
      linear: true,
      binding: { name: 'w', operand: kernel, element: 'f32' },
    },
    ...(vector ? {} : { runOf: (rows) => runOf(attributes, rows) }),
  };
}

/** The most floats between the first pixel and the last one of neighbouring positions' patches, from the beginning of a line on. */
function runOf({ stride, before, input, kernel, output }: Conv2dAttributes, rows: number): number {
  const [, height, width, channels] = input;
  const [batch, outputHeight, outputWidth] = output;
  const image = outputHeight * outputWidth;
  const originOf = (m: number): number => {
    const y = (Math.floor(m / outputWidth) % outputHeight) * stride[0] - before[0];
    return (Math.floor(m / image) * height + y) * width + (m % outputWidth) * stride[1] - before[1];
  };
  let most = 0;
  // How tiles lie in their images repeats after as many tiles as an image has positions, if not before.
  for (let m = 0; m < Math.min(batch, rows) * image; m += rows) {
    const last = Math.min(m + rows, batch * image) - 1;
    most = Math.max(most, originOf(last) - originOf(m));
  }
  return (most + (kernel[0] - 1) * width + kernel[1]) * channels + 31;
}

/** dx[pixel, channel] = Σ dy(pixel, tap and out) kernel(tap and out, channel) */
function toInput({ inputs: [dy, kernel], attributes }: Node<Conv2dAttributes>): Contraction {
  const vector = whole(dy.shape);
  const element = vector ? 'vec4f' : 'f32';
  return {
    label: 'conv2dInputGradient',
    m: sizeOf(attributes.input.slice(0, 3)),
    n: attributes.input[3],
    k: attributes.kernel[0] * attributes.kernel[1] * attributes.kernel[3],
    loaders: shaders.conv2d_input_gradient,
    holes: { ...constants(attributes), VECTOR_K: vector, STRIDED: attributes.stride.some((step) => step > 1) },
    a: { alongK: true, blocks: false, linear: false, binding: { name: 'dy', operand: dy, element } },
    b: { alongK: true, blocks: false, linear: false, binding: { name: 'w', operand: kernel, element } },
  };
}

/** dkernel[tap, out] = Σ x(tap, position) dy[position, out] */
function toKernel({ inputs: [x, dy], attributes }: Node<Conv2dAttributes>): Contraction {
  return {
    label: 'conv2dKernelGradient',
    m: sizeOf(attributes.kernel.slice(0, 3)),
    n: attributes.kernel[3],
    k: sizeOf(attributes.output.slice(0, 3)),
    loaders: shaders.conv2d_kernel_gradient,
    holes: {
      ...constants(attributes),
      SAME_ROW: attributes.output[2] % 4 === 0,
      WHOLE_K: sizeOf(attributes.output.slice(0, 3)) % 4 === 0,
    },
    a: { alongK: false, blocks: whole(x.shape), linear: false, binding: { name: 'x', operand: x, element: 'f32' } },
    b: { alongK: false, blocks: whole(dy.shape), linear: true, binding: { name: 'dy', operand: dy, element: 'f32' } },
  };
}

function lowered(name: string, contraction: (node: Node<Conv2dAttributes>) => Contraction): Lowering<Conv2dAttributes> {
  return {
    kind: 'kernel',
    ...contracted(({ attributes: { stride, before, input, kernel, output } }) => {
      const shapes = `${formatShape(input)} ${formatShape(kernel)} ${formatShape(output)}`;
      return `${name} ${shapes} stride ${formatShape(stride)} before ${formatShape(before)}`;
    }, contraction),
  };
}

export const conv2dOp: BuiltInOp<Conv2dAttributes> = {
  name: 'conv2d',
  infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
  gradient({ inputs: [x, kernel], attributes }, g, needs) {
    return [
      needs[0] ? createNode(conv2dInputGradientOp, [g, kernel], attributes) : null,
      needs[1] ? createNode(conv2dKernelGradientOp, [x, g], attributes) : null,
    ];
  },
  partition: { cuts: () => [0], sizes: ['input', 'output'] },
  lowering: lowered('conv2d', forward),
};

export const conv2dInputGradientOp: BuiltInOp<Conv2dAttributes> = {
  name: 'conv2dInputGradient',
  infer: (_, { input }) => ({ shape: input, dtype: 'float32' }),
  gradient({ inputs: [dy, kernel], attributes }, g, needs) {
    return [
      needs[0] ? createNode(conv2dOp, [g, kernel], attributes) : null,
      needs[1] ? createNode(conv2dKernelGradientOp, [g, dy], attributes) : null,
    ];
  },
  partition: { cuts: () => [0], sizes: ['input', 'output'] },
  lowering: lowered('conv2dInputGradient', toInput),
};

export const conv2dKernelGradientOp: BuiltInOp<Conv2dAttributes> = {
  name: 'conv2dKernelGradient',
  infer: (_, { kernel }) => ({ shape: kernel, dtype: 'float32' }),
  gradient({ inputs: [x, dy], attributes }, g, needs) {
    return [
      needs[0] ? createNode(conv2dInputGradientOp, [dy, g], attributes) : null,
      needs[1] ? createNode(conv2dOp, [x, g], attributes) : null,
    ];
  },
  partition: { cuts: () => [{ inputs: [0, 0], result: 'add' }], sizes: ['input', 'output'] },
  lowering: lowered('conv2dKernelGradient', toKernel),
};

/** Options of a convolution. */
export interface Conv2dOptions {
  /** [filters], added to every position. */
  readonly bias?: Node;
  /** [vertical, horizontal], or one number for both; default 1. */
  readonly stride?: Pair;
  /** `valid` (default) takes whole windows only; `same` pads with zeros, so that stride 1 keeps height and width. */
  readonly padding?: Padding;
}

/** x [batch, height, width, in] by kernel [height, width, in, out]: cross-correlation, as everywhere in the field. */
export function conv2d(x: Node, kernel: Node, { bias, stride = 1, padding = 'valid' }: Conv2dOptions = {}): Node {
  expectRank(x, 4, 'conv2d', 'images [batch, height, width, channels]');
  expectRank(kernel, 4, 'conv2d', 'a kernel [height, width, in, out]');
  expectDtype(x, 'float32', 'conv2d');
  expectDtype(kernel, 'float32', 'conv2d');
  if (x.shape[3] !== kernel.shape[2]) {
    throw new ShapeError(
      `conv2d: images ${formatShape(x.shape)} have ${counted(x.shape[3], 'channel')}, the kernel ${formatShape(kernel.shape)} expects ` +
        `${kernel.shape[2]}. Layouts are NHWC and HWIO: transpose if yours differ.`,
    );
  }
  const strides = pairOf(stride, 'conv2d stride');
  const y = windowOf(x.shape[1], kernel.shape[0], strides[0], padding, 'conv2d');
  const along = windowOf(x.shape[2], kernel.shape[1], strides[1], padding, 'conv2d');
  const product = createNode(conv2dOp, [x, kernel], {
    stride: strides,
    before: [y.before, along.before],
    input: x.shape,
    kernel: kernel.shape,
    output: [x.shape[0], y.output, along.output, kernel.shape[3]],
  });
  return bias === undefined ? product : add(product, bias);
}
