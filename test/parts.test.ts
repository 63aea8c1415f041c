/** What the library has of operations, layers and losses: each is whole, as its table or module promises. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError } from '../src/base/errors.ts';
import { classesOf } from '../src/network/compiled.ts';
import { inARow } from '../src/network/composition.ts';
import { Network } from '../src/network/network.ts';
import {
  Activation,
  Add,
  type AnyLayer,
  Average,
  AveragePooling1D,
  AveragePooling2D,
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
  LayerNormalization,
  LeakyReLU,
  LSTM,
  Masking,
  Maximum,
  MaxPooling1D,
  MaxPooling2D,
  Minimum,
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
  SimpleRNN,
  Softmax,
  SpatialDropout2D,
  Subtract,
  UpSampling2D,
  ZeroPadding2D,
} from '../src/nn/layers/index.ts';
import { type layerClasses, makeLayer } from '../src/nn/layers/makeLayer.ts';
import {
  binaryCrossentropy,
  categoricalCrossentropy,
  type Loss,
  type losses,
  meanAbsoluteError,
  meanSquaredError,
  resolveLoss,
  savedLoss,
  sparseCategoricalCrossentropy,
} from '../src/nn/losses.ts';
import { accuracy } from '../src/nn/metrics.ts';
import { l1, l1l2, l2 } from '../src/nn/regularizers.ts';
import { tensor } from '../src/tensor/creation.ts';
import * as operations from '../src/tensor/tensor.ts';

const test = suite('parts');

const { Tensor, ...functions } = operations;

/** What a call gives, or its error's text; shapes and names say enough. */
function outcome(call: () => unknown): string {
  try {
    const result = call();
    return result instanceof Tensor ? JSON.stringify([result.node.op.name, result.node.attributes, result.shape]) : '?';
  } catch (error) {
    return String(error);
  }
}

test('every operation is a function and the method of its name, which do the same', () => {
  const x = tensor([
    [1, 2],
    [3, 4],
  ]);
  const methods = Object.getOwnPropertyNames(Tensor.prototype).filter(
    (name) => !['constructor', 'cast'].includes(name),
  );
  assert.equal(methods.sort(), Object.keys(functions).sort());
  const [ids, image] = [tensor(Int32Array.of(1, 0)), tensor(new Float32Array(4), [1, 2, 2, 1])];
  const all = [
    [],
    [x],
    [x, x],
    [0],
    [0, true],
    [[4]],
    [
      [0, 0],
      [1, 1],
    ],
    [{ poolSize: 2 }],
    [ids],
    [1, 2, 3],
    ['text'],
  ];
  let worked = 0;
  for (const [name, call] of Object.entries(functions)) {
    for (const first of [x, ids, image]) {
      for (const rest of all) {
        const [asFunction, asMethod] = [
          outcome(() => Reflect.apply(call, undefined, [first, ...rest])),
          outcome(() => Reflect.apply(Reflect.get(first, name), first, rest)),
        ];
        assert.is(asMethod, asFunction, name);
        assert.is.not(asFunction, '?');
        if (asFunction.startsWith('[')) worked++;
      }
    }
    assert.is(call.name, name);
  }
  assert.ok(worked > 300, `${worked} calls gave a tensor`);
});

