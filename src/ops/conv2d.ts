/**
 * Two-dimensional convolution and its two gradients. The three are one bilinear form seen from three sides, so each one's
 * gradients are the other two, to any order.
 */

import { ShapeError } from '../errors.ts';
import { shaders } from '../gpu/shaders.generated.ts';
import type { Holes } from '../gpu/template.ts';
import { createNode, expectDtype, expectRank, type Node, type Op } from '../graph/node.ts';
import { formatShape, type Padding, type Pair, pairOf, type Shape, windowOf } from '../shape.ts';
import { contractionKernels } from './contraction.ts';
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

export const conv2dOp: Op<Conv2dAttributes> = {
  name: 'conv2d',
  infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
  gradient({ inputs: [x, kernel], attributes }, g, needs) {
    return [
      needs[0] ? createNode(conv2dInputGradientOp, [g, kernel], attributes) : null,
      needs[1] ? createNode(conv2dKernelGradientOp, [x, g], attributes) : null,
    ];
  },
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [x, kernel], attributes }, target) {
      const [batch, oh, ow, n] = attributes.output;
      const vector = attributes.input[3] % 4 === 0;
      return contractionKernels(
        {
          label: 'conv2d',
          m: batch * oh * ow,
          n,
          k: attributes.kernel[0] * attributes.kernel[1] * attributes.kernel[2],
          loaders: shaders.conv2d,
          holes: { ...constants(attributes), VECTOR: vector },
          reads: [
            { name: 'x', operand: x, element: vector ? 'vec4f' : 'f32' },
            { name: 'w', operand: kernel, element: 'f32' },
          ],
        },
        target,
      );
    },
  },
};

export const conv2dInputGradientOp: Op<Conv2dAttributes> = {
  name: 'conv2dInputGradient',
  infer: (_, { input }) => ({ shape: input, dtype: 'float32' }),
  gradient({ inputs: [dy, kernel], attributes }, g, needs) {
    return [
      needs[0] ? createNode(conv2dOp, [g, kernel], attributes) : null,
      needs[1] ? createNode(conv2dKernelGradientOp, [g, dy], attributes) : null,
    ];
  },
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [dy, kernel], attributes }, target) {
      const [batch, h, w, c] = attributes.input;
      const vector = attributes.output[3] % 4 === 0;
      const element = vector ? 'vec4f' : 'f32';
      return contractionKernels(
        {
          label: 'conv2dInputGradient',
          m: batch * h * w,
          n: c,
          k: attributes.kernel[0] * attributes.kernel[1] * attributes.kernel[3],
          loaders: shaders.conv2d_input_gradient,
          holes: { ...constants(attributes), VECTOR: vector },
          reads: [
            { name: 'dy', operand: dy, element },
            { name: 'w', operand: kernel, element },
          ],
        },
        target,
      );
    },
  },
};

export const conv2dKernelGradientOp: Op<Conv2dAttributes> = {
  name: 'conv2dKernelGradient',
  infer: (_, { kernel }) => ({ shape: kernel, dtype: 'float32' }),
  gradient({ inputs: [x, dy], attributes }, g, needs) {
    return [
      needs[0] ? createNode(conv2dInputGradientOp, [dy, g], attributes) : null,
      needs[1] ? createNode(conv2dOp, [x, g], attributes) : null,
    ];
  },
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [x, dy], attributes }, target) {
      const [batch, oh, ow, n] = attributes.output;
      return contractionKernels(
        {
          label: 'conv2dKernelGradient',
          m: attributes.kernel[0] * attributes.kernel[1] * attributes.kernel[2],
          n,
          k: batch * oh * ow,
          loaders: shaders.conv2d_kernel_gradient,
          holes: { ...constants(attributes), SAME_ROW: ow % 4 === 0 },
          reads: [
            { name: 'x', operand: x, element: 'f32' },
            { name: 'dy', operand: dy, element: 'f32' },
          ],
        },
        target,
      );
    },
  },
};

export interface Conv2dOptions {
  /** [filters], added to every position. */
  readonly bias?: Node;
  /** Default 1. */
  readonly stride?: Pair;
  /** Default `valid`. */
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
      `conv2d: images ${formatShape(x.shape)} have ${x.shape[3]} channels, the kernel ${formatShape(kernel.shape)} expects ` +
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
