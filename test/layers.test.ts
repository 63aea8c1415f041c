/** Every layer by one routine: shapes, weights, forward and gradient against the float64 oracle, saving, wrong inputs. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ShapeError } from '../src/base/errors.ts';
import type { Shape } from '../src/base/shape.ts';
import { type Loss, Sequential, SGD, tensor } from '../src/index.ts';
import { layerNames } from '../src/network/layerNames.ts';
import * as layers from '../src/nn/layers/index.ts';
import { type CallContext, exampleShape, layerOf, listOf } from '../src/nn/layers/layer.ts';
import { makeLayer } from '../src/nn/layers/makeLayer.ts';
import { Tensor } from '../src/tensor/index.ts';
import type { LayerNames } from './publicNames.ts';
import * as o from './reference.ts';
import { assertClose, assertSame, compare, draw, type Input, oracleOf } from './support.ts';

const {
  Activation,
  AveragePooling1D,
  AveragePooling2D,
  BatchNormalization,
  Bidirectional,
  Conv1D,
  Conv2D,
  Conv2DTranspose,
  Cropping2D,
  Dense,
  DepthwiseConv2D,
  Dropout,
  ELU,
  Embedding,
  Flatten,
  GaussianNoise,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GroupNormalization,
  GRU,
  LayerNormalization,
  LeakyReLU,
  LSTM,
  Masking,
  MaxPooling1D,
  MaxPooling2D,
  MultiHeadAttention,
  Normalization,
  Permute,
  PReLU,
  ReLU,
  RepeatVector,
  Rescaling,
  Reshape,
  SeparableConv2D,
  SimpleRNN,
  Softmax,
  SpatialDropout2D,
  UpSampling2D,
  ZeroPadding2D,
} = layers;

type Oracle = (x: o.Array64, ...weights: o.Array64[]) => o.Array64;

interface Case {
  readonly make: () => layers.Layer;
  readonly input: Shape;
  readonly output: Shape;
  /** Shapes by name; default none. */
  readonly weights?: Readonly<Record<string, Shape>>;
  readonly oracle: Oracle;
  /** Training, where it differs; null where it draws random numbers. */
  readonly trainingOracle?: Oracle | null;
  /** An input shape that the layer cannot take. */
  readonly wrong?: Shape;
  /** Weights that change nothing, so that their gradient is 0 but for rounding. */
  readonly idle?: readonly string[];
  /** Inputs are whole numbers below this; default: any numbers. */
  readonly ids?: number;
}

const activations: Record<layers.ActivationName, Oracle> = {
  linear: (x) => x,
  relu: (x) => o.relu(x),
  leakyRelu: (x) => o.leakyRelu(x, 0.2),
  elu: (x) => o.elu(x, 1),
  gelu: (x) => o.gelu(x),
  sigmoid: (x) => o.sigmoid(x),
  tanh: (x) => o.tanh(x),
  softplus: (x) => o.softplus(x),
  silu: (x) => o.silu(x),
  swish: (x) => o.silu(x),
  relu6: (x) => o.minimum(o.relu(x), o.scalar64(6)),
  selu: (x) => o.mul(o.elu(x, 1.6732632423543772), o.scalar64(1.0507009873554805)),
  softsign: (x) => o.div(x, o.add(o.abs(x), o.scalar64(1))),
  mish: (x) => o.mul(x, o.tanh(o.softplus(x))),
  hardSigmoid: (x) => o.clip(o.div(o.add(x, o.scalar64(3)), o.scalar64(6)), 0, 1),
  hardSilu: (x) => o.mul(x, o.clip(o.div(o.add(x, o.scalar64(3)), o.scalar64(6)), 0, 1)),
  exponential: (x) => o.exp(x),
  softmax: (x) => o.softmax(x),
  logSoftmax: (x) => o.logSoftmax(x),
};

const identity: Oracle = (x) => x;
const normalised =
  (epsilon: number): Oracle =>
  (x, gamma, beta, mean, variance) =>
    o.add(o.mul(o.div(o.sub(x, mean), o.sqrt(o.add(variance, o.scalar64(epsilon)))), gamma), beta);
const one = o.scalar64(1);
const zero = o.scalar64(0);
const channels = (size: number): Record<string, Shape> => ({
  gamma: [size],
  beta: [size],
  movingMean: [size],
  movingVariance: [size],
});

/** Rows of mean 0 and deviation 1 over axes, the batch being 0. */
function standardized(x: o.Array64, axes: readonly number[], epsilon: number): o.Array64 {
  const deviation = o.sqrt(o.add(o.variance(x, axes, true), o.scalar64(epsilon)));
  return o.div(o.sub(x, o.mean(x, axes, true)), deviation);
}

/** By groups of the last axis. */
function grouped(x: o.Array64, groups: number, epsilon: number): o.Array64 {
  const apart = o.reshape(x, [...x.shape.slice(0, -1), groups, (x.shape.at(-1) ?? 1) / groups]);
  const axes = [...apart.shape.keys()].filter((d) => d !== 0 && d !== apart.shape.length - 2);
  return o.reshape(standardized(apart, axes, epsilon), x.shape);
}

/** Images by a rule that says for each place of the result which rows and columns it is made of, and by which shares. */
function resampled(x: o.Array64, [rows, columns]: readonly [number, number], bilinear: boolean): o.Array64 {
  const [batch, height, width, channels] = x.shape;
  const sources = (i: number, size: number, extent: number): [at: number, share: number][] => {
    if (!bilinear) return [[Math.floor(i / size), 1]];
    const place = (i + 0.5) / size - 0.5;
    const low = Math.floor(place);
    const within = (at: number): number => Math.min(Math.max(at, 0), extent - 1);
    return [
      [within(low), 1 - (place - low)],
      [within(low + 1), place - low],
    ];
  };
  const values: number[] = [];
  for (let b = 0; b < batch; b++)
    for (let i = 0; i < height * rows; i++)
      for (let j = 0; j < width * columns; j++)
        for (let c = 0; c < channels; c++) {
          let sum = 0;
          for (const [row, a] of sources(i, rows, height))
            for (const [column, d] of sources(j, columns, width))
              sum += a * d * x.data[((b * height + row) * width + column) * channels + c];
          values.push(sum);
        }
  return o.array64(values, [batch, height * rows, width * columns, channels]);
}

