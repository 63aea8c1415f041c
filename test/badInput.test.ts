/** What models are given by mistake: every case is an error that names the argument or the layer, or works; none trains on nonsense. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Activation,
  Adam,
  AdamW,
  ArgumentError,
  AveragePooling2D,
  BatchNormalization,
  binaryCrossentropy,
  Callback,
  Conv2D,
  categoricalCrossentropy,
  DataError,
  Dense,
  Dropout,
  type FitOptions,
  Flatten,
  GlobalAveragePooling2D,
  Layer,
  type LayerConfig,
  type Loss,
  MaxPooling2D,
  type Metric,
  Rescaling,
  Reshape,
  RMSprop,
  Sequential,
  SGD,
  ShapeError,
  sparseCategoricalCrossentropy,
  Tensor,
  type TensorLike,
  tensor,
  WgradError,
} from '../src/index.ts';
import { initializers } from '../src/nn/initializers.ts';
import { checkRows, finite } from '../src/nn/valueRules.ts';
import { createNode } from '../src/op.ts';
import { copyOp } from '../src/ops/elementwise.ts';
import { add, full, mean, mul, sum } from '../src/tensor/index.ts';
import { assertClose } from './support.ts';

const test = suite('bad input');

type ErrorClass = new (...args: never[]) => Error;

/** Asserts an error of a class whose message has the parts, in their order, and ends in what to do. */
function assertRefusal(error: unknown, kind: ErrorClass, parts: readonly string[]): void {
  assert.ok(error instanceof kind, `expected ${kind.name}, got ${error}`);
  let from = 0;
  for (const part of parts) {
    const at = error.message.indexOf(part, from);
    assert.ok(at >= 0, `'${part}' behind ${from} in: ${error.message}`);
    from = at + part.length;
  }
  assert.match(error.message, /[.?;] [A-Za-z][^?]*\.?$/, 'a remedy');
}

async function refuses(run: () => unknown, kind: ErrorClass, ...parts: readonly string[]): Promise<void> {
  let error: unknown = null;
  try {
    await run();
  } catch (thrown) {
    error = thrown;
  }
  assertRefusal(error, kind, parts);
}

/** As from JavaScript, where nothing checks types. */
const untyped = <T>(value: unknown): T => value as T;

/** What `console.warn` gets while `work` runs. */
async function warnings(work: () => Promise<unknown>): Promise<string[]> {
  const { warn } = console;
  const lines: string[] = [];
  console.warn = (...parts: unknown[]) => lines.push(parts.join(' '));
  try {
    await work();
  } finally {
    console.warn = warn;
  }
  return lines;
}

const COUNT = 6;
const FEATURES = 4;
const features = Float32Array.from({ length: COUNT * FEATURES }, (_, i) => Math.sin(i));
const x = tensor(features, [COUNT, FEATURES]);
const ids = Int32Array.from({ length: COUNT }, (_, i) => i % 3);

/** The features with other values at places. */
function spoilt(places: Readonly<Record<number, number>>): Tensor {
  const values = features.slice();
  for (const [at, value] of Object.entries(places)) values[Number(at)] = value;
  return tensor(values, [COUNT, FEATURES]);
}

const rows = (...list: number[][]): Tensor => tensor(list);

function modelOf(loss: Loss | ConstructorParameters<typeof String>[0], units = 3): Sequential {
  const activation = units === 1 ? 'sigmoid' : 'softmax';
  return new Sequential([new Dense(units, { activation })], { inputShape: [FEATURES] }).compile({
    loss: untyped(loss),
  });
}
const classifier = (): Sequential => modelOf('sparseCategoricalCrossentropy');

/** The calls that take inputs and labels. */
const calls = {
  fit: (model: Sequential, inputs: TensorLike, labels: TensorLike, sampleWeight?: TensorLike) =>
    model.fit(inputs, labels, { verbose: 0, sampleWeight }),
  evaluate: (model: Sequential, inputs: TensorLike, labels: TensorLike, sampleWeight?: TensorLike) =>
    model.evaluate(inputs, labels, { sampleWeight }),
  trainOnBatch: (model: Sequential, inputs: TensorLike, labels: TensorLike, sampleWeight?: TensorLike) =>
    model.trainOnBatch(inputs, labels, { sampleWeight }),
} as const;

// Data

interface DataCase {
  readonly name: string;
  readonly model?: () => Sequential;
  readonly inputs?: TensorLike;
  readonly labels?: TensorLike;
  readonly weights?: TensorLike;
  readonly kind: ErrorClass;
  readonly parts: readonly string[];
}

const sparse: Int32Array[] = [];
sparse[2] = new Int32Array(4);

const oneHot = rows([1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]);
const categorical = (): Sequential => modelOf('categoricalCrossentropy');
const binary = (): Sequential => modelOf('binaryCrossentropy', 1);
const regression = (): Sequential =>
  new Sequential([new Dense(2)], { inputShape: [FEATURES] }).compile({ loss: 'mse', metrics: ['mae'] });

