/** Max and average pooling, and their ways back. The gradient operations are linear, so each one's gradient is its transpose. */

import { type Padding, type Pair, pairOf, windowOf } from '../base/shape.ts';
import {
  type BuiltInOp,
  createNode,
  expectDtype,
  expectRank,
  type ImageWindow,
  type Lowering,
  layersOf,
  type Node,
  type Op,
  type Pooling,
  type SoughtOp,
} from '../ir/op.ts';

export type Pool2dAttributes = ImageWindow;

/** All of its kernel but the window. */
type OverWindow = Omit<Pooling, 'window'>;

/** How a pooling is lowered. */
const pooled = (pooling: (node: Node<Pool2dAttributes>) => OverWindow): Lowering<Pool2dAttributes> => ({
  kind: 'kernel',
  ofLayers: true,
  kernels: (node, target) => [layersOf(target).pooling({ ...pooling(node), window: node.attributes })],
});

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
  lowering: pooled(({ inputs: [x], shape }) => ({
    label: 'maxPool2d',
    text: 'pool2d',
    over: shape,
    operands: { x },
    holes: { MAX: true },
  })),
};

/** Inputs: x, upstream gradient. */
export const maxPool2dGradientOp: BuiltInOp<Pool2dAttributes> = {
  name: 'maxPool2dGradient',
  infer: (_, { input }) => ({ shape: input, dtype: 'float32' }),
  gradient: ({ inputs: [x], attributes }, g) => [null, createNode(maxPool2dPickOp, [x, g], attributes)],
  partition: EXAMPLES,
  lowering: pooled(({ inputs: [x, dy], attributes: { size, stride, input, output } }): OverWindow => {
    const tiles = size.every((extent, d) => extent === stride[d] && output[d + 1] * extent === input[d + 1]);
    const taps = size[0] * size[1];
    const both = { label: 'maxPool2dGradient', operands: { x, dy } };
    if (tiles && taps <= 16) return { ...both, text: 'max_pool2d_scatter', over: output, holes: { TAPS: taps } };
    return { ...both, text: 'pool2d_gradient', over: input, holes: { MAX: true } };
  }),
};

/** Inputs: x, and a tensor like x; takes from it what lies at each window's maximum in x. */
export const maxPool2dPickOp: BuiltInOp<Pool2dAttributes> = {
  name: 'maxPool2dPick',
  infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
  gradient: ({ inputs: [x], attributes }, g) => [null, createNode(maxPool2dGradientOp, [x, g], attributes)],
  partition: EXAMPLES,
  lowering: pooled(({ inputs: [x, g], shape }) => ({
    label: 'maxPool2dPick',
    text: 'max_pool2d_pick',
    over: shape,
    operands: { x, g },
    holes: {},
  })),
};

export const avgPool2dOp: BuiltInOp<Pool2dAttributes> = {
  name: 'avgPool2d',
  infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
  gradient: ({ attributes }, g) => [createNode(avgPool2dGradientOp, [g], attributes)],
  partition: EXAMPLES,
  lowering: pooled(({ inputs: [x], shape }) => ({
    label: 'avgPool2d',
    text: 'pool2d',
    over: shape,
    operands: { x },
    holes: { MAX: false },
  })),
};

export const avgPool2dGradientOp: BuiltInOp<Pool2dAttributes> = {
  name: 'avgPool2dGradient',
  infer: (_, { input }) => ({ shape: input, dtype: 'float32' }),
  gradient: ({ attributes }, g) => [createNode(avgPool2dOp, [g], attributes)],
  partition: EXAMPLES,
  lowering: pooled(({ inputs: [dy], shape }) => ({
    label: 'avgPool2dGradient',
    text: 'pool2d_gradient',
    over: shape,
    operands: { dy },
    holes: { MAX: false },
  })),
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