/** Attention of [batch, places, features] to itself; without biases `weights` are the kernels alone. */
function attention(x: o.Array64, weights: readonly o.Array64[], useBias: boolean, causal: boolean): o.Array64 {
  const [batch, places] = x.shape;
  const part = (at: number): readonly o.Array64[] => (useBias ? weights.slice(2 * at, 2 * at + 2) : [weights[at]]);
  const heads = (at: number): o.Array64 => {
    const [kernel, bias] = part(at);
    const [features, count, size] = kernel.shape;
    const wide = o.dense(x, o.reshape(kernel, [features, count * size]), bias && o.reshape(bias, [count * size]));
    return o.transpose(o.reshape(wide, [batch, places, count, size]), [0, 2, 1, 3]);
  };
  const [query, key, value] = [0, 1, 2].map(heads);
  const scores = o.mul(o.matmul(query, o.transpose(key, [0, 1, 3, 2])), o.scalar64(1 / Math.sqrt(query.shape[3])));
  const later = o.array64(
    Array.from({ length: places * places }, (_, i) => (causal && i % places > Math.floor(i / places) ? -1e9 : 0)),
    [places, places],
  );
  const mixed = o.matmul(o.softmax(o.add(scores, later)), value);
  const [kernel, bias] = part(3);
  const [count, size, width] = kernel.shape;
  const joined = o.reshape(o.transpose(mixed, [0, 2, 1, 3]), [batch, places, count * size]);
  return o.dense(joined, o.reshape(kernel, [count * size, width]), bias);
}
/** Sequences as images of a row, and back. */
const asRow = (x: o.Array64): o.Array64 => o.reshape(x, [x.shape[0], 1, ...x.shape.slice(1)]);
const ofRow = (x: o.Array64): o.Array64 => o.reshape(x, [x.shape[0], ...x.shape.slice(2)]);
const asKernel = (kernel: o.Array64): o.Array64 => o.reshape(kernel, [1, ...kernel.shape]);
/** Steps from the last to the first. */
const turned = (x: o.Array64): o.Array64 => {
  const [, steps] = x.shape;
  return o.concat(
    Array.from({ length: steps }, (_, at) => o.slice(x, [0, steps - 1 - at, 0], [x.shape[0], 1, x.shape[2]])),
    1,
  );
};
/** Hidden states after all steps [batch, steps, units]. */
const recurrent =
  (cell: 'lstm' | 'gru' | 'simple', functions?: [string, string]): Oracle =>
  (x, kernel, recurrentKernel, bias) => {
    const [units, width] = recurrentKernel.shape;
    const rows = cell === 'gru' ? o.reshape(bias, [2, width]) : undefined;
    const row = (at: number) => (rows === undefined ? bias : o.reshape(o.slice(rows, [at, 0], [1, width]), [width]));
    const sums = o.dense(x, kernel, rows === undefined ? undefined : row(0));
    const states = o.recurrence(cell, sums, recurrentKernel, row(1), undefined, functions);
    return o.slice(states, [0, 0, 0], [x.shape[0], x.shape[1], units]);
  };
const lastOf = (x: o.Array64): o.Array64 =>
  o.reshape(o.slice(x, [0, x.shape[1] - 1, 0], [x.shape[0], 1, x.shape[2]]), [x.shape[0], x.shape[2]]);