const dataCases: readonly DataCase[] = [
  {
    name: 'a NaN pixel',
    inputs: spoilt({ 9: Number.NaN }),
    kind: DataError,
    parts: ['inputs', 'finite', '1 of 6 examples', 'example 2', 'NaN at [2, 1]'],
  },
  {
    name: 'infinite pixels',
    inputs: spoilt({ 7: Number.POSITIVE_INFINITY, 20: Number.NEGATIVE_INFINITY, 21: Number.NaN }),
    kind: DataError,
    parts: ['inputs', '2 of 6 examples', 'example 1', 'Infinity at [1, 3]'],
  },
  {
    name: 'inputs that float32 cannot hold',
    inputs: [[1e39, 0, 0, 0]],
    labels: [0],
    kind: DataError,
    parts: ['inputs', '1 of 1 example ', 'Infinity at [0, 0]'],
  },
  {
    name: 'a class id above the last',
    labels: [0, 1, 2, 3, 3, 0],
    kind: DataError,
    parts: [
      'labels for sparseCategoricalCrossentropy',
      'from 0 to 2',
      '2 of 6',
      'example 3',
      '3 at [3]',
      'Count classes from 0',
    ],
  },
  {
    name: 'a negative class id',
    labels: Int32Array.of(0, -1, 2, 0, 0, 0),
    kind: DataError,
    parts: ['example 1: -1 at [1]'],
  },
  { name: 'a fractional class id', labels: [0, 1, 2, 0.5, 0, 0], kind: DataError, parts: ['whole', 'example 3: 0.5'] },
  { name: 'a NaN class id', labels: [0, 1, Number.NaN, 0, 0, 0], kind: DataError, parts: ['labels', 'example 2: NaN'] },
  {
    name: 'ids in a column, one wrong',
    labels: tensor([0, 1, 2, 9, 0, 0], [COUNT, 1]),
    kind: DataError,
    parts: ['labels', '9 at [3, 0]'],
  },
  {
    name: 'ids for a model with one output',
    model: () => modelOf('sparseCategoricalCrossentropy', 1),
    kind: DataError,
    parts: ['from 0 to 0', 'Use binaryCrossentropy'],
  },
  {
    name: 'ids for categoricalCrossentropy',
    model: categorical,
    kind: ShapeError,
    parts: ['categoricalCrossentropy', '[6, 3]', '[6]', 'Use sparseCategoricalCrossentropy'],
  },
  {
    name: 'rows for sparseCategoricalCrossentropy',
    labels: oneHot,
    kind: ShapeError,
    parts: ['sparseCategoricalCrossentropy', '[6]', '[6, 3]', 'Use categoricalCrossentropy'],
  },
  {
    name: 'rows of too few classes',
    model: categorical,
    labels: tensor(new Float32Array(12), [COUNT, 2]),
    kind: ShapeError,
    parts: ['categoricalCrossentropy', '[6, 3]', '[6, 2]'],
  },
  {
    name: 'rows with two ones',
    model: categorical,
    labels: rows([1, 0, 0], [0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 1, 0], [0, 0, 1]),
    kind: DataError,
    parts: [
      'labels for categoricalCrossentropy',
      'sum of 1',
      '2 of 6',
      'example 1: a sum of 2 at [1, 0]',
      'binaryCrossentropy',
    ],
  },
  {
    name: 'rows of zeros',
    model: categorical,
    labels: tensor(new Uint8Array(18), [COUNT, 3]),
    kind: DataError,
    parts: ['6 of 6', 'a sum of 0'],
  },
  {
    name: 'rows with a negative share',
    model: categorical,
    labels: rows([1, 0, 0], [2, -1, 0], [0, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]),
    kind: DataError,
    parts: ['1 of 6', 'example 1: -1 at [1, 1]'],
  },
  {
    name: 'NaN rows',
    model: categorical,
    labels: rows([1, 0, 0], [0, 1, 0], [Number.NaN, 0, 1], [1, 0, 0], [0, 1, 0], [0, 0, 1]),
    kind: DataError,
    parts: ['example 2: NaN at [2, 0]'],
  },
  {
    name: '-1 and 1 for binaryCrossentropy',
    model: binary,
    labels: [1, -1, 1, -1, 1, 1],
    kind: DataError,
    parts: ['labels for binaryCrossentropy', 'from 0 to 1', '2 of 6', 'example 1: -1', 'Write 0 for no'],
  },
  {
    name: 'class ids for binaryCrossentropy',
    model: binary,
    labels: [[0], [1], [2], [0], [1], [2]],
    kind: DataError,
    parts: ['example 2: 2 at [2, 0]', 'sparseCategoricalCrossentropy'],
  },
  {
    name: 'two labels an example for one output',
    model: binary,
    labels: tensor(new Float32Array(12), [COUNT, 2]),
    kind: ShapeError,
    parts: ['binaryCrossentropy', '[6, 2]', '[6, 1]'],
  },
  {
    name: 'a NaN target',
    model: regression,
    labels: tensor([0, 0, 0, 0, 0, Number.NaN, 0, 0, 0, 0, 0, 0], [COUNT, 2]),
    kind: DataError,
    parts: ['labels for meanSquaredError', 'finite', 'example 2: NaN at [2, 1]'],
  },
  {
    name: 'one target for two outputs',
    model: regression,
    labels: new Float32Array(COUNT),
    kind: ShapeError,
    parts: ['meanSquaredError', '[6]', '[6, 2]'],
  },
  {
    name: 'too few labels',
    labels: [0, 1],
    kind: ShapeError,
    parts: ['6 inputs [6, 4]', '2 labels [2]', 'Give one label'],
  },
  { name: 'too few weights', weights: [1, 2], kind: ShapeError, parts: ['2 example weights for 6 examples'] },
  {
    name: 'a weight a class',
    weights: tensor(new Float32Array(18), [COUNT, 3]),
    kind: ShapeError,
    parts: ['18 example weights'],
  },
  {
    name: 'a NaN weight',
    weights: [1, 1, 1, 1, 1, Number.NaN],
    kind: DataError,
    parts: ['example weights', '1 of 6', 'example 5: NaN'],
  },
  {
    name: 'a negative weight',
    weights: [1, -1, 1, 1, 1, -2],
    kind: DataError,
    parts: ['weights', 'at least 0', '2 of 6', '-1 at [1]'],
  },
  {
    name: 'an infinite weight',
    weights: [1, 1, Number.POSITIVE_INFINITY, 1, 1, 1],
    kind: DataError,
    parts: ['weights', 'example 2: Infinity'],
  },
  {
    name: 'weights on the GPU, one negative',
    weights: tensor([1, 1, 1, 1, 1, 1]).sub([0, 0, 0, 2, 0, 0]),
    kind: DataError,
    parts: ['weights', 'example 3: -1'],
  },
  { name: 'a single weight', weights: 1, kind: ShapeError, parts: ['sampleWeight', 'a single number'] },
  { name: 'no inputs', inputs: [], labels: [], kind: DataError, parts: ['inputs', 'got none', 'at least one'] },
  { name: 'no labels', labels: new Int32Array(0), kind: DataError, parts: ['labels', 'got none'] },
  { name: 'a single number', inputs: 3, kind: ShapeError, parts: ['inputs', 'first axis', 'a single number'] },
  { name: 'null inputs', inputs: untyped(null), kind: WgradError, parts: ['inputs', 'null'] },
  { name: 'null labels', labels: untyped(null), kind: WgradError, parts: ['labels', 'null'] },
  { name: 'a text', inputs: untyped('images.npy'), kind: WgradError, parts: ['inputs', 'images.npy'] },
  {
    name: 'texts',
    labels: untyped(['cat', 'dog', 'cat', 'cat', 'cat', 'cat']),
    kind: WgradError,
    parts: ['labels', 'cat', '[0]'],
  },
  { name: 'truth values', labels: untyped([true, false]), kind: WgradError, parts: ['labels', 'true', '[0]'] },
  { name: 'a promise', inputs: untyped(Promise.resolve(x)), kind: WgradError, parts: ['inputs', 'Promise', 'Await'] },
  { name: 'an object', inputs: untyped({ data: features }), kind: WgradError, parts: ['inputs', 'object'] },
  { name: 'a function', labels: untyped(() => ids), kind: WgradError, parts: ['labels', 'function'] },
  { name: 'a sparse array', inputs: untyped(sparse), kind: WgradError, parts: ['inputs'] },
  {
    name: 'a hole',
    labels: untyped(Object.assign([0], { 2: 1, 3: 2, 4: 0, 5: 1 })),
    kind: WgradError,
    parts: ['labels', 'undefined', '[1]'],
  },
  {
    name: 'rows of unequal lengths',
    inputs: [
      [1, 2, 3, 4],
      [1, 2],
    ],
    kind: WgradError,
    parts: ['inputs', 'length', '4', '2', '[1]'],
  },
  { name: 'a row and a number', inputs: [[1, 2, 3, 4], 5], kind: WgradError, parts: ['inputs', 'depth'] },
  {
    name: 'doubles',
    labels: untyped(new Float64Array(COUNT)),
    kind: WgradError,
    parts: ['labels', 'Float64Array', 'Float32Array'],
  },
  {
    name: '64 bit integers',
    labels: untyped(new BigInt64Array(COUNT)),
    kind: WgradError,
    parts: ['labels', 'BigInt64Array', 'Number'],
  },
  {
    name: '16 bit integers',
    labels: untyped(new Uint16Array(COUNT)),
    kind: WgradError,
    parts: ['labels', 'Uint16Array', 'Float32Array'],
  },
  {
    name: 'pixels of a canvas',
    inputs: untyped(new Uint8ClampedArray(COUNT)),
    kind: WgradError,
    parts: ['inputs', 'Uint8ClampedArray', 'new Uint8Array('],
  },
  {
    name: 'a DataView',
    inputs: untyped(new DataView(new ArrayBuffer(8))),
    kind: WgradError,
    parts: ['inputs', 'DataView'],
  },
  { name: 'an ArrayBuffer', inputs: untyped(new ArrayBuffer(8)), kind: WgradError, parts: ['inputs', 'ArrayBuffer'] },
  {
    name: 'another number of features',
    inputs: tensor(new Float32Array(18), [COUNT, 3]),
    kind: ShapeError,
    parts: ['inputs [4] an example', 'got [3]', 'Give inputs [examples, 4]'],
  },
  {
    name: 'images without an axis of channels',
    model: () =>
      new Sequential([new Conv2D(2, 3), new Flatten(), new Dense(3, { activation: 'softmax' })], {
        inputShape: [5, 5, 1],
      }).compile({ loss: 'sparseCategoricalCrossentropy' }),
    inputs: tensor(new Float32Array(COUNT * 25), [COUNT, 5, 5]),
    kind: ShapeError,
    parts: ['[5, 5, 1]', 'got [5, 5]', 'Reshape them to [examples, 5, 5, 1]'],
  },
  {
    name: 'images without an axis of channels, for a model that was not built',
    model: () =>
      new Sequential([new Conv2D(2, 3, { name: 'first' }), new Flatten(), new Dense(3)]).compile({ loss: 'mse' }),
    inputs: tensor(new Float32Array(COUNT * 25), [COUNT, 5, 5]),
    kind: ShapeError,
    parts: ["'first' (Conv2D)", '[batch, height, width, channels]', 'got [5, 5]', '[5, 5, 1]'],
  },
];