/** One of each layer, with settings that are no defaults. A layer of the table that has none here does not compile. */
const made: Readonly<Record<keyof typeof layerClasses, AnyLayer>> = {
  Activation: new Activation('gelu'),
  AveragePooling1D: new AveragePooling1D(3, { strides: 1, padding: 'same' }),
  AveragePooling2D: new AveragePooling2D([2, 3], { strides: [1, 2], padding: 'same' }),
  Bidirectional: new Bidirectional(new GRU(3, { returnSequences: true, name: 'inner' }), { mergeMode: 'mul' }),
  BatchNormalization: new BatchNormalization({ momentum: 0.5, epsilon: 0.1, center: false }),
  Conv1D: new Conv1D(6, 3, {
    strides: 2,
    padding: [2, 0],
    dilationRate: 3,
    groups: 2,
    activation: 'relu',
    useBias: false,
  }),
  Conv2D: new Conv2D(4, [2, 1], {
    strides: [1, 2],
    padding: [
      [1, 2],
      [3, 0],
    ],
    dilationRate: [3, 1],
    groups: 2,
    activation: 'relu',
    useBias: false,
    kernelInitializer: 'heNormal',
    biasInitializer: 'ones',
  }),
  Conv2DTranspose: new Conv2DTranspose(3, [2, 4], {
    strides: [2, 3],
    padding: 'same',
    dilationRate: 2,
    outputPadding: [1, 2],
    kernelInitializer: 'heNormal',
  }),
  Dense: new Dense(7, { activation: 'tanh', useBias: false, kernelInitializer: 'zeros', biasInitializer: 'ones' }),
  Cropping2D: new Cropping2D([
    [1, 2],
    [3, 4],
  ]),
  DepthwiseConv2D: new DepthwiseConv2D(3, {
    strides: 2,
    padding: [1, 0],
    dilationRate: [1, 2],
    depthMultiplier: 3,
    depthwiseInitializer: 'heNormal',
    activation: 'tanh',
    biasInitializer: 'ones',
  }),
  Dropout: new Dropout(0.3),
  ELU: new ELU({ alpha: 0.5 }),
  Embedding: new Embedding(5, 2, { embeddingsInitializer: 'ones', maskZero: true }),
  Flatten: new Flatten(),
  GaussianNoise: new GaussianNoise(0.5),
  GroupNormalization: new GroupNormalization({ groups: 2, axis: 1, epsilon: 0.1, gammaInitializer: 'zeros' }),
  LayerNormalization: new LayerNormalization({ axis: [1, -1], epsilon: 0.1, center: false, scale: false }),
  LeakyReLU: new LeakyReLU({ negativeSlope: 0.1 }),
  MultiHeadAttention: new MultiHeadAttention(2, 3, {
    valueDim: 4,
    dropout: 0.5,
    useBias: false,
    outputShape: 5,
    useCausalMask: true,
    kernelInitializer: 'heNormal',
    biasInitializer: 'ones',
  }),
  Normalization: new Normalization({ axis: null, mean: 1, variance: [4], invert: true }),
  PReLU: new PReLU({ alphaInitializer: 'ones', sharedAxes: [1, 2] }),
  Permute: new Permute([2, 1]),
  ReLU: new ReLU({ maxValue: 6, negativeSlope: 0.1, threshold: 0.5 }),
  RepeatVector: new RepeatVector(3),
  Softmax: new Softmax({ axis: 1 }),
  SpatialDropout2D: new SpatialDropout2D(0.3),
  UpSampling2D: new UpSampling2D([2, 3], { interpolation: 'bilinear' }),
  ZeroPadding2D: new ZeroPadding2D([
    [1, 2],
    [3, 4],
  ]),
  Add: new Add(),
  Subtract: new Subtract(),
  Multiply: new Multiply(),
  Average: new Average(),
  Maximum: new Maximum(),
  Minimum: new Minimum(),
  Concatenate: new Concatenate({ axis: 1 }),
  Dot: new Dot({ axes: [1, -1], normalize: true }),
  GlobalAveragePooling1D: new GlobalAveragePooling1D({ keepDims: true }),
  GlobalAveragePooling2D: new GlobalAveragePooling2D({ keepDims: true }),
  GlobalMaxPooling1D: new GlobalMaxPooling1D({ keepDims: true }),
  GlobalMaxPooling2D: new GlobalMaxPooling2D({ keepDims: true }),
  MaxPooling1D: new MaxPooling1D(3, { strides: 2, padding: 'same' }),
  MaxPooling2D: new MaxPooling2D(3, { strides: 2, padding: 'same' }),
  Rescaling: new Rescaling(2, { offset: -1 }),
  Reshape: new Reshape([2, -1]),
  SeparableConv2D: new SeparableConv2D(5, [3, 2], {
    strides: [1, 2],
    padding: 'same',
    dilationRate: 2,
    depthMultiplier: 2,
    depthwiseInitializer: 'heNormal',
    pointwiseInitializer: 'ones',
    depthwiseRegularizer: l2(0.5),
    pointwiseRegularizer: l1(0.25),
    useBias: false,
  }),
  GRU: new GRU(3, { activation: 'relu', recurrentActivation: 'linear', useBias: false, goBackwards: true }),
  LSTM: new LSTM(2, {
    activation: 'sigmoid',
    unitForgetBias: false,
    returnSequences: true,
    kernelInitializer: 'heNormal',
    recurrentInitializer: 'glorotNormal',
    biasInitializer: 'ones',
    kernelRegularizer: l2(0.5),
    recurrentRegularizer: l1(0.25),
    biasRegularizer: l1l2({ l1: 0.5, l2: 0.25 }),
    activityRegularizer: l2(0.125),
    dropout: 0.25,
    recurrentDropout: 0.5,
  }),
  Masking: new Masking({ maskValue: -1 }),
  SimpleRNN: new SimpleRNN(4, { activation: 'linear', goBackwards: true }),
};

