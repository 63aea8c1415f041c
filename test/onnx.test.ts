/** Exported models under ONNX Runtime (its WebAssembly build) against the models themselves. */

import * as ort from 'onnxruntime-web';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, StateError } from '../src/base/errors.ts';
import { uniform } from '../src/base/random.ts';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import {
  Activation,
  type ActivationName,
  Add,
  Average,
  AveragePooling1D,
  AveragePooling2D,
  activations,
  BatchNormalization,
  Bidirectional,
  Concatenate,
  Conv1D,
  Conv2D,
  Conv2DTranspose,
  Cropping2D,
  Dense,
  DepthwiseConv2D,
  Dot,
  Dropout,
  ELU,
  Embedding,
  Flatten,
  GaussianNoise,
  GlobalAveragePooling1D,
  GlobalAveragePooling2D,
  GlobalMaxPooling1D,
  GlobalMaxPooling2D,
  GRU,
  GroupNormalization,
  input,
  Layer,
  LayerNormalization,
  LeakyReLU,
  LSTM,
  Maximum,
  MaxPooling1D,
  MaxPooling2D,
  Minimum,
  Model,
  MultiHeadAttention,
  Multiply,
  Normalization,
  Permute,
  PReLU,
  ReLU,
  RepeatVector,
  Rescaling,
  Reshape,
  SeparableConv2D,
  Sequential,
  SimpleRNN,
  Softmax,
  SpatialDropout2D,
  Subtract,
  tensor,
  UpSampling2D,
  ZeroPadding2D,
} from '../src/index.ts';
import { exportOnnx } from '../src/interchange/onnx.ts';
import type { Tensor } from '../src/tensor/index.ts';
import { assertClose } from './support.ts';

const test = suite('onnx');

// More threads would need workers, which outlive the test.
ort.env.wasm.numThreads = 1;
ort.env.logLevel = 'error';

const TOLERANCE = 1e-4;
const exported = new Set<string>();

/** A model of which no weight is where it would not matter: biases off 0, moving averages off 0 and 1. */
async function makeModel(layers: Layer[], inputShape: Shape): Promise<Sequential> {
  const model = new Sequential(layers, { inputShape, seed: 5 });
  const weights = await model.getWeights();
  await model.setWeights(
    weights.map(({ name, shape, data }, at) => {
      if (name.endsWith('kernel')) return data;
      const [low, high] = /variance$/i.test(name) ? [0.5, 2] : [-1, 1];
      return uniform(sizeOf(shape), { seed: 100 + at, low, high });
    }),
  );
  return model;
}

/** Predictions for five examples, and for the first of them alone. */
async function check(layers: Layer[], inputShape: Shape, { low = -2, high = 2, whole = false } = {}): Promise<void> {
  const model = await makeModel(layers, inputShape);
  const session = await ort.InferenceSession.create(await exportOnnx(model));
  assert.equal([session.inputNames, session.outputNames], [['input'], ['output']]);
  const drawn = uniform(5 * sizeOf(inputShape), { seed: 9, low, high });
  const values = whole ? drawn.map(Math.floor) : drawn;
  const prediction = await model.predict(tensor(values, [5, ...inputShape]));
  const expected = await prediction.data();
  for (const batch of [5, 1]) {
    const input = new ort.Tensor('float32', values.slice(0, batch * sizeOf(inputShape)), [batch, ...inputShape]);
    const { output } = await session.run({ input });
    assert.equal([...output.dims], [batch, ...prediction.shape.slice(1)]);
    const actual = Array.from(await output.getData(), Number);
    assert.is(actual.length, (expected.length * batch) / 5);
    actual.forEach((value, i) => {
      const error = Math.abs(value - expected[i]) / Math.max(1, Math.abs(expected[i]));
      // A NaN is no small error; equal infinities are none.
      if (!(error <= TOLERANCE || value === expected[i]))
        assert.unreachable(`batch ${batch}, element ${i}: ${value}, expected ${expected[i]}`);
    });
  }
  for (const layer of model.layers) exported.add(layer.className);
  await session.release();
  model.dispose();
}

test("the study's network", () =>
  check(
    [
      new Rescaling(1 / 255),
      new Conv2D(8, 3, { padding: 'same', activation: 'relu' }),
      new MaxPooling2D(2),
      new Dropout(0.25),
      new Flatten(),
      new Dense(20, { activation: 'relu' }),
      new Dropout(0.25),
      new Dense(10, { activation: 'softmax' }),
    ],
    [32, 32, 3],
    { low: 0, high: 255 },
  ));