/** One that has none here does not compile; those of several inputs have theirs in merging.test.ts. */
const cases: Record<LayerNames, readonly Case[]> = {
  Dense: [
    {
      make: () => new Dense(3),
      input: [4],
      output: [3],
      weights: { kernel: [4, 3], bias: [3] },
      oracle: (x, kernel, bias) => o.dense(x, kernel, bias),
      wrong: [],
    },
    {
      make: () => new Dense(5, { useBias: false, activation: 'tanh', kernelInitializer: 'heNormal' }),
      input: [2, 3, 4],
      output: [2, 3, 5],
      weights: { kernel: [4, 5] },
      oracle: (x, kernel) => o.tanh(o.dense(x, kernel)),
    },
    {
      make: () => new Dense(17, { activation: 'softmax', biasInitializer: 'ones' }),
      input: [9],
      output: [17],
      weights: { kernel: [9, 17], bias: [17] },
      oracle: (x, kernel, bias) => o.softmax(o.dense(x, kernel, bias)),
    },
  ],
  Conv2D: [
    {
      make: () => new Conv2D(4, 3),
      input: [6, 5, 2],
      output: [4, 3, 4],
      weights: { kernel: [3, 3, 2, 4], bias: [4] },
      oracle: (x, kernel, bias) => o.conv2d(x, kernel, { bias }),
      wrong: [6, 5],
    },
    {
      make: () => new Conv2D(3, [2, 3], { strides: [2, 1], padding: 'same', activation: 'elu' }),
      input: [5, 4, 3],
      output: [3, 4, 3],
      weights: { kernel: [2, 3, 3, 3], bias: [3] },
      oracle: (x, kernel, bias) => o.elu(o.conv2d(x, kernel, { bias, strides: [2, 1], padding: 'same' })),
    },
    {
      make: () => new Conv2D(5, 1, { useBias: false, padding: 'same' }),
      input: [3, 3, 1],
      output: [3, 3, 5],
      weights: { kernel: [1, 1, 1, 5] },
      oracle: (x, kernel) => o.conv2d(x, kernel, { padding: 'same' }),
    },
    {
      make: () => new Conv2D(6, [3, 2], { groups: 2, dilationRate: [2, 1], padding: [1, 2] }),
      input: [6, 5, 4],
      output: [4, 8, 6],
      weights: { kernel: [3, 2, 2, 6], bias: [6] },
      oracle: (x, kernel, bias) => o.conv2d(x, kernel, { bias, groups: 2, dilationRate: [2, 1], padding: [1, 2] }),
      wrong: [6, 5, 3],
    },
    {
      make: () =>
        new Conv2D(2, 3, {
          padding: [
            [2, 0],
            [0, 1],
          ],
          strides: 2,
        }),
      input: [3, 4, 1],
      output: [2, 2, 2],
      weights: { kernel: [3, 3, 1, 2], bias: [2] },
      oracle: (x, kernel, bias) =>
        o.conv2d(x, kernel, {
          bias,
          padding: [
            [2, 0],
            [0, 1],
          ],
          strides: 2,
        }),
    },
  ],
  DepthwiseConv2D: [
    {
      make: () => new DepthwiseConv2D(3),
      input: [6, 5, 4],
      output: [4, 3, 4],
      weights: { kernel: [3, 3, 4, 1], bias: [4] },
      oracle: (x, kernel, bias) => o.depthwiseConv2d(x, kernel, { bias }),
      wrong: [6, 5],
    },
    {
      make: () =>
        new DepthwiseConv2D([2, 3], { depthMultiplier: 2, strides: [1, 2], padding: 'same', activation: 'elu' }),
      input: [5, 7, 3],
      output: [5, 4, 6],
      weights: { kernel: [2, 3, 3, 2], bias: [6] },
      oracle: (x, kernel, bias) => o.elu(o.depthwiseConv2d(x, kernel, { bias, strides: [1, 2], padding: 'same' })),
    },
    {
      make: () => new DepthwiseConv2D(2, { dilationRate: 2, padding: 1, useBias: false, depthwiseInitializer: 'ones' }),
      input: [4, 3, 2],
      output: [4, 3, 2],
      weights: { kernel: [2, 2, 2, 1] },
      oracle: (x, kernel) => o.depthwiseConv2d(x, kernel, { dilationRate: 2, padding: 1 }),
      wrong: [],
    },
  ],
  SeparableConv2D: [
    {
      make: () => new SeparableConv2D(5, 3, { padding: 'same' }),
      input: [4, 5, 3],
      output: [4, 5, 5],
      weights: { depthwiseKernel: [3, 3, 3, 1], pointwiseKernel: [1, 1, 3, 5], bias: [5] },
      oracle: (x, depthwise, pointwise, bias) =>
        o.conv2d(o.depthwiseConv2d(x, depthwise, { padding: 'same' }), pointwise, { bias }),
      wrong: [4],
    },
    {
      make: () =>
        new SeparableConv2D(4, [3, 2], { depthMultiplier: 2, strides: 2, useBias: false, activation: 'tanh' }),
      input: [7, 6, 2],
      output: [3, 3, 4],
      weights: { depthwiseKernel: [3, 2, 2, 2], pointwiseKernel: [1, 1, 4, 4] },
      oracle: (x, depthwise, pointwise) => o.tanh(o.conv2d(o.depthwiseConv2d(x, depthwise, { strides: 2 }), pointwise)),
    },
  ],
  Conv2DTranspose: [
    {
      make: () => new Conv2DTranspose(3, 3, { strides: 2, padding: 'same' }),
      input: [3, 4, 2],
      output: [6, 8, 3],
      weights: { kernel: [3, 3, 3, 2], bias: [3] },
      oracle: (x, kernel, bias) => o.conv2dTranspose(x, kernel, { bias, strides: 2, padding: 'same' }),
      wrong: [3, 4],
    },
    {
      make: () => new Conv2DTranspose(4, [2, 3], { strides: [3, 1], dilationRate: [1, 2], activation: 'elu' }),
      input: [2, 3, 4],
      output: [6, 7, 4],
      weights: { kernel: [2, 3, 4, 4], bias: [4] },
      oracle: (x, kernel, bias) => o.elu(o.conv2dTranspose(x, kernel, { bias, strides: [3, 1], dilationRate: [1, 2] })),
    },
    {
      make: () => new Conv2DTranspose(2, 4, { strides: 2, padding: 1, outputPadding: 1, useBias: false }),
      input: [3, 2, 1],
      output: [7, 5, 2],
      weights: { kernel: [4, 4, 2, 1] },
      oracle: (x, kernel) => o.conv2dTranspose(x, kernel, { strides: 2, padding: 1, outputPadding: 1 }),
    },
  ],
  Conv1D: [
    {
      make: () => new Conv1D(4, 3),
      input: [7, 2],
      output: [5, 4],
      weights: { kernel: [3, 2, 4], bias: [4] },
      oracle: (x, kernel, bias) => ofRow(o.conv2d(asRow(x), asKernel(kernel), { bias })),
      wrong: [7, 2, 1],
    },
    {
      make: () => new Conv1D(6, 2, { padding: 'causal', dilationRate: 3, groups: 2, activation: 'elu' }),
      input: [8, 4],
      output: [8, 6],
      weights: { kernel: [2, 2, 6], bias: [6] },
      oracle: (x, kernel, bias) =>
        o.elu(
          ofRow(
            o.conv2d(asRow(x), asKernel(kernel), {
              bias,
              dilationRate: [1, 3],
              groups: 2,
              padding: [
                [0, 0],
                [3, 0],
              ],
            }),
          ),
        ),
      wrong: [8, 3],
    },
    {
      make: () => new Conv1D(3, 5, { padding: 'same', strides: 2, useBias: false }),
      input: [7, 3],
      output: [4, 3],
      weights: { kernel: [5, 3, 3] },
      oracle: (x, kernel) => ofRow(o.conv2d(asRow(x), asKernel(kernel), { strides: [1, 2], padding: 'same' })),
    },
    {
      make: () => new Conv1D(2, 3, { padding: [2, 1] }),
      input: [4, 1],
      output: [5, 2],
      weights: { kernel: [3, 1, 2], bias: [2] },
      oracle: (x, kernel, bias) =>
        ofRow(
          o.conv2d(asRow(x), asKernel(kernel), {
            bias,
            padding: [
              [0, 0],
              [2, 1],
            ],
          }),
        ),
    },
  ],
  MaxPooling1D: [
    {
      make: () => new MaxPooling1D(),
      input: [7, 3],
      output: [3, 3],
      oracle: (x) => ofRow(o.maxPool2d(asRow(x), { poolSize: [1, 2] })),
      wrong: [7],
    },
    {
      make: () => new MaxPooling1D(3, { strides: 2, padding: 'same' }),
      input: [6, 2],
      output: [3, 2],
      oracle: (x) => ofRow(o.maxPool2d(asRow(x), { poolSize: [1, 3], strides: [1, 2], padding: 'same' })),
    },
  ],
  AveragePooling1D: [
    {
      make: () => new AveragePooling1D(2),
      input: [5, 4],
      output: [2, 4],
      oracle: (x) => ofRow(o.avgPool2d(asRow(x), { poolSize: [1, 2] })),
      wrong: [5, 4, 3],
    },
    {
      make: () => new AveragePooling1D(3, { strides: 1, padding: 'same' }),
      input: [5, 2],
      output: [5, 2],
      oracle: (x) => ofRow(o.avgPool2d(asRow(x), { poolSize: [1, 3], strides: 1, padding: 'same' })),
    },
  ],
  GlobalMaxPooling2D: [
    {
      make: () => new GlobalMaxPooling2D(),
      input: [3, 5, 4],
      output: [4],
      oracle: (x) => o.max(x, [1, 2]),
      wrong: [3, 5],
    },
    {
      make: () => new GlobalMaxPooling2D({ keepDims: true }),
      input: [2, 3, 5],
      output: [1, 1, 5],
      oracle: (x) => o.max(x, [1, 2], true),
    },
  ],
  GlobalAveragePooling1D: [
    {
      make: () => new GlobalAveragePooling1D(),
      input: [5, 3],
      output: [3],
      oracle: (x) => o.mean(x, 1),
      wrong: [5, 3, 1],
    },
    {
      make: () => new GlobalAveragePooling1D({ keepDims: true }),
      input: [4, 2],
      output: [1, 2],
      oracle: (x) => o.mean(x, 1, true),
    },
  ],
  GlobalMaxPooling1D: [
    { make: () => new GlobalMaxPooling1D(), input: [5, 3], output: [3], oracle: (x) => o.max(x, 1), wrong: [5] },
    {
      make: () => new GlobalMaxPooling1D({ keepDims: true }),
      input: [4, 2],
      output: [1, 2],
      oracle: (x) => o.max(x, 1, true),
    },
  ],
  MaxPooling2D: [
    {
      make: () => new MaxPooling2D(),
      input: [5, 4, 3],
      output: [2, 2, 3],
      oracle: (x) => o.maxPool2d(x, { poolSize: 2 }),
      wrong: [5, 4],
    },
    {
      make: () => new MaxPooling2D([3, 2], { strides: [1, 2], padding: 'same' }),
      input: [5, 5, 2],
      output: [5, 3, 2],
      oracle: (x) => o.maxPool2d(x, { poolSize: [3, 2], strides: [1, 2], padding: 'same' }),
    },
  ],
  AveragePooling2D: [
    {
      make: () => new AveragePooling2D(2),
      input: [5, 4, 3],
      output: [2, 2, 3],
      oracle: (x) => o.avgPool2d(x, { poolSize: 2 }),
      wrong: [5, 4, 3, 2],
    },
    {
      make: () => new AveragePooling2D(3, { strides: 2, padding: 'same' }),
      input: [4, 6, 1],
      output: [2, 3, 1],
      oracle: (x) => o.avgPool2d(x, { poolSize: 3, strides: 2, padding: 'same' }),
    },
  ],
  GlobalAveragePooling2D: [
    {
      make: () => new GlobalAveragePooling2D(),
      input: [3, 5, 4],
      output: [4],
      oracle: (x) => o.mean(x, [1, 2]),
      wrong: [3],
    },
    {
      make: () => new GlobalAveragePooling2D({ keepDims: true }),
      input: [3, 2, 5],
      output: [1, 1, 5],
      oracle: (x) => o.mean(x, [1, 2], true),
    },
  ],
  Flatten: [
    { make: () => new Flatten(), input: [2, 3, 2], output: [12], oracle: (x) => o.reshape(x, [-1, 12]) },
    { make: () => new Flatten(), input: [7], output: [7], oracle: identity },
  ],
  Reshape: [
    {
      make: () => new Reshape([3, 4]),
      input: [2, 6],
      output: [3, 4],
      oracle: (x) => o.reshape(x, [-1, 3, 4]),
      wrong: [13],
    },
    {
      make: () => new Reshape([2, -1, 2]),
      input: [12],
      output: [2, 3, 2],
      oracle: (x) => o.reshape(x, [-1, 2, 3, 2]),
      wrong: [13],
    },
  ],
  Activation: Object.entries(activations).map(([name, oracle]) => ({
    make: () => new Activation(name as layers.ActivationName),
    input: [3, 5],
    output: [3, 5],
    oracle,
  })),
  Dropout: [
    { make: () => new Dropout(0), input: [4], output: [4], oracle: identity },
    { make: () => new Dropout(0.4), input: [2, 3], output: [2, 3], oracle: identity, trainingOracle: null },
  ],
  Rescaling: [
    {
      make: () => new Rescaling(1 / 255),
      input: [3, 2],
      output: [3, 2],
      oracle: (x) => o.div(x, o.scalar64(255)),
    },
    {
      make: () => new Rescaling(2, { offset: -1 }),
      input: [3],
      output: [3],
      oracle: (x) => o.sub(o.mul(x, o.scalar64(2)), one),
    },
  ],
  LayerNormalization: [
    {
      make: () => new LayerNormalization(),
      input: [3, 7],
      output: [3, 7],
      weights: { gamma: [7], beta: [7] },
      oracle: (x, gamma, beta) => o.add(o.mul(standardized(x, [2], 1e-3), gamma), beta),
      wrong: [],
    },
    {
      make: () => new LayerNormalization({ axis: [1, 2, 3], epsilon: 0.1, center: false, gammaInitializer: 'zeros' }),
      input: [3, 2, 5],
      output: [3, 2, 5],
      weights: { gamma: [3, 2, 5] },
      oracle: (x, gamma) => o.mul(standardized(x, [1, 2, 3], 0.1), gamma),
      wrong: [3, 2],
    },
    {
      make: () => new LayerNormalization({ axis: [3, 1], scale: false }),
      input: [3, 2, 5],
      output: [3, 2, 5],
      weights: { beta: [3, 5] },
      oracle: (x, beta) => o.add(standardized(x, [1, 3], 1e-3), o.reshape(beta, [3, 1, 5])),
    },
  ],
  GroupNormalization: [
    {
      make: () => new GroupNormalization({ groups: 2 }),
      input: [3, 2, 6],
      output: [3, 2, 6],
      weights: { gamma: [6], beta: [6] },
      oracle: (x, gamma, beta) => o.add(o.mul(grouped(x, 2, 1e-3), gamma), beta),
      wrong: [3, 2, 7],
    },
    {
      make: () => new GroupNormalization({ groups: -1, center: false, epsilon: 0.1 }),
      input: [5, 3],
      output: [5, 3],
      weights: { gamma: [3] },
      oracle: (x, gamma) => o.mul(grouped(x, 3, 0.1), gamma),
    },
    {
      make: () => new GroupNormalization({ groups: 1, scale: false }),
      input: [4, 6],
      output: [4, 6],
      weights: { beta: [6] },
      oracle: (x, beta) => o.add(standardized(x, [1, 2], 1e-3), beta),
    },
    {
      make: () => new GroupNormalization({ groups: 2, axis: 1 }),
      input: [4, 3],
      output: [4, 3],
      weights: { gamma: [4], beta: [4] },
      oracle(x, gamma, beta) {
        const turned = grouped(o.transpose(x, [0, 2, 1]), 2, 1e-3);
        return o.transpose(o.add(o.mul(turned, gamma), beta), [0, 2, 1]);
      },
    },
  ],
  Normalization: [
    {
      make: () => new Normalization(),
      input: [2, 3],
      output: [2, 3],
      weights: { mean: [3], variance: [3] },
      oracle: (x, mean, variance) => o.div(o.sub(x, mean), o.sqrt(variance)),
      wrong: [],
    },
    {
      make: () => new Normalization({ axis: [1], invert: true }),
      input: [2, 3],
      output: [2, 3],
      weights: { mean: [2], variance: [2] },
      oracle: (x, mean, variance) => o.add(o.mul(x, o.reshape(o.sqrt(variance), [2, 1])), o.reshape(mean, [2, 1])),
    },
    {
      make: () => new Normalization({ mean: [1, -2, 3], variance: 4 }),
      input: [3],
      output: [3],
      oracle: (x) => o.div(o.sub(x, o.array64([1, -2, 3], [3])), o.scalar64(2)),
      wrong: [4],
    },
    {
      make: () => new Normalization({ axis: null }),
      input: [3],
      output: [3],
      weights: { mean: [], variance: [] },
      oracle: (x, mean, variance) => o.div(o.sub(x, mean), o.sqrt(variance)),
    },
  ],
  Embedding: [
    {
      make: () => new Embedding(7, 3),
      input: [5],
      output: [5, 3],
      weights: { embeddings: [7, 3] },
      oracle: (x, table) => o.gather(table, x),
      ids: 7,
    },
    {
      make: () => new Embedding(300, 17, { embeddingsInitializer: 'zeros' }),
      input: [9, 7],
      output: [9, 7, 17],
      weights: { embeddings: [300, 17] },
      oracle: (x, table) => o.gather(table, x),
      ids: 300,
    },
  ],
  MultiHeadAttention: [
    {
      make: () => new MultiHeadAttention(2, 3),
      input: [5, 4],
      output: [5, 4],
      weights: {
        'query/kernel': [4, 2, 3],
        'query/bias': [2, 3],
        'key/kernel': [4, 2, 3],
        'key/bias': [2, 3],
        'value/kernel': [4, 2, 3],
        'value/bias': [2, 3],
        'attention_output/kernel': [2, 3, 4],
        'attention_output/bias': [4],
      },
      oracle: (x, ...weights) => attention(x, weights, true, false),
      // It moves all scores of a row alike.
      idle: ['key/bias'],
      wrong: [4],
    },
    {
      make: () => new MultiHeadAttention(3, 2, { valueDim: 5, useBias: false, outputShape: 7, useCausalMask: true }),
      input: [6, 4],
      output: [6, 7],
      weights: {
        'query/kernel': [4, 3, 2],
        'key/kernel': [4, 3, 2],
        'value/kernel': [4, 3, 5],
        'attention_output/kernel': [3, 5, 7],
      },
      oracle: (x, ...weights) => attention(x, weights, false, true),
      wrong: [6, 4, 1],
    },
    {
      make: () => new MultiHeadAttention(1, 2, { dropout: 0.5, useBias: false }),
      input: [1, 3],
      output: [1, 3],
      weights: {
        'query/kernel': [3, 1, 2],
        'key/kernel': [3, 1, 2],
        'value/kernel': [3, 1, 2],
        'attention_output/kernel': [1, 2, 3],
      },
      oracle: (x, ...weights) => attention(x, weights, false, false),
      trainingOracle: null,
    },
  ],
  UpSampling2D: [
    {
      make: () => new UpSampling2D([2, 3]),
      input: [3, 2, 2],
      output: [6, 6, 2],
      oracle: (x) => resampled(x, [2, 3], false),
      wrong: [3, 2],
    },
    {
      make: () => new UpSampling2D([3, 2], { interpolation: 'bilinear' }),
      input: [3, 4, 2],
      output: [9, 8, 2],
      oracle: (x) => resampled(x, [3, 2], true),
      wrong: [3, 2],
    },
    {
      make: () => new UpSampling2D([1, 5], { interpolation: 'bilinear' }),
      input: [1, 1, 3],
      output: [1, 5, 3],
      oracle: (x) => resampled(x, [1, 5], true),
    },
  ],
  ZeroPadding2D: [
    {
      make: () => new ZeroPadding2D(),
      input: [2, 3, 2],
      output: [4, 5, 2],
      oracle: (x) =>
        o.pad(x, [
          [0, 0],
          [1, 1],
          [1, 1],
          [0, 0],
        ]),
      wrong: [2, 3],
    },
    {
      make: () =>
        new ZeroPadding2D([
          [1, 0],
          [2, 3],
        ]),
      input: [2, 3, 1],
      output: [3, 8, 1],
      oracle: (x) =>
        o.pad(x, [
          [0, 0],
          [1, 0],
          [2, 3],
          [0, 0],
        ]),
    },
  ],
  Cropping2D: [
    { make: () => new Cropping2D(), input: [2, 3, 1], output: [2, 3, 1], oracle: identity },
    {
      make: () => new Cropping2D([1, 2]),
      input: [4, 5, 2],
      output: [2, 1, 2],
      oracle: (x) => o.slice(x, [0, 1, 2, 0], [5, 2, 1, 2]),
      wrong: [4, 4, 2],
    },
    {
      make: () =>
        new Cropping2D([
          [0, 1],
          [2, 0],
        ]),
      input: [3, 4, 2],
      output: [2, 2, 2],
      oracle: (x) => o.slice(x, [0, 0, 2, 0], [5, 2, 2, 2]),
      wrong: [3],
    },
  ],
  Permute: [
    {
      make: () => new Permute([3, 1, 2]),
      input: [2, 3, 4],
      output: [4, 2, 3],
      oracle: (x) => o.transpose(x, [0, 3, 1, 2]),
      wrong: [2, 3],
    },
  ],
  RepeatVector: [
    {
      make: () => new RepeatVector(3),
      input: [4],
      output: [3, 4],
      oracle: (x) => o.broadcastTo(o.reshape(x, [-1, 1, 4]), [x.shape[0], 3, 4]),
      wrong: [4, 1],
    },
  ],
  GaussianNoise: [
    { make: () => new GaussianNoise(0), input: [4], output: [4], oracle: identity },
    { make: () => new GaussianNoise(0.4), input: [2, 3], output: [2, 3], oracle: identity, trainingOracle: null },
  ],
  SpatialDropout2D: [
    { make: () => new SpatialDropout2D(0), input: [2, 1, 3], output: [2, 1, 3], oracle: identity, wrong: [3] },
    {
      make: () => new SpatialDropout2D(0.4),
      input: [2, 1, 3],
      output: [2, 1, 3],
      oracle: identity,
      trainingOracle: null,
    },
  ],
  ReLU: [
    { make: () => new ReLU(), input: [3, 5], output: [3, 5], oracle: (x) => o.relu(x) },
    {
      make: () => new ReLU({ maxValue: 1.25, negativeSlope: 0.1, threshold: 0.5 }),
      input: [3, 7],
      output: [3, 7],
      oracle: (x) =>
        o.array64(
          x.data.map((value) => (value < 0.5 ? 0.1 * (value - 0.5) : Math.min(value, 1.25))),
          x.shape,
        ),
    },
    {
      make: () => new ReLU({ threshold: 1 }),
      input: [7],
      output: [7],
      oracle: (x) =>
        o.array64(
          x.data.map((value) => (value < 1 ? 0 : value)),
          x.shape,
        ),
    },
  ],
  LeakyReLU: [{ make: () => new LeakyReLU(), input: [3, 5], output: [3, 5], oracle: (x) => o.leakyRelu(x, 0.3) }],
  ELU: [{ make: () => new ELU({ alpha: 0.5 }), input: [3, 5], output: [3, 5], oracle: (x) => o.elu(x, 0.5) }],
  PReLU: [
    {
      make: () => new PReLU(),
      input: [3, 5],
      output: [3, 5],
      weights: { alpha: [3, 5] },
      oracle: (x, alpha) => o.where(o.greater(x, zero), x, o.mul(x, alpha)),
    },
    {
      make: () => new PReLU({ alphaInitializer: 'ones', sharedAxes: [1, 2] }),
      input: [3, 2, 5],
      output: [3, 2, 5],
      weights: { alpha: [1, 1, 5] },
      oracle: (x, alpha) => o.where(o.greater(x, zero), x, o.mul(x, alpha)),
      wrong: [3],
    },
  ],
  Softmax: [
    { make: () => new Softmax(), input: [3, 5], output: [3, 5], oracle: (x) => o.softmax(x) },
    {
      make: () => new Softmax({ axis: 1 }),
      input: [3, 5],
      output: [3, 5],
      oracle: (x) => o.transpose(o.softmax(o.transpose(x, [0, 2, 1])), [0, 2, 1]),
      wrong: [],
    },
  ],
  LSTM: [
    {
      make: () => new LSTM(3),
      input: [4, 2],
      output: [3],
      weights: { kernel: [2, 12], recurrentKernel: [3, 12], bias: [12] },
      oracle: (...all) => lastOf(recurrent('lstm')(...all)),
      wrong: [4, 2, 1],
    },
    {
      make: () =>
        new LSTM(5, { returnSequences: true, goBackwards: true, activation: 'sigmoid', unitForgetBias: false }),
      input: [3, 4],
      output: [3, 5],
      weights: { kernel: [4, 20], recurrentKernel: [5, 20], bias: [20] },
      oracle: (x, ...weights) => recurrent('lstm', ['sigmoid', 'sigmoid'])(turned(x), ...weights),
    },
  ],
  GRU: [
    {
      make: () => new GRU(4, { returnSequences: true }),
      input: [3, 2],
      output: [3, 4],
      weights: { kernel: [2, 12], recurrentKernel: [4, 12], bias: [2, 12] },
      oracle: recurrent('gru'),
      wrong: [7],
    },
    {
      make: () => new GRU(3, { useBias: false, recurrentActivation: 'tanh' }),
      input: [2, 5],
      output: [3],
      weights: { kernel: [5, 9], recurrentKernel: [3, 9] },
      oracle: (x, kernel, inner) =>
        lastOf(recurrent('gru', ['tanh', 'tanh'])(x, kernel, inner, o.array64(new Float64Array(18), [18]))),
    },
  ],
  SimpleRNN: [
    {
      make: () => new SimpleRNN(5, { activation: 'tanh' }),
      input: [4, 3],
      output: [5],
      weights: { kernel: [3, 5], recurrentKernel: [5, 5], bias: [5] },
      oracle: (...all) => lastOf(recurrent('simple')(...all)),
      wrong: [4],
    },
  ],
  Bidirectional: [
    {
      make: () => new Bidirectional(new LSTM(2, { returnSequences: true })),
      input: [3, 2],
      output: [3, 4],
      weights: Object.fromEntries(
        ['forward', 'backward'].flatMap((way) => [
          [`${way}_lstm/kernel`, [2, 8]],
          [`${way}_lstm/recurrentKernel`, [2, 8]],
          [`${way}_lstm/bias`, [8]],
        ]),
      ),
      oracle(x, ...weights) {
        const back = turned(recurrent('lstm')(turned(x), ...weights.slice(3)));
        return o.concat([recurrent('lstm')(x, ...weights.slice(0, 3)), back], 2);
      },
      wrong: [3],
    },
    {
      make: () => new Bidirectional(new SimpleRNN(3, { name: 'inner' }), { mergeMode: 'ave' }),
      input: [4, 2],
      output: [3],
      weights: Object.fromEntries(
        ['forward', 'backward'].flatMap((way) => [
          [`${way}_inner/kernel`, [2, 3]],
          [`${way}_inner/recurrentKernel`, [3, 3]],
          [`${way}_inner/bias`, [3]],
        ]),
      ),
      oracle(x, ...weights) {
        const back = lastOf(recurrent('simple')(turned(x), ...weights.slice(3)));
        return o.mul(o.add(lastOf(recurrent('simple')(x, ...weights.slice(0, 3))), back), o.scalar64(0.5));
      },
    },
  ],
  Masking: [
    {
      make: () => new Masking({ maskValue: 0.5 }),
      input: [3, 2],
      output: [3, 2],
      oracle: (x) => x,
      wrong: [3],
    },
  ],
  BatchNormalization: [
    {
      make: () => new BatchNormalization(),
      input: [3, 2, 2],
      output: [3, 2, 2],
      weights: channels(2),
      oracle: normalised(1e-3),
      trainingOracle: (x, gamma, beta) => o.batchNorm(x, gamma, beta).y,
      wrong: [],
    },
    {
      make: () => new BatchNormalization({ momentum: 0.9, epsilon: 0.1, center: false }),
      input: [4],
      output: [4],
      weights: { gamma: [4], movingMean: [4], movingVariance: [4] },
      oracle: (x, gamma, mean, variance) => normalised(0.1)(x, gamma, zero, mean, variance),
      trainingOracle: (x, gamma) => o.batchNorm(x, gamma, zero, { epsilon: 0.1 }).y,
    },
    {
      make: () => new BatchNormalization({ scale: false }),
      input: [2, 3],
      output: [2, 3],
      weights: { beta: [3], movingMean: [3], movingVariance: [3] },
      oracle: (x, beta, mean, variance) => normalised(1e-3)(x, one, beta, mean, variance),
      trainingOracle: (x, beta) => o.batchNorm(x, one, beta).y,
    },
  ],
};