const IMAGES = 'images have no steps';
const WINDOWS = 'its windows would take in steps that are left out';
const MOVED = 'the steps stand elsewhere behind it';
const MEANS = 'its means would count steps that are left out';

/** Whether each of these takes inputs of which a mask leaves steps out: true, or why not. */
const takesMasks: Readonly<Record<keyof typeof layerClasses, true | string>> = {
  Activation: true,
  Add: true,
  Average: true,
  AveragePooling1D: WINDOWS,
  AveragePooling2D: IMAGES,
  BatchNormalization: true,
  Bidirectional: true,
  Concatenate: true,
  Conv1D: WINDOWS,
  Conv2D: IMAGES,
  Conv2DTranspose: IMAGES,
  Cropping2D: IMAGES,
  Dense: true,
  DepthwiseConv2D: IMAGES,
  Dot: 'its sums would count what is left out',
  Dropout: true,
  ELU: true,
  Embedding: true,
  Flatten: MOVED,
  GRU: true,
  GaussianNoise: true,
  GlobalAveragePooling1D: true,
  GlobalAveragePooling2D: IMAGES,
  GlobalMaxPooling1D: 'its maximum would count steps that are left out, as that of Keras does',
  GlobalMaxPooling2D: IMAGES,
  GroupNormalization: MEANS,
  LSTM: true,
  // Along the steps, as it is here.
  LayerNormalization: MEANS,
  LeakyReLU: true,
  Masking: true,
  MaxPooling1D: WINDOWS,
  MaxPooling2D: IMAGES,
  Maximum: true,
  Minimum: true,
  MultiHeadAttention: true,
  Multiply: true,
  Normalization: true,
  PReLU: true,
  Permute: MOVED,
  ReLU: true,
  RepeatVector: 'what it takes has no steps',
  Rescaling: true,
  Reshape: MOVED,
  SeparableConv2D: IMAGES,
  SimpleRNN: true,
  Softmax: true,
  SpatialDropout2D: IMAGES,
  Subtract: true,
  UpSampling2D: IMAGES,
  ZeroPadding2D: IMAGES,
};

test('a layer takes a mask, or there is a reason why not', () => {
  for (const [name, takes] of Object.entries(takesMasks)) {
    const layer = Object.entries(made).find(([one]) => one === name)?.[1];
    assert.is(layer?.supportsMasking, takes === true, name);
  }
});