for (const name of Object.keys(activations)) {
  test(`activation ${name}: on images turned around, on images as they are, and on rows`, () => {
    const activation = name as ActivationName;
    return check(
      [
        new Rescaling(3, { offset: -0.5 }),
        new Conv2D(4, 2, { activation }),
        new Dense(3),
        new Activation(activation),
        new Flatten(),
        new Dense(5, { activation }),
      ],
      [3, 4, 2],
    );
  });
}

test('recurrent layers, either way and both', async () => {
  await check([new LSTM(5, { returnSequences: true }), new LSTM(3, { unitForgetBias: false })], [6, 4]);
  await check([new GRU(5, { returnSequences: true, goBackwards: true }), new GRU(3, { useBias: false })], [6, 4]);
  await check([new SimpleRNN(5, { activation: 'relu', returnSequences: true }), new SimpleRNN(2)], [5, 3]);
  await check([new LSTM(3, { activation: 'sigmoid', recurrentActivation: 'tanh', goBackwards: true })], [4, 2]);
  for (const mergeMode of ['concat', 'sum', 'mul', 'ave'] as const) {
    const layers = [
      new Bidirectional(new GRU(3, { returnSequences: true }), { mergeMode }),
      new Bidirectional(new LSTM(2), { mergeMode }),
    ];
    await check(layers, [5, 3]);
  }
});

for (const [height, width] of [
  [8, 6],
  [7, 9],
  [5, 8],
]) {
  for (const padding of ['same', 'valid'] as const) {
    test(`convolution and pooling of ${height} by ${width}, ${padding}, strides 1 to 3`, async () => {
      await check([new Conv2D(3, [2, 3], { padding, strides: 2, activation: 'elu' })], [height, width, 2]);
      await check([new Conv2D(3, 3, { padding, strides: [2, 3], useBias: false })], [height, width, 1]);
      await check([new Conv2D(2, 1, { padding, strides: 3 })], [height, width, 2]);
      await check([new MaxPooling2D(3, { padding, strides: 2 })], [height, width, 3]);
      await check([new MaxPooling2D([2, 3], { padding })], [height, width, 2]);
      await check([new AveragePooling2D(3, { padding, strides: [2, 1] })], [height, width, 3]);
      await check([new AveragePooling2D([3, 2], { padding })], [height, width, 2]);
    });
  }
}

test('convolutions: dilated, in groups, with padding in pixels, of each channel, transposed', async () => {
  await check(
    [
      new Conv2D(6, [3, 2], {
        groups: 2,
        dilationRate: [2, 1],
        padding: [
          [1, 0],
          [2, 3],
        ],
      }),
    ],
    [7, 6, 4],
  );
  await check([new Conv2D(3, 3, { dilationRate: 2, padding: 'same', strides: 2, activation: 'elu' })], [8, 9, 2]);
  await check([new DepthwiseConv2D([2, 3], { depthMultiplier: 2, strides: 2, padding: 'same' })], [7, 6, 3]);
  await check([new DepthwiseConv2D(3, { dilationRate: 2, useBias: false, activation: 'tanh' })], [6, 7, 4]);
  await check(
    [new SeparableConv2D(5, 3, { depthMultiplier: 2, padding: 1, activation: 'elu' }), new Flatten()],
    [5, 6, 3],
  );
  await check([new Conv2DTranspose(3, 3, { strides: 2, padding: 'same' })], [3, 4, 2]);
  await check([new Conv2DTranspose(2, 2, { strides: 3, useBias: false })], [3, 2, 3]);
  await check(
    [
      new Conv2DTranspose(4, [2, 3], {
        dilationRate: 2,
        padding: [
          [1, 0],
          [2, 1],
        ],
        activation: 'elu',
      }),
    ],
    [4, 3, 2],
  );
  await check([new Conv2DTranspose(2, 4, { strides: 2, padding: 'same', outputPadding: 1 })], [3, 3, 2]);
});