for (const { name, model = classifier, inputs = x, labels = ids, weights, kind, parts } of dataCases) {
  test(`data: ${name}`, async () => {
    for (const [who, call] of Object.entries(calls)) {
      const one = model();
      const before = one.built ? await one.getWeights() : null;
      // A layer of a model that is not built says who it is; nobody else knows the call.
      const caller = before === null ? [] : [`${who}: `];
      await refuses(() => call(one, inputs, labels, weights), kind, ...(kind === ShapeError ? [] : caller), ...parts);
      if (before !== null) assert.equal(await one.getWeights(), before, 'weights');
      one.dispose();
    }
  });
}

test('data: validation data is checked like training data', async () => {
  const cases: readonly [FitOptions['validationData'], ErrorClass, ...string[]][] = [
    [[spoilt({ 0: Number.NaN }), ids], DataError, 'fit: validationData: inputs', '1 of 6', 'NaN at [0, 0]'],
    [[x, [0, 1, 2, 3, 0, 0]], DataError, 'fit: validationData: labels', '3 at [3]'],
    [[x, ids, [1, 1, 1, 1, 1, -1]], DataError, 'fit: validationData: example weights', '-1 at [5]'],
    [[x, [0, 1]], ShapeError, 'fit: validationData', '6 inputs', '2 labels'],
    [[tensor(new Float32Array(6), [2, 3]), [0, 1]], ShapeError, 'fit: validationData', '[4]', '[3]'],
    [[untyped(null), [0, 1]], WgradError, 'fit: validationData: inputs', 'null'],
    [untyped([x]), ArgumentError, 'validationData', '[inputs, labels]'],
    [untyped({ x, y: ids }), ArgumentError, 'validationData', '[inputs, labels]'],
  ];
  for (const [validationData, kind, ...parts] of cases) {
    await refuses(() => classifier().fit(x, ids, { verbose: 0, validationData }), kind, ...parts);
  }
});