/** Whole numbers below `end`, as floats. */
const wholes = (shape: Shape, end: number): Input => {
  const { values } = draw(shape, 0, end);
  return { shape, values: Float32Array.from(values, Math.floor) };
};

const asTensor = ({ values, shape }: Input) => tensor(values, shape);

/** Applies layers that a layer holds: its weights are theirs, one layer's behind the other's. */
function heldBy(weights: readonly Tensor[]): CallContext['apply'] {
  let next = 0;
  return (given, x) => {
    const layer = layerOf(given);
    const shapes = listOf<Tensor>(x).map(exampleShape);
    const start = next;
    next += layer.weights(shapes[0], 'held', shapes).length;
    const own = weights.slice(start, next);
    return layer.call(x, { training: true, weights: own, randomKey: 0, update: () => {}, apply: heldBy([]) });
  };
}

/** Keras' `run_layer_test`. */
async function runLayerTest({ make, input, output, weights = {}, oracle, ...rest }: Case): Promise<void> {
  const { trainingOracle = oracle, wrong, ids, idle = [] } = rest;
  const batch = 5;
  const model = new Sequential([make()], { inputShape: input, seed: 3 });
  const [{ className }] = model.layers;
  assert.equal([...model.outputShape], [...output], 'output shape');

  // Declared weights, and values that no default would give by chance; a variance is positive.
  const declared = await model.getWeights();
  const [layerName] = layerNames([{ className, givenName: null }]);
  assert.equal(
    declared.map(({ name, shape }) => [name, [...shape]]),
    Object.entries(weights).map(([name, shape]) => [`${layerName}/${name}`, [...shape]]),
    'weights',
  );
  const drawn = declared.map(({ name, shape }) => (/variance$/i.test(name) ? draw(shape, 0.5, 2) : draw(shape, -1, 1)));
  await model.setWeights(drawn.map(({ values }) => Float32Array.from(values)));

  const x = ids === undefined ? draw([batch, ...input]) : wholes([batch, ...input], ids);
  assert.equal([...make().computeOutputShape(input)], [...output], 'computeOutputShape');
  const expected = oracle(oracleOf(x), ...drawn.map(oracleOf));
  assert.equal([...expected.shape], [batch, ...output], "the oracle's shape");
  const predicted = await model.predict(asTensor(x), { batchSize: 3 });
  assert.equal([...predicted.shape], [batch, ...output], "the prediction's shape");
  const before = await predicted.data();
  assertClose(before, expected.data, 'forward');

  const copy = await Sequential.fromSafetensors(await model.toSafetensors());
  assert.equal(copy.layers[0].config(), model.layers[0].config(), 'saved config');
  assert.is(copy.layers[0].className, className);
  assertSame(await (await copy.predict(asTensor(x), { batchSize: 3 })).data(), before, 'prediction of the saved model');
  copy.dispose();

  if (trainingOracle !== null) {
    await compare({
      inputs: [x, ...drawn],
      gpu(node, ...own) {
        const tensors = own.map((weight) => new Tensor(weight));
        return make().call(new Tensor(node), {
          training: true,
          weights: tensors,
          randomKey: 0,
          update: () => {},
          apply: heldBy(tensors),
        }).node;
      },
      oracle: trainingOracle,
      wrt: Object.keys(weights)
        .flatMap((name, at) => (idle.includes(name) ? [] : [at + 1]))
        .concat(ids === undefined ? [0] : []),
    });
    await trainOnce(model, x, drawn, trainingOracle, idle);
  }
  model.dispose();

  if (wrong !== undefined) {
    const name = 'the_layer';
    const renamed = makeLayer(className, make().config(), { name }) as layers.Layer;
    assert.throws(
      () => new Sequential([renamed], { inputShape: wrong }),
      (error: unknown) =>
        error instanceof ShapeError &&
        error.message.includes(`'${name}'`) &&
        /\. [A-Z][^.]*(\.|, .*\.|;.*\.)$/.test(error.message),
    );
  }
}