test('convolutions and poolings of sequences, and what is left of images and sequences', async () => {
  await check([new Conv1D(4, 3, { padding: 'causal', dilationRate: 2, groups: 2, activation: 'elu' })], [9, 4]);
  await check([new Conv1D(3, 4, { padding: 'same', strides: 2, useBias: false })], [9, 2]);
  await check(
    [new Conv1D(3, 2, { padding: [2, 1] }), new MaxPooling1D(), new Dense(2), new GlobalMaxPooling1D()],
    [7, 2],
  );
  await check([new AveragePooling1D(3, { padding: 'same', strides: 2 }), new Conv1D(2, 1)], [8, 3]);
  await check([new GlobalAveragePooling1D({ keepDims: true })], [5, 3]);
  await check([new GlobalMaxPooling2D(), new Dense(2)], [3, 4, 2]);
  await check([new GlobalAveragePooling2D({ keepDims: true }), new Conv2D(2, 1)], [3, 4, 3]);
});

test('batch normalisation of rows, sequences, images and volumes, with and without scale and centre', async () => {
  await check([new BatchNormalization()], [6]);
  await check([new BatchNormalization({ scale: false })], [5, 3]);
  await check([new BatchNormalization({ center: false, epsilon: 0.1 })], [4, 3, 2]);
  await check([new BatchNormalization({ center: false, scale: false })], [2, 3, 4, 5]);
  await check(
    [new Conv2D(4, 3), new BatchNormalization(), new Activation('relu'), new Conv2D(2, 1), new BatchNormalization()],
    [6, 5, 3],
  );
});

test('flattening, reshaping and means keep the order of channels last', async () => {
  await check([new Conv2D(3, 2), new Reshape([-1, 2]), new Dense(3), new Flatten()], [5, 4, 2]);
  await check([new Reshape([3, 4, 2]), new Conv2D(3, 2, { padding: 'same' }), new Reshape([6, 6])], [24]);
  await check([new Conv2D(5, 3), new GlobalAveragePooling2D(), new Dense(2)], [5, 4, 2]);
  await check([new GlobalAveragePooling2D()], [3, 5, 4]);
  await check([new Flatten(), new Dense(2)], []);
  await check([new Flatten()], [3]);
  await check([new Dense(3), new Activation('softmax')], [2, 2, 2, 4]);
});

test('layer and group normalisation of rows, sequences and images, along any axis', async () => {
  await check([new LayerNormalization()], [6]);
  await check([new Conv2D(4, 2), new LayerNormalization({ epsilon: 0.1 }), new Conv2D(2, 1)], [5, 4, 3]);
  await check([new LayerNormalization({ axis: [1, 2, 3], center: false })], [3, 4, 2]);
  await check([new LayerNormalization({ axis: [1, 3], scale: false })], [3, 4, 2]);
  await check([new Conv2D(4, 2), new GroupNormalization({ groups: 2 }), new Conv2D(2, 1)], [5, 4, 3]);
  await check([new GroupNormalization({ groups: 3, center: false }), new GroupNormalization({ groups: -1 })], [6]);
  await check([new GroupNormalization({ groups: 2, axis: 1, epsilon: 0.1 })], [4, 3, 5]);
});

test('normalisation by known statistics', async () => {
  await check([new Normalization(), new Normalization({ axis: 1, invert: true })], [4, 3]);
  await check([new Conv2D(4, 2), new Normalization({ mean: [1, 2, 3, 4], variance: 4 })], [5, 4, 3]);
  await check([new Normalization({ axis: null })], [3]);
});

test('embedding and attention', async () => {
  await check([new Embedding(9, 4), new MultiHeadAttention(2, 3), new Dense(2)], [5], { low: 0, high: 9, whole: true });
  const causal = { useCausalMask: true, useBias: false, valueDim: 2, outputShape: 7, dropout: 0.5 };
  await check([new MultiHeadAttention(3, 4, causal)], [6, 5]);
});

test('images made larger and smaller, rows turned and repeated', async () => {
  await check([new Conv2D(3, 2), new UpSampling2D([2, 3]), new Dense(2)], [3, 4, 2]);
  await check([new UpSampling2D([3, 2], { interpolation: 'bilinear' })], [3, 4, 2]);
  const sides = [
    [1, 0],
    [2, 3],
  ] as const;
  await check([new ZeroPadding2D(sides), new Conv2D(2, 2), new ZeroPadding2D(1)], [3, 4, 2]);
  await check([new Cropping2D(sides), new Conv2D(2, 1), new Cropping2D([1, 0])], [5, 8, 2]);
  await check([new Conv2D(3, 1), new Permute([3, 1, 2]), new Dense(2)], [3, 4, 2]);
  await check([new RepeatVector(3), new Dense(2)], [4]);
});