test('data: what is unusual but right works', async () => {
  const model = classifier();
  const { loss } = await model.evaluate(x, ids);
  const bytes = Buffer.from(Uint8Array.from(ids));
  for (const labels of [
    Array.from(ids),
    Uint8Array.from(ids),
    bytes,
    tensor(ids, [COUNT, 1]),
    Float32Array.from(ids),
  ]) {
    assertClose([(await model.evaluate(x, labels)).loss], [loss], 'loss', 1e-6);
  }
  // Half precision rounds; labels may be any distribution.
  const soft = tensor(Array.from({ length: COUNT }, () => [0.3333, 0.3333, 0.3333]).flat(), [COUNT, 3]);
  assert.ok(Number.isFinite((await categorical().evaluate(x, soft)).loss));
  assert.ok(Number.isFinite((await binary().evaluate(x, [0, 1, 0.5, 0.25, 1, 0])).loss));
  // One batch that is shorter than its size.
  const { history } = await model.fit(x, ids, { batchSize: 1000, verbose: 0 });
  assert.ok(Number.isFinite(history.loss[0]));
  assert.equal([...(await model.predict(x, { batchSize: 1000 })).shape], [COUNT, 3]);
  // Weights of 0 leave examples out: whatever their labels are worth, the loss is that of the others.
  assert.is((await model.evaluate(x, ids, { sampleWeight: new Float32Array(COUNT) })).loss, 0);
});

test('data: a loss may say itself what its labels are', async () => {
  const masked: Loss = {
    name: 'masked',
    perExample: (_, output) => output.mean(1),
    labels: () => ({ ...finite, wrong: () => -1 }),
  };
  const nan = new Float32Array(COUNT).fill(Number.NaN);
  assert.ok(Number.isFinite((await modelOf(masked).evaluate(x, nan)).loss));
  const { labels: _, ...careless } = masked;
  await refuses(() => modelOf(careless).evaluate(x, nan), DataError, 'labels for masked', '6 of 6');
});

test('predict: NaN is data, and stays with its example', async () => {
  const model = classifier();
  const healthy = await (await model.predict(x)).data();
  const values = await (await model.predict(spoilt({ 9: Number.NaN }))).data();
  const isNan = Array.from(values, Number.isNaN);
  assert.equal(
    isNan,
    Array.from(isNan, (_, at) => Math.floor(at / 3) === 2),
  );
  assertClose(values.slice(0, 6), healthy.slice(0, 6), 'the others');
});

test('predict: what it cannot take is named', async () => {
  const model = classifier();
  for (const [inputs, ...parts] of [
    [untyped<TensorLike>('x'), 'predict: inputs'],
    [untyped<TensorLike>(undefined), 'predict: inputs', 'undefined'],
    [[], 'predict: inputs', 'none'],
    [7, 'predict: inputs', 'a single number'],
    [untyped<TensorLike>(new Float64Array(4)), 'predict: inputs', 'Float64Array'],
    [tensor(new Float32Array(3), [1, 3]), 'predict', '[4]', '[3]'],
  ] as const) {
    await refuses(() => model.predict(inputs), WgradError, ...parts);
  }
  await refuses(() => model.predict(x, { batchSize: 0 }), ArgumentError, 'predict', 'batchSize', '0');
  await refuses(() => model.predict(x, untyped({ batch_size: 2 })), ArgumentError, "'batch_size'", "'batchSize'");
});

test('the search for NaN passes over 50,000 examples of 3,072 numbers well under a second', () => {
  // A thousandth of the memory, a thousand times: what counts is the work.
  const part = new Float32Array(50 * 3072).fill(0.5);
  const began = performance.now();
  for (let i = 0; i < 1000; i++) checkRows('inputs', part, [50, 3072], finite);
  const took = performance.now() - began;
  assert.ok(took < 2000, `${took} ms`);
});

// Layers

const images = [8, 6, 3];
const build = (layer: Layer, inputShape: readonly number[] = images): Sequential =>
  new Sequential([layer], { inputShape });