for (const [className, layer] of Object.entries(made)) {
  test(`${className} comes back from its settings, and damage is told`, () => {
    assert.is(layer.className, className);
    const config = JSON.parse(JSON.stringify(layer.config()));
    const options = { name: 'mine', trainable: false };
    const copy = makeLayer(className, config, options);
    assert.is(copy.constructor, layer.constructor);
    assert.equal(copy.config(), layer.config());
    assert.equal([copy.givenName, copy.trainable], ['mine', false]);
    for (const key of Object.keys(config)) {
      const damaged = { ...config, [key]: { $: 1 } };
      assert.throws(
        () => makeLayer(className, damaged, options),
        (error: unknown) =>
          error instanceof DataError && error.message.includes(`'${className}'`) && error.message.includes(key),
        key,
      );
    }
  });
}

test('what files of before lack of convolutions and poolings is their default', () => {
  const strip = (layer: AnyLayer, ...keys: string[]): AnyLayer => {
    const kept = Object.entries(layer.config()).filter(([key]) => !keys.includes(key));
    return makeLayer(layer.className, Object.fromEntries(kept), {});
  };
  const conv = new Conv2D(4, 3, { padding: 'same' });
  assert.equal(strip(conv, 'dilationRate', 'groups').config(), conv.config());
  const pooling = new GlobalAveragePooling2D();
  assert.equal(strip(pooling, 'keepDims').config(), pooling.config());
});

/** Every loss, with options that are no defaults. */
const known: Readonly<Record<keyof typeof losses, Loss>> = {
  categoricalCrossentropy: categoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.25, clip: 0.125 }),
  sparseCategoricalCrossentropy: sparseCategoricalCrossentropy({ fromLogits: true, labelSmoothing: 0.25, clip: 0.125 }),
  binaryCrossentropy: binaryCrossentropy({ fromLogits: true, labelSmoothing: 0.25 }),
  meanSquaredError: meanSquaredError(),
  meanAbsoluteError: meanAbsoluteError(),
  mse: meanSquaredError(),
  mae: meanAbsoluteError(),
};

test('every loss comes back from its settings, with all that it says of itself', () => {
  const facts = ({ name, labelKind, probabilities, config, costOfZero }: Loss): unknown[] => [
    name,
    labelKind,
    probabilities,
    config,
    costOfZero?.(-3),
  ];
  for (const [name, loss] of Object.entries(known)) {
    const copy = savedLoss(loss.name, JSON.parse(JSON.stringify(loss.config)));
    assert.equal(copy && facts(copy), facts(loss), name);
  }
  assert.is(savedLoss('focal', {}), null);
  assert.throws(() => savedLoss('binaryCrossentropy', { fromLogits: 1 }), /fromLogits must be true or false, got 1/);
  assert.equal(facts(meanSquaredError()).at(-1), 9);
  assert.equal(facts(meanAbsoluteError()).at(-1), 3);
});

test('a loss of the user says what labels are, whatever it is called', async () => {
  const network = new Network(inARow([new Dense(3)], [2]), 1);
  const loss = (facts: Partial<Loss>): Loss => ({ name: 'mine', perExample: (_, output) => output.mean(-1), ...facts });
  const classes = (facts: Partial<Loss>): number | null =>
    classesOf({ targets: [{ name: 'output', output: 0, loss: loss(facts), weight: 1, metrics: [] }], network });
  assert.is(classes({}), null);
  assert.is(classes({ name: 'categoricalCrossentropy' }), null);
  assert.is(classes({ labelKind: 'binary' }), 2);
  assert.is(classes({ labelKind: 'classIds' }), 3);
  assert.is(classes({ labelKind: 'distributions' }), 3);
  const [labels, output] = [tensor([[1, 0]]), tensor([[0.9, 0.8]])];
  const share = (facts: Partial<Loss>): Promise<number> => accuracy(loss(facts)).perExample(labels, output).item();
  assert.equal([await share({ labelKind: 'binary' }), await share({})], [0.5, 1]);
  // As from JavaScript, where nothing checks names.
  assert.throws(
    () => resolveLoss(loss({ labelKind: 'classes' as 'classIds' })),
    /mine: .*labelKind 'classes'.*classIds/,
  );
});

test.run();