test('rectifiers, softmax along an axis, and noise, which is none', async () => {
  await check([new Conv2D(3, 1), new ReLU(), new LeakyReLU(), new ELU({ alpha: 0.5 })], [3, 4, 2]);
  await check([new ReLU({ maxValue: 1, threshold: 0.5, negativeSlope: 0.1 })], [9]);
  await check([new Conv2D(3, 1), new PReLU({ sharedAxes: [1, 2] }), new PReLU(), new Softmax({ axis: 1 })], [3, 4, 2]);
  await check([new SpatialDropout2D(0.5), new GaussianNoise(3), new Softmax()], [3, 4, 2]);
});

test('a model that only drops out is the identity', () => check([new Dropout(0.5)], [3]));

test('a graph with two inputs, two outputs, shared layers and a model within it', async () => {
  const [image, row] = [input([6, 6, 3], { name: 'image' }), input([4], { name: 'row' })];
  const shared = new Conv2D(3, 3, { padding: 'same', activation: 'relu' });
  const once = shared.apply(image);
  const twice = shared.apply(once);
  const base = new Sequential([new BatchNormalization({ inputShape: [6, 6, 3] }), new Activation('tanh')], {
    name: 'base',
  });
  const mixed = [
    new Add().apply([once, twice]),
    new Subtract().apply([base.apply(once), image]),
    new Multiply().apply([once, new Dense(3).apply(row)]),
    new Average().apply([once, twice, image]),
    new Maximum().apply([once, image]),
    new Minimum().apply([twice, image]),
  ];
  const joined = new Concatenate().apply(mixed);
  const tall = new Concatenate({ axis: 1 }).apply([joined, joined]);
  const model = new Model({
    inputs: [image, row],
    outputs: { map: tall, kind: new Dense(2).apply(new GlobalAveragePooling2D().apply(joined)) },
    seed: 4,
  });
  const session = await ort.InferenceSession.create(await exportOnnx(model));
  assert.equal(
    [session.inputNames, session.outputNames],
    [
      ['image', 'row'],
      ['map', 'kind'],
    ],
  );
  const values = { image: uniform(2 * 108, { seed: 1, low: -1 }), row: uniform(8, { seed: 2, low: -1 }) };
  const expected = await model.predict([tensor(values.image, [2, 6, 6, 3]), tensor(values.row, [2, 4])]);
  const found = await session.run({
    image: new ort.Tensor('float32', values.image, [2, 6, 6, 3]),
    row: new ort.Tensor('float32', values.row, [2, 4]),
  });
  for (const name of ['map', 'kind'] as const) {
    assert.equal([...found[name].dims], [...expected[name].shape]);
    const [actual, wanted] = [Array.from(await found[name].getData(), Number), await expected[name].data()];
    actual.forEach((value, i) => {
      if (!(Math.abs(value - wanted[i]) <= TOLERANCE * Math.max(1, Math.abs(wanted[i]))))
        assert.unreachable(`${name} ${i}`);
    });
  }
  for (const layer of model.layers) if (layer.className !== 'Sequential') exported.add(layer.className);
  await session.release();
  model.dispose();
});

test('Dot along all axes, of images too', async () => {
  const image = input([5, 4, 3], { name: 'image' });
  const row = input([3], { name: 'row' });
  const map = new Conv2D(3, 1).apply(image);
  const outputs = [
    new Dot({ axes: -1 }).apply([row, row]),
    new Dot({ axes: -1, normalize: true }).apply([row, new Dense(3).apply(row)]),
    new Dot({ axes: -1 }).apply([map, row]),
    new Dot({ axes: [1, 3], normalize: true }).apply([row, map]),
    new Dot({ axes: [2, 2], normalize: true }).apply([map, image]),
    new Dot({ axes: 1 }).apply([map, image]),
    new Dot({ axes: [3, -1] }).apply([map, image]),
  ];
  const model = new Model({ inputs: [image, row], outputs, seed: 4 });
  const session = await ort.InferenceSession.create(await exportOnnx(model));
  const [images, rows] = [uniform(2 * 60, { seed: 1, low: -1 }), uniform(6, { seed: 2, low: -1 })];
  const expected = await model.predict([tensor(images, [2, 5, 4, 3]), tensor(rows, [2, 3])]);
  const found = await session.run({
    image: new ort.Tensor('float32', images, [2, 5, 4, 3]),
    row: new ort.Tensor('float32', rows, [2, 3]),
  });
  for (const [at, name] of model.outputNames.entries()) {
    assert.equal([...found[name].dims], [...expected[at].shape], name);
    assertClose(Array.from(await found[name].getData(), Number), await expected[at].data(), name);
  }
  exported.add('Dot');
  await session.release();
  model.dispose();
});