const layerCases: readonly (readonly [string, () => unknown, ErrorClass, ...string[]])[] = [
  ...[0, -1, 2.5, Number.NaN, Number.POSITIVE_INFINITY, '8', null].map(
    (units) =>
      [`units ${units}`, () => new Dense(untyped(units)), ArgumentError, 'Dense: units', String(units)] as const,
  ),
  ['no units', () => new Dense(untyped(undefined)), ArgumentError, 'Dense: units', 'undefined'],
  ['filters -3', () => new Conv2D(-3, 3), ArgumentError, 'Conv2D: filters', '-3'],
  ['no kernel size', () => new Conv2D(3, untyped(undefined)), ArgumentError, 'Conv2D kernelSize', 'undefined'],
  ['a kernel of 1.5', () => new Conv2D(3, 1.5), ArgumentError, 'Conv2D kernelSize', '1.5'],
  [
    'a kernel of three extents',
    () => new Conv2D(3, untyped([1, 2, 3])),
    ArgumentError,
    'Conv2D kernelSize',
    '[1, 2, 3]',
  ],
  ['a kernel of text', () => new Conv2D(3, untyped('3x')), ArgumentError, 'Conv2D kernelSize', '3x'],
  ['strides 0', () => new Conv2D(3, 3, { strides: 0 }), ArgumentError, 'Conv2D strides', '0'],
  ['strides 0 of pooling', () => new MaxPooling2D(2, { strides: [1, 0] }), ArgumentError, 'strides', '[1, 0]'],
  ['a pool of -2', () => new AveragePooling2D(-2), ArgumentError, 'poolSize', '-2'],
  [
    'a kernel larger than the image',
    () => build(new Conv2D(2, 7, { name: 'wide' })),
    ShapeError,
    "'wide' (Conv2D)",
    '[8, 6, 3]',
    'window of 7',
    '6 pixels',
    "padding: 'same'",
  ],
  [
    'a pool larger than the image',
    () => build(new MaxPooling2D(7, { name: 'wide' })),
    ShapeError,
    "'wide' (MaxPooling2D)",
    '[8, 6, 3]',
    'window of 7',
    '6 pixels',
  ],
  ['vectors for a convolution', () => build(new Conv2D(2, 3), [9]), ShapeError, "'conv2d' (Conv2D)", '[9]'],
  [
    'vectors for pooling',
    () => build(new GlobalAveragePooling2D(), [9]),
    ShapeError,
    '(GlobalAveragePooling2D)',
    '[9]',
  ],
  ['scalars for Dense', () => build(new Dense(2), []), ShapeError, "'dense' (Dense)", 'scalar'],
  [
    'padding smae',
    () => new Conv2D(2, 3, { padding: untyped('smae') }),
    ArgumentError,
    'Conv2D',
    "'smae'",
    "'same'",
    'same, valid',
  ],
  ['padding 1', () => new MaxPooling2D(2, { padding: untyped(1) }), ArgumentError, 'padding 1', 'same, valid'],
  [
    'activation rellu',
    () => new Dense(2, { activation: untyped('rellu') }),
    ArgumentError,
    'Dense',
    "'rellu'",
    "'relu'",
    'softmax',
  ],
  [
    "Python's leaky_relu",
    () => new Activation(untyped('leaky_relu')),
    ArgumentError,
    'Activation',
    "Did you mean 'leakyRelu'?",
  ],
  ['activation toString', () => new Activation(untyped('toString')), ArgumentError, "no activation 'toString'"],
  [
    'a function as activation',
    () => new Dense(2, { activation: untyped(Math.tanh) }),
    ArgumentError,
    'a function',
    'tanh',
  ],
  [
    "Python's glorot_uniform",
    () => new Dense(2, { kernelInitializer: untyped('glorot_uniform') }),
    ArgumentError,
    'Dense: there is no kernelInitializer',
    "Did you mean 'glorotUniform'?",
  ],
  [
    'biasInitializer null',
    () => new Conv2D(2, 3, { biasInitializer: untyped(0) }),
    ArgumentError,
    'Conv2D: there is no biasInitializer 0',
    'zeros',
  ],
  ...[1.5, -0.1, Number.NaN, '0.5', undefined].map(
    (rate) =>
      [
        `dropout ${rate}`,
        () => new Dropout(untyped(rate)),
        ArgumentError,
        'Dropout: rate',
        '[0, 1]',
        String(rate),
      ] as const,
  ),
  ['a scale of NaN', () => new Rescaling(Number.NaN), ArgumentError, 'Rescaling: scale', 'NaN'],
  ['an infinite offset', () => new Rescaling(1, { offset: 1 / 0 }), ArgumentError, 'Rescaling: offset', 'Infinity'],
  [
    'momentum 2',
    () => new BatchNormalization({ momentum: 2 }),
    ArgumentError,
    'BatchNormalization: momentum',
    '[0, 1]',
    '2',
  ],
  ['epsilon -1', () => new BatchNormalization({ epsilon: -1 }), ArgumentError, 'BatchNormalization: epsilon', '-1'],
  ['Reshape to 0', () => new Reshape([0, 3]), ArgumentError, 'Reshape: targetShape', '[0, 3]'],
  ['Reshape to two open extents', () => new Reshape([-1, -1]), ArgumentError, 'Reshape', 'at most one -1', '[-1, -1]'],
  ['Reshape to a number', () => new Reshape(untyped(12)), ArgumentError, 'Reshape', '12'],
  ['Reshape to another size', () => build(new Reshape([5]), [12]), ShapeError, "'reshape' (Reshape)", '12', '5'],
  ['Reshape that leaves a rest', () => build(new Reshape([5, -1]), [12]), ShapeError, "'reshape' (Reshape)", '[12]'],
  [
    'an unknown option',
    () => new Dense(2, untyped({ actvation: 'relu' })),
    ArgumentError,
    "Dense: there is no option 'actvation'",
    "'activation'",
  ],
  ["Python's use_bias", () => new Conv2D(2, 3, untyped({ use_bias: false })), ArgumentError, 'Conv2D', "'useBias'"],
  ['an activation for options', () => new Dense(2, untyped('relu')), ArgumentError, 'Dense', "'relu'"],
  ['null for options', () => new Flatten(untyped(null)), ArgumentError, 'Flatten', 'null'],
  ['a name that is no text', () => new Dense(2, { name: untyped(7) }), ArgumentError, 'name', '7'],
  ['an empty name', () => new Dense(2, { name: '' }), ArgumentError, 'name'],
  [
    'inputShape with null',
    () => new Dense(2, { inputShape: untyped([null, 3]) }),
    ShapeError,
    'inputShape',
    '[null, 3]',
    'batch',
  ],
  ['inputShape with 0', () => new Dense(2, { name: 'first', inputShape: [0, 3] }), ShapeError, "'first'", '[0, 3]'],
  ['inputShape with -1', () => new Sequential([new Dense(2)], { inputShape: [-1] }), ShapeError, 'inputShape', '[-1]'],
  ['inputShape with 1.5', () => new Sequential([new Dense(2)]).build([1.5]), ShapeError, 'build', '[1.5]'],
  [
    'inputShape as a number',
    () => new Dense(2, { inputShape: untyped(784) }),
    ArgumentError,
    'inputShape',
    '784',
    '[784]',
  ],
  [
    'build without a shape',
    () => new Sequential([new Dense(2)]).build(untyped(undefined)),
    ArgumentError,
    'build',
    'undefined',
  ],
  [
    'inputShape in the middle that is not true',
    () => new Sequential([new Dense(2), new Dense(1, { name: 'last', inputShape: [3] })], { inputShape: [4] }),
    ShapeError,
    "'last' (Dense)",
    '[3]',
    '[2]',
  ],
  [
    'two layers of one name',
    () => new Sequential([new Dense(1, { name: 'a' }), new Dense(1, { name: 'a' })], { inputShape: [2] }),
    ArgumentError,
    "'a'",
  ],
  ['a seed of 1.5', () => new Sequential([new Dense(1)], { seed: 1.5 }), ArgumentError, 'Sequential', 'seed', '1.5'],
  [
    'an unknown option of the model',
    () => new Sequential([], untyped({ input_shape: [2] })),
    ArgumentError,
    "'inputShape'",
  ],
];