/** Two steps of gradient descent at rate 1 are the loss and the gradient of the oracle. */
async function trainOnce(
  model: Sequential,
  x: Input,
  drawn: readonly Input[],
  oracle: Oracle,
  idle: readonly string[],
): Promise<void> {
  const names = (await model.getWeights()).map(({ name }) => name);
  const target = draw([x.shape[0], ...model.outputShape], -1, 1);
  const loss = (weights: readonly o.Array64[]): number =>
    o.mean(o.square(o.sub(oracle(oracleOf(x), ...weights), oracleOf(target)))).data[0];
  model.compile({ optimizer: new SGD({ learningRate: 1 }), loss: 'meanSquaredError' });
  const logs = await model.trainOnBatch(asTensor(x), asTensor(target));
  const arrays = drawn.map(oracleOf);
  assertClose([logs.loss], [loss(arrays)], 'training loss');
  const after = await model.getWeights();
  names.forEach((name, at) => {
    if (/moving|^normalization/.test(name)) return;
    const { values } = drawn[at];
    const indices = o.sampleIndices(values.length, 8);
    const slope = o.sampledDifference(loss, arrays, at, indices);
    const moved = indices.map((i) => values[i] - after[at].data[i]);
    if (idle.some((one) => name.endsWith(one))) {
      assert.ok(Math.max(...moved.map(Math.abs)) < 1e-6, `${name} has moved`);
      return;
    }
    assertClose(moved, slope, `gradient of ${name}`, 1e-4);
    assert.ok(
      moved.some((value) => value !== 0),
      `${name} has not moved`,
    );
  });
}