test('every layer was exported', () => {
  const classes = [Dense, Conv2D, MaxPooling2D, AveragePooling2D, GlobalAveragePooling2D, Flatten, Reshape];
  const others = [Activation, Dropout, Rescaling, BatchNormalization];
  const merging = [Add, Subtract, Multiply, Average, Maximum, Minimum, Concatenate, Dot];
  const normalizing = [LayerNormalization, GroupNormalization, Normalization];
  const shaping = [UpSampling2D, ZeroPadding2D, Cropping2D, Permute, RepeatVector];
  const rectifying = [ReLU, LeakyReLU, PReLU, ELU, Softmax, SpatialDropout2D, GaussianNoise];
  const kernels = [Conv1D, Conv2DTranspose, DepthwiseConv2D, SeparableConv2D];
  const pools = [MaxPooling1D, AveragePooling1D, GlobalAveragePooling1D, GlobalMaxPooling1D, GlobalMaxPooling2D];
  const recurrent = [LSTM, GRU, SimpleRNN, Bidirectional];
  const all = [
    ...merging,
    ...recurrent,
    ...kernels,
    ...pools,
    ...classes,
    ...others,
    ...normalizing,
    ...shaping,
    ...rectifying,
    Embedding,
    MultiHeadAttention,
  ];
  assert.equal([...exported].sort(), all.map(({ name }) => name).sort());
});

test('names of layers, weights and borders are kept; equal models give equal bytes', async () => {
  const make = () => makeModel([new Dense(2, { name: 'a/b' }), new Dense(2, { name: 'a' })], [3]);
  const bytes = await exportOnnx(await make(), { inputName: 'pixels', outputName: 'a/Add' });
  assert.equal(bytes, await exportOnnx(await make(), { inputName: 'pixels', outputName: 'a/Add' }));
  const session = await ort.InferenceSession.create(bytes);
  assert.equal([session.inputNames, session.outputNames], [['pixels'], ['a/Add']]);
  // Any batch size, under a name of its own.
  const shapes = [...session.inputMetadata, ...session.outputMetadata].map((value) => value.isTensor && value.shape);
  assert.equal(shapes, [
    ['batch', 3],
    ['batch', 2],
  ]);
  const text = new TextDecoder('latin1').decode(bytes);
  for (const name of ['a/b/kernel', 'a/b/bias', 'a/kernel']) assert.ok(text.includes(name), name);
});

class Doubled extends Layer {
  readonly className = 'Doubled';
  call(x: Tensor): Tensor {
    return x;
  }
  config() {
    return {};
  }
}

class Own extends Dense {}

test('what cannot be exported is an error that names it', async () => {
  const expectError = async (
    kind: typeof ArgumentError | typeof StateError,
    work: Promise<unknown>,
    pattern: RegExp,
  ) => {
    try {
      await work;
    } catch (error) {
      if (error instanceof kind && pattern.test(error.message)) return;
      throw error;
    }
    assert.unreachable('no error');
  };
  const custom = new Sequential([new Dense(2), new Doubled({ name: 'mine' })], { inputShape: [2] });
  await expectError(ArgumentError, exportOnnx(custom), /layer 'mine' of class Doubled has no ONNX form, only Dense/);
  const derived = new Sequential([new Own(2)], { inputShape: [2] });
  await expectError(ArgumentError, exportOnnx(derived), /layer of class Own has no ONNX form/);
  await expectError(StateError, exportOnnx(new Sequential([new Dense(2)])), /build\(inputShape\)/);
  const model = new Sequential([new Dense(2)], { inputShape: [2] });
  await expectError(ArgumentError, exportOnnx(model, { inputName: 'x', outputName: 'x' }), /both called 'x'/);
});

test.run();