for (const [name, make, kind, ...parts] of layerCases) test(`layers: ${name}`, () => refuses(make, kind, ...parts));

test('layers: weights that no device could hold are refused before memory is taken', async () => {
  const refused = (layer: () => Layer, inputShape: readonly number[], ...parts: string[]): Promise<void> =>
    refuses(() => new Sequential([layer()], { inputShape }), ArgumentError, ...parts);
  const began = performance.now();
  await refused(
    () => new Dense(1e12, { name: 'vast' }),
    [10],
    "'vast' (Dense)",
    'kernel [10, 1000000000000]',
    '4.00 GiB',
  );
  await refused(() => new Conv2D(1e9, 3), [8, 8, 3], "'conv2d' (Conv2D)", 'kernel [3, 3, 3, 1000000000]');
  await refuses(
    () =>
      new Sequential(
        [2 ** 14, 2 ** 14, 2 ** 14, 2 ** 14, 2 ** 14].map((units) => new Dense(units)),
        { inputShape: [2 ** 14] },
      ),
    ArgumentError,
    "'dense_3'",
    '4.00 GiB',
  );
  assert.ok(performance.now() - began < 1000, 'at once');
});

test('layers: a layer has one place in a model, and models of the same layers do not share weights', async () => {
  const layer = new Dense(2);
  await refuses(() => new Sequential([layer, new Dense(2), layer]), ArgumentError, 'Dense at position 2', 'position 0');
  await refuses(() => new Sequential([layer]).add(layer), ArgumentError, 'position 1', 'position 0');
  for (const [layers, ...parts] of [
    [Dense, 'the class Dense'],
    [[Dense], 'position 0', 'the class Dense'],
    [[layer, null], 'position 1', 'null'],
    [['dense'], "'dense'"],
    [layer, 'array'],
  ] as const) {
    await refuses(() => new Sequential(untyped(layers)), ArgumentError, 'Sequential', ...parts);
  }
  const [a, b] = [1, 2].map((seed) => new Sequential([layer], { inputShape: [2], seed }));
  const before = await b.getWeights();
  await a.setWeights([new Float32Array(4), new Float32Array(2)]);
  assert.equal(await b.getWeights(), before);
});

test('layers: an initialiser that gives something else than one number an element is named with its weight', async () => {
  const bad = (kernelInitializer: unknown): Sequential =>
    new Sequential([new Dense(2, { kernelInitializer: untyped(kernelInitializer) })], { inputShape: [3] });
  await refuses(() => bad(() => new Float32Array(5)), ShapeError, "'dense/kernel'", '5 numbers', '6', '[3, 2]');
  await refuses(() => bad(() => [1, 2, 3, 4, 5, 6]), ShapeError, "'dense/kernel'", 'an array');
  await refuses(() => bad(async () => new Float32Array(6)), ShapeError, "'dense/kernel'", 'Promise');
  await refuses(() => bad(initializers.zeros), ShapeError, "'dense/kernel'", 'a function');
});

// Optimizers, losses and metrics

const settingCases: readonly (readonly [string, () => unknown, ...string[]])[] = [
  ...[Number.NaN, -1, Number.POSITIVE_INFINITY, '0.001', null].map(
    (learningRate) =>
      [
        `learning rate ${learningRate}`,
        () => new Adam({ learningRate: untyped(learningRate) }),
        'Adam: learningRate',
        String(learningRate),
      ] as const,
  ),
  ['momentum 1.1', () => new SGD({ momentum: 1.1 }), 'SGD: momentum', '[0, 1]', '1.1'],
  ['momentum NaN', () => new RMSprop({ momentum: Number.NaN }), 'RMSprop: momentum', 'NaN'],
  ['rho of text', () => new RMSprop({ rho: untyped('0.9') }), 'RMSprop: rho', '0.9'],
  ['beta1 1', () => new Adam({ beta1: 1 }), 'Adam: beta1', '1'],
  ['beta2 -1', () => new AdamW({ beta2: -1 }), 'beta2', '-1'],
  ['an infinite epsilon', () => new Adam({ epsilon: Number.POSITIVE_INFINITY }), 'Adam: epsilon', 'Infinity'],
  ['an epsilon of 0', () => new Adam({ epsilon: 0 }), 'Adam: epsilon', '0'],
  ['an epsilon that float32 rounds to 0', () => new RMSprop({ epsilon: 1e-60 }), 'RMSprop: epsilon', '1e-60'],
  ['a NaN epsilon', () => new RMSprop({ epsilon: Number.NaN }), 'RMSprop: epsilon', 'NaN'],
  ['weight decay 2', () => new AdamW({ weightDecay: 2 }), 'AdamW: weightDecay', '2'],
  [
    "Python's learning_rate",
    () => new SGD(untyped({ learning_rate: 0.1 })),
    'SGD',
    "'learning_rate'",
    "'learningRate'",
  ],
  ['a rate for options', () => new Adam(untyped(0.01)), 'Adam', '0.01'],
  ['beta_1', () => new AdamW(untyped({ beta_1: 0.9 })), "AdamW: there is no option 'beta_1'", "'beta1'"],
  [
    'label smoothing 1',
    () => categoricalCrossentropy({ labelSmoothing: 1 }),
    'categoricalCrossentropy',
    'labelSmoothing',
  ],
  [
    'clip NaN',
    () => sparseCategoricalCrossentropy({ clip: Number.NaN }),
    'sparseCategoricalCrossentropy',
    'clip',
    'NaN',
  ],
  [
    "Python's from_logits",
    () => binaryCrossentropy(untyped({ from_logits: true })),
    'binaryCrossentropy',
    "'fromLogits'",
  ],
];
for (const [name, make, ...parts] of settingCases)
  test(`settings: ${name}`, () => refuses(make, ArgumentError, ...parts));