const test = suite('layers');

for (const [name, list] of Object.entries(cases)) {
  list.forEach((one, at) => {
    test(`${name} ${at + 1}: ${JSON.stringify(one.make().config())} on [${one.input}]`, () => runLayerTest(one));
  });
}

test('layers are called as Keras calls them', () => {
  const all = [
    'Conv2DTranspose',
    'DepthwiseConv2D',
    'SeparableConv2D',
    'GlobalMaxPooling1D',
    'Conv1D',
    'BatchNormalization',
  ];
  assert.equal(layerNames(all.map((className) => ({ className, givenName: null }))), [
    'conv2d_transpose',
    'depthwise_conv2d',
    'separable_conv2d',
    'global_max_pooling1d',
    'conv1d',
    'batch_normalization',
  ]);
});

test('stacked layers learn: the loss falls', async () => {
  const model = new Sequential(
    [
      new Rescaling(0.5, { inputShape: [6, 6, 2] }),
      new Conv2D(4, 3, { padding: 'same' }),
      new BatchNormalization(),
      new Activation('relu'),
      new MaxPooling2D(2),
      new AveragePooling2D(2, { strides: 1, padding: 'same' }),
      new Dropout(0.1),
      new Flatten(),
      new Reshape([6, 6]),
      new Flatten(),
      new Dense(2),
    ],
    { seed: 1 },
  ).compile({ optimizer: new SGD({ learningRate: 0.05 }), loss: 'meanSquaredError' });
  const history = await model.fit(asTensor(draw([8, 6, 6, 2])), asTensor(draw([8, 2])), {
    epochs: 8,
    batchSize: 8,
    verbose: 0,
  });
  const { loss } = history.history;
  assert.ok(loss[7] < 0.8 * loss[0], `loss ${loss}`);
  model.dispose();
});

