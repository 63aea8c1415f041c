/** Max and average pooling, and their ways back. The gradient operations are linear, so each one's gradient is its transpose. */

import { type Padding, type Pair, pairOf, type Shape, sizeOf, windowOf } from '../base/shape.ts';
import {
  type Binding,
  type BuiltInOp,
  createNode,
  expectDtype,
  expectRank,
  type KernelTemplate,
  type Node,
  type Op,
  type SoughtOp,
} from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { type Holes, pickHoles } from '../wgsl/template.ts';
import { isLong, withLongSum } from './longSum.ts';

export interface Pool2dAttributes {
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly before: readonly [number, number];
  /** [batch, height, width, channels] */
  readonly input: Shape;
  readonly output: Shape;
}

/** One kernel over [batch, height, width, channels], four channels at a time where they allow it. */
function poolKernel(
  label: string,
  source: string,
  { size, stride, before, input, output }: Pool2dAttributes,
  over: Shape,
  operands: Readonly<Record<string, Node>>,
  holes: Holes,
): KernelTemplate {
  const width = input[3] % 4 === 0 ? 4 : 1;
  const count = sizeOf(over) / width;
  const reads = Object.entries(operands).map(
    ([name, operand]): Binding => ({ name, operand, element: width === 4 ? 'vec4f' : 'f32' }),
  );
  const text = withLongSum(source);
  return {
    label,
    source: text,
    holes: pickHoles(text, {
      LONG: isLong(size[0] * size[1]),
      H: input[1],
      W: input[2],
      C: input[3] / width,
      OH: output[1],
      OW: output[2],
      KH: size[0],
      KW: size[1],
      STRIDE_Y: stride[0],
      STRIDE_X: stride[1],
      PAD_Y: before[0],
      PAD_X: before[1],
      ...holes,
    }),
    reads,
    uniforms: { count },
    grid: Math.ceil(count / 64),
    width,
  };
}

/** Images are pooled one by one. */
const EXAMPLES: BuiltInOp<Pool2dAttributes>['partition'] = {
  cuts: () => [{ inputs: [0, 0], result: 0 }],
  sizes: ['input', 'output'],
};

export const maxPool2dOp: SoughtOp<Pool2dAttributes> = {
  name: 'maxPool2d',
  infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
  gradient: ({ inputs: [x], attributes }, g) => [createNode(maxPool2dGradientOp, [x, g], attributes)],
  sought: true,
  partition: EXAMPLES,
  lowering: {
    kind: 'kernel',
    kernels: ({ inputs: [x], attributes }) => [
      poolKernel('maxPool2d', shaders.pool2d, attributes, attributes.output, { x }, { MAX: true }),
    ],
  },
};

/** Inputs: x, upstream gradient. */
export const maxPool2dGradientOp: BuiltInOp<Pool2dAttributes> = {
  name: 'maxPool2dGradient',
  infer: (_, { input }) => ({ shape: input, dtype: 'float32' }),
  gradient: ({ inputs: [x], attributes }, g) => [null, createNode(maxPool2dPickOp, [x, g], attributes)],
  partition: EXAMPLES,
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [x, dy], attributes }) {
      const { size, stride, input, output } = attributes;
      const tiles = size.every((extent, d) => extent === stride[d] && output[d + 1] * extent === input[d + 1]);
      const taps = size[0] * size[1];
      if (tiles && taps <= 16) {
        return [
          poolKernel('maxPool2dGradient', shaders.max_pool2d_scatter, attributes, output, { x, dy }, { TAPS: taps }),
        ];
      }
      return [poolKernel('maxPool2dGradient', shaders.pool2d_gradient, attributes, input, { x, dy }, { MAX: true })];
    },
  },
};

/** Inputs: x, and a tensor like x; takes from it what lies at each window's maximum in x. */
export const maxPool2dPickOp: BuiltInOp<Pool2dAttributes> = {
  name: 'maxPool2dPick',
  infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
  gradient: ({ inputs: [x], attributes }, g) => [null, createNode(maxPool2dGradientOp, [x, g], attributes)],
  partition: EXAMPLES,
  lowering: {
    kind: 'kernel',
    kernels: ({ inputs: [x, g], attributes }) => [
      poolKernel('maxPool2dPick', shaders.max_pool2d_pick, attributes, attributes.output, { x, g }, {}),
    ],
  },
};

export const avgPool2dOp: BuiltInOp<Pool2dAttributes> = {
  name: 'avgPool2d',
  infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
  gradient: ({ attributes }, g) => [createNode(avgPool2dGradientOp, [g], attributes)],
  partition: EXAMPLES,
  lowering: {
    kind: 'kernel',
    kernels: ({ inputs: [x], attributes }) => [
      poolKernel('avgPool2d', shaders.pool2d, attributes, attributes.output, { x }, { MAX: false }),
    ],
  },
};

export const avgPool2dGradientOp: BuiltInOp<Pool2dAttributes> = {
  name: 'avgPool2dGradient',
  infer: (_, { input }) => ({ shape: input, dtype: 'float32' }),
  gradient: ({ attributes }, g) => [createNode(avgPool2dOp, [g], attributes)],
  partition: EXAMPLES,
  lowering: {
    kind: 'kernel',
    kernels: ({ inputs: [dy], attributes }) => [
      poolKernel('avgPool2dGradient', shaders.pool2d_gradient, attributes, attributes.input, { dy }, { MAX: false }),
    ],
  },
};

/** Options of a pooling. */
export interface Pool2dOptions {
  /** Extents of the window: [height, width], or one number for both. */
  readonly poolSize: Pair;
  /** Default: the pool size. */
  readonly strides?: Pair;
  /** Default `valid`. */
  readonly padding?: Padding;
}

function pool(
  op: Op<Pool2dAttributes>,
  x: Node,
  { poolSize, strides = poolSize, padding = 'valid' }: Pool2dOptions,
): Node {
  expectRank(x, 4, op.name, 'images [batch, height, width, channels]');
  expectDtype(x, 'float32', op.name);
  const size = pairOf(poolSize, `${op.name} poolSize`);
  const stride = pairOf(strides, `${op.name} strides`);
  const y = windowOf(x.shape[1], size[0], stride[0], padding, op.name);
  const along = windowOf(x.shape[2], size[1], stride[1], padding, op.name);
  return createNode(op, [x], {
    size,
    stride,
    before: [y.before, along.before],
    input: x.shape,
    output: [x.shape[0], y.output, along.output, x.shape[3]],
  });
}

export const maxPool2d = (x: Node, options: Pool2dOptions): Node => pool(maxPool2dOp, x, options);
/** `same` padding divides by the pixels that are there. */
export const avgPool2d = (x: Node, options: Pool2dOptions): Node => pool(avgPool2dOp, x, options);