test('compile: names that do not exist, with the nearest one; objects that are none', async () => {
  const compile = (options: unknown) => (): unknown => new Sequential([new Dense(1)]).compile(untyped(options));
  const none: Metric = { name: 'none', perExample: (_, output) => output.mean(1) };
  for (const [options, ...parts] of [
    [{ loss: 'categorical_crossentropy' }, 'no loss', "Did you mean 'categoricalCrossentropy'?", 'mse'],
    [{ loss: 'msee' }, "no loss 'msee'", "'mse'"],
    [{ loss: 'huberLossOfSomeKind' }, 'no loss', 'Use one of'],
    [{ loss: '__proto__' }, 'no loss'],
    [{}, 'loss', 'undefined'],
    [{ loss: (): number => 1 }, 'loss', 'a function', 'perExample'],
    [{ loss: { name: 'mine' } }, 'loss', 'perExample'],
    [{ loss: 'mse', metrics: 'accuracy' }, 'metrics', "'accuracy'", "['accuracy']"],
    [{ loss: 'mse', metrics: ['acuracy'] }, 'no metric', "'accuracy'"],
    [{ loss: 'mse', metrics: [null] }, 'metric', 'null'],
    [{ loss: 'mse', metrics: ['mae', 'mae'] }, "two metrics would be 'mae'"],
    [{ loss: 'mse', metrics: [{ ...none, name: 'loss' }] }, "two metrics would be 'loss'"],
    [{ loss: 'mse', optimizer: 'Addam' }, 'no optimizer', "'adam'"],
    [{ loss: 'mse', optimizer: Adam }, 'optimizer', 'the class Adam', 'new Adam()'],
    [{ loss: 'mse', optimizer: { learningRate: 1 } }, 'optimizer', 'object'],
    [{ loss: 'mse', metric: ['mae'] }, "no option 'metric'", "'metrics'"],
    ['mse', 'an object of options', "'mse'"],
  ] as const) {
    await refuses(compile(options), ArgumentError, 'compile', ...parts);
  }
});

// Options

class Quiet extends Callback {}

test('fit: options out of range, of another kind, or unknown', async () => {
  const model = classifier();
  const cases: readonly (readonly [unknown, ...string[]])[] = [
    ...['batchSize', 'epochs', 'validationFreq', 'validationBatchSize', 'initialEpoch'].flatMap((name) =>
      [Number.NaN, -1, 1.5, Number.POSITIVE_INFINITY, '8', null].map(
        (value) => [{ [name]: value }, name, String(value)] as const,
      ),
    ),
    [{ batchSize: 0 }, 'batchSize', '0'],
    [{ validationFreq: 0 }, 'validationFreq', '0'],
    ...[Number.NaN, -0.1, 1, '0.5'].map(
      (value) => [{ validationSplit: value }, 'validationSplit', String(value)] as const,
    ),
    [{ validationSplit: 0.99 }, 'validationSplit', 'no example'],
    [{ epochs: 2, initialEpoch: 3 }, 'initialEpoch 3', '2 epochs'],
    [{ verbose: 3 }, 'verbose', '3', '0 for silence'],
    [{ verbose: 'auto' }, 'verbose', 'auto'],
    [{ shuffle: 'batch' }, 'shuffle', 'batch'],
    [{ batchsize: 8 }, "'batchsize'", "Did you mean 'batchSize'?"],
    [{ batch_size: 8 }, "'batch_size'", "Did you mean 'batchSize'?"],
    [{ validation_data: 8 }, "Did you mean 'validationData'?"],
    [{ learningRateOfTheOptimizer: 8 }, "'learningRateOfTheOptimizer'", 'Use batchSize'],
    [{ callbacks: new Quiet() }, 'array of callbacks', 'a Quiet'],
    [{ callbacks: [Quiet] }, 'position 0', 'the class Quiet', 'new EarlyStopping()'],
    [{ callbacks: [new Quiet(), { onEpochEnd() {} }] }, 'position 1', 'object'],
    [{ callbacks: [null] }, 'position 0', 'null'],
    [{ classWeight: { 3: 1 } }, 'classWeight', "'3'", '0 to 2'],
    [{ classWeight: { cat: 1 } }, 'classWeight', "'cat'"],
    [{ classWeight: { '-1': 1 } }, 'classWeight', "'-1'"],
    [{ classWeight: { 1: Number.NaN } }, 'classWeight of class 1', 'NaN'],
    [{ classWeight: { 1: -2 } }, 'classWeight of class 1', '-2'],
    [{ classWeight: { 1: '2' } }, 'classWeight of class 1', '2'],
    [{ classWeight: new Map([[1, 2]]) }, 'classWeight', 'a Map'],
    [{ classWeight: 2 }, 'classWeight', '2'],
    [8, 'options', '8'],
    [null, 'options', 'null'],
  ];
  for (const [options, ...parts] of cases) {
    const given = typeof options === 'object' && options !== null ? { verbose: 0, ...options } : options;
    await refuses(() => model.fit(x, ids, untyped(given)), ArgumentError, 'fit', ...parts);
  }
  const several = new Sequential([new Dense(3, { activation: 'sigmoid' })], { inputShape: [FEATURES] });
  several.compile({ loss: 'binaryCrossentropy' });
  await refuses(
    () => several.fit(x, oneHot, { verbose: 0, classWeight: { 1: 2 } }),
    ArgumentError,
    'classWeight',
    '3 labels',
  );
});