test("names: Keras' own, apart from those given by hand", () => {
  const model = new Sequential(
    [new Dense(2, { name: 'dense_1' }), new Dense(2), new Dense(2), new Dense(1, { name: 'dense' })],
    {
      inputShape: [2],
    },
  );
  const text = model.summary({ print: () => {} });
  assert.equal(
    [...text.matchAll(/^(\S+) \(Dense\)/gm)].map(([, name]) => name),
    ['dense_1', 'dense_2', 'dense_3', 'dense'],
  );
  assert.throws(
    () => new Sequential([new Dense(1, { name: 'a' }), new Dense(1, { name: 'a' })], { inputShape: [2] }),
    /Two layers are called 'a'/,
  );
});

// Batch normalisation over time

test("BatchNormalization: moving averages by Keras' rule over several steps; inference uses them", async () => {
  const model = new Sequential([new BatchNormalization({ inputShape: [3, 2] })]).compile({
    optimizer: new SGD({ learningRate: 0 }),
    loss: 'meanSquaredError',
  });
  let mean = o.array64([0, 0], [2]);
  let variance = o.array64([1, 1], [2]);
  const blend = (moving: o.Array64, batch: o.Array64): o.Array64 =>
    o.add(o.mul(moving, o.scalar64(0.99)), o.mul(batch, o.scalar64(0.01)));
  for (let step = 0; step < 6; step++) {
    const x = draw([4, 3, 2], -1, 5);
    const statistics = o.batchNorm(oracleOf(x), one, zero);
    const before = (await model.getWeights()).map(({ data }) => Array.from(data));
    await model.evaluate(asTensor(x), asTensor(x));
    await model.predict(asTensor(x));
    assert.equal(
      (await model.getWeights()).map(({ data }) => Array.from(data)),
      before,
      'inference changes nothing',
    );
    await model.trainOnBatch(asTensor(x), asTensor(x));
    mean = blend(mean, statistics.mean);
    variance = blend(variance, statistics.variance);
    const [, , movingMean, movingVariance] = await model.getWeights();
    assertClose(movingMean.data, mean.data, `moving mean after step ${step + 1}`);
    assertClose(movingVariance.data, variance.data, `moving variance after step ${step + 1}`);
  }
  const x = draw([4, 3, 2]);
  const predicted = await (await model.predict(asTensor(x))).data();
  assertClose(predicted, normalised(1e-3)(oracleOf(x), one, zero, mean, variance).data, 'inference');
  const trained = o.batchNorm(oracleOf(x), one, zero).y.data;
  assert.ok(o.relativeError(predicted, trained) > 0.1, 'inference does not use the batch');
  model.dispose();
});