test('fit: as many epochs as were trained already are none, and no mistake', async () => {
  const { history, epoch } = await classifier().fit(x, ids, { epochs: 2, initialEpoch: 2, verbose: 0 });
  assert.equal([Object.keys(history), epoch], [[], []]);
});

test('evaluate and trainOnBatch: unknown options, callbacks that are none', async () => {
  const model = classifier();
  await refuses(() => model.evaluate(x, ids, untyped({ batchsize: 2 })), ArgumentError, 'evaluate', "'batchSize'");
  await refuses(() => model.evaluate(x, ids, { batchSize: Number.NaN }), ArgumentError, 'evaluate', 'batchSize', 'NaN');
  await refuses(() => model.evaluate(x, ids, { callbacks: untyped([{}]) }), ArgumentError, 'evaluate', 'position 0');
  await refuses(() => model.trainOnBatch(x, ids, untyped({ sampleWeights: [1] })), ArgumentError, "'sampleWeight'");
});

// Parts of the user's own

test('losses and metrics of the user are named when they return something else, throw or wait', async () => {
  const broken: readonly (readonly [unknown, ErrorClass, ...string[]])[] = [
    [(_: unknown, output: unknown) => output, ShapeError, 'gives [6, 3]', 'expected [6]', 'one number an example'],
    [() => full([], 1), ShapeError, 'gives []', 'expected [6]'],
    [async () => full([], 1), ArgumentError, 'a Promise', 'Leave out async'],
    [async () => Promise.reject(new Error('late')), ArgumentError, 'a Promise', 'Leave out async'],
    [() => undefined, ArgumentError, 'undefined', 'Return what an operation'],
    [() => 0.5, ArgumentError, '0.5'],
    [
      (_: unknown, { node }: Tensor) => node,
      ArgumentError,
      'got a node',
      'Return x.relu(), not new Tensor(x).relu().node',
    ],
    [
      (_: unknown, output: never) => new Tensor(output),
      ArgumentError,
      'new Tensor',
      'got a tensor',
      'not new Tensor(x)',
    ],
    [(_: unknown, output: never) => new Tensor(createNode(copyOp, [output], {})), ArgumentError, 'copy', 'tensor.node'],
    [() => Object(null).missing.field, ArgumentError, 'threw', 'field', 'the cause'],
    [(labels: never, output: never) => add(labels, output), ShapeError, '[6]', '[6, 3]'],
  ];
  for (const [perExample, kind, ...parts] of broken) {
    const mine = untyped<Loss>({ name: 'mine', perExample });
    for (const call of Object.values(calls)) await refuses(() => call(modelOf(mine), x, ids), kind, "'mine'", ...parts);
    const model = classifier().compile({ loss: 'sparseCategoricalCrossentropy', metrics: [mine] });
    await refuses(() => model.evaluate(x, ids), kind, "'mine'", ...parts);
    // Also where a batch is smaller than the data: the shapes are those that were given.
    await refuses(() => model.fit(x, ids, { batchSize: 2, verbose: 0 }), kind, "'mine'", ...parts);
  }
});

test('a NaN that a loss or a layer of the user makes is found in training under its name', async () => {
  const nan: Loss = { name: 'mine', perExample: (_, output) => output.mean(1).mul(Number.NaN) };
  const [line, ...others] = await warnings(() => modelOf(nan).fit(x, ids, { verbose: 0 }));
  assert.equal(others, []);
  assert.match(line, /^Step 0: .*\bloss\b/);
  const model = new Sequential([new Own((one: never) => mul(one, Number.NaN)), new Dense(3)], {
    inputShape: [FEATURES],
  }).compile({ loss: 'mse' });
  assert.match((await warnings(() => model.fit(x, oneHot, { verbose: 0 })))[0], /^Step 0: .*\bown\b/);
});

type Call = Layer['call'];

class Own extends Layer {
  readonly className = 'Own';
  readonly #call: Call;
  constructor(call: unknown) {
    super();
    this.#call = untyped(call);
  }
  call(...args: Parameters<Call>): ReturnType<Call> {
    return this.#call(...args);
  }
  config(): LayerConfig {
    return {};
  }
}

test('layers of the user are named when they return something else, throw or wait', async () => {
  const broken: readonly (readonly [unknown, ErrorClass, ...string[]])[] = [
    [(one: never) => sum(one), ShapeError, '[1, ...]', 'got []', 'Keep the first axis'],
    [async (one: unknown) => one, ArgumentError, 'a Promise', 'Leave out async'],
    [() => null, ArgumentError, 'null'],
    [({ node }: Tensor) => node, ArgumentError, 'a node', 'Return x.relu(), not new Tensor(x).relu().node'],
    [(one: never) => new Tensor(one), ArgumentError, 'new Tensor', 'got a tensor', 'not new Tensor(x)'],
    [
      () => {
        throw new TypeError('my mistake');
      },
      ArgumentError,
      "threw 'my mistake'",
      'cause',
    ],
    [
      () => {
        throw new ArgumentError('wrong argument. Give another.');
      },
      ArgumentError,
      ': wrong argument. Give another.',
    ],
    [
      () => {
        throw untyped<Error>('a text');
      },
      ArgumentError,
      'a text',
    ],
  ];
  for (const [call, kind, ...parts] of broken)
    await refuses(() => build(new Own(call), [4]), kind, "'own' (Own)", ...parts);
  // Right for the one example that the shapes are found with, wrong for a batch.
  const folding = build(new Own((one: never) => mean(one, 0, true)), [FEATURES]).compile({ loss: 'mse' });
  await refuses(() => folding.predict(x), ShapeError, "'own' (Own)", '[6, 4]', '[1, 4]');
  const moody: Call = (one, { training }) => (training ? one.mean(1, true) : one);
  const model = build(new Own(moody), [FEATURES]).compile({ loss: 'mse' });
  await refuses(() => model.fit(x, x, { verbose: 0 }), ShapeError, "'own' (Own)", '[6, 4]', '[6, 1]', 'in training');
});

test.run();