// Dropout

/** The mean of what dropout lets through. */
const passed: Loss = {
  name: 'passed',
  perExample: (_, output) => output.mean(1),
};

/** Masks of several steps: a step at rate 1 shows in the bias what the backward pass kept, in the loss what the forward pass did. */
async function masks(
  seed: number,
  rate: number,
  steps: number,
  size = 4000,
): Promise<{ backward: Float32Array[]; forward: number[] }> {
  const model = new Sequential([new BiasLike(size), new Dropout(rate)], { inputShape: [size], seed }).compile({
    optimizer: new SGD({ learningRate: 1 }),
    loss: passed,
  });
  const backward: Float32Array[] = [];
  const forward: number[] = [];
  const x = tensor(new Float32Array(size).fill(1), [1, size]);
  for (let step = 0; step < steps; step++) {
    await model.setWeights([new Float32Array(size)]);
    const { loss } = await model.trainOnBatch(x, [[0]]);
    forward.push(loss);
    backward.push((await model.getWeights())[0].data.map((value) => -value * size));
  }
  model.dispose();
  return { backward, forward };
}

/** x + bias: the bias' gradient is the gradient of every element. */
class BiasLike extends layers.Layer {
  readonly className = 'BiasLike';
  readonly size: number;
  constructor(size: number) {
    super();
    this.size = size;
  }
  override weights() {
    return [{ name: 'bias', shape: [this.size], initializer: () => new Float32Array(this.size), trainable: true }];
  }
  call(x: Tensor, { weights: [bias] }: layers.CallContext): Tensor {
    return x.add(bias);
  }
  config() {
    return { size: this.size };
  }
}

test('Dropout: the share dropped is the rate, the rest is scaled, forward and backward masks agree', async () => {
  for (const rate of [0.25, 0.6]) {
    const { backward, forward } = await masks(1, rate, 3);
    backward.forEach((mask, step) => {
      const kept = mask.filter((value) => value !== 0);
      assertClose(kept, new Float32Array(kept.length).fill(1 / (1 - rate)), 'scale', 1e-6);
      const share = 1 - kept.length / mask.length;
      // Five standard errors.
      assert.ok(
        Math.abs(share - rate) < 5 * Math.sqrt((rate * (1 - rate)) / mask.length),
        `share ${share} for rate ${rate}`,
      );
      assertClose([forward[step]], [kept.length / (1 - rate) / mask.length], 'forward and backward keep equally many');
    });
    assert.is(new Set(backward.map((mask) => mask.join())).size, 3, 'every step has a mask of its own');
  }
});

test('Dropout: forward and backward drop the same elements', async () => {
  // Powers of two: the bits of the loss say which elements passed forward.
  const size = 16;
  const model = new Sequential([new BiasLike(size), new Dropout(0.5)], { inputShape: [size], seed: 5 }).compile({
    optimizer: new SGD({ learningRate: 1 }),
    loss: passed,
  });
  for (let step = 0; step < 4; step++) {
    await model.setWeights([new Float32Array(size)]);
    const x = Float32Array.from({ length: size }, (_, i) => 2 ** i);
    const { loss } = await model.trainOnBatch(tensor(x, [1, size]), [[0]]);
    const bits = Math.round((loss * size) / 2);
    const moved = (await model.getWeights())[0].data;
    for (let i = 0; i < size; i++) assert.is((bits >> i) % 2 !== 0, moved[i] !== 0, `element ${i} in step ${step}`);
  }
  model.dispose();
});

test('Dropout: the same seed gives the same masks, another one others', async () => {
  const [a, b, c] = [await masks(7, 0.5, 2, 500), await masks(7, 0.5, 2, 500), await masks(8, 0.5, 2, 500)];
  a.backward.forEach((mask, step) => {
    assertSame(mask, b.backward[step], 'same seed');
    assert.not.equal(Array.from(mask), Array.from(c.backward[step]), 'other seed');
  });
});

test.run();
