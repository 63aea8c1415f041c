import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { DataError, ShapeError } from '../src/base/errors.ts';
import { sizeOf } from '../src/base/shape.ts';
import {
  AveragePooling2D,
  BatchNormalization,
  Conv2D,
  Conv2DTranspose,
  Dense,
  DepthwiseConv2D,
  Dropout,
  Flatten,
  MaxPooling2D,
  Rescaling,
  SeparableConv2D,
  Sequential,
  tensor,
} from '../src/index.ts';
import { loadWeightsByName, type NamedTensor } from '../src/interchange/weightsByName.ts';
import { decodeNpz, encodeNpz } from '../src/io/npz.ts';
import { decodeSafetensors } from '../src/io/safetensors.ts';
import { fixture } from './interchange.ts';
import { relativeError } from './shared.ts';

const test = suite('weights by name');

/** Two layers of each kind; the second dense one has a name of its own. */
const makeModel = (seed = 1): Sequential =>
  new Sequential(
    [
      new Conv2D(2, 3),
      new BatchNormalization(),
      new Conv2D(3, 1, { useBias: false }),
      new Flatten(),
      new Dense(4),
      new Dense(2, { name: 'head' }),
    ],
    { inputShape: [5, 5, 1], seed },
  );

/** Weights of the model's shapes, all different, under names of the file's own. */
function tensorsOf(names: readonly string[], shapes: readonly (readonly number[])[]): Map<string, NamedTensor> {
  let value = 0;
  return new Map(
    names.map((name, at) => [
      name,
      { shape: shapes[at], data: Float32Array.from({ length: sizeOf(shapes[at]) }, () => value++) },
    ]),
  );
}

const OURS = [
  'conv2d/kernel',
  'conv2d/bias',
  'batch_normalization/gamma',
  'batch_normalization/beta',
  'batch_normalization/movingMean',
  'batch_normalization/movingVariance',
  'conv2d_1/kernel',
  'dense/kernel',
  'dense/bias',
  'head/kernel',
  'head/bias',
];
const SHAPES = [[3, 3, 1, 2], [2], [2], [2], [2], [2], [1, 1, 2, 3], [27, 4], [4], [4, 2], [2]];
const KERAS = OURS.map((name) =>
  name.replace('movingMean', 'moving_mean').replace('movingVariance', 'moving_variance'),
);

async function expectError(kind: typeof DataError | typeof ShapeError, work: Promise<unknown>, pattern: RegExp) {
  try {
    await work;
  } catch (error) {
    if (error instanceof kind && pattern.test(error.message)) return;
    throw error;
  }
  assert.unreachable('no error');
}

test("the model's weights have the names and shapes that the test assumes", async () => {
  const weights = await makeModel().getWeights();
  assert.equal(
    weights.map(({ name }) => name),
    OURS,
  );
  assert.equal(
    weights.map(({ shape }) => [...shape]),
    SHAPES,
  );
});

const layouts: Record<string, readonly string[]> = {
  'Keras 3, w.path': KERAS,
  'Keras 2, w.name': KERAS.map((name) => `${name}:0`),
  'HDF5 of Keras 2': KERAS.map((name) => `${name.split('/')[0]}/${name}:0`),
  'a nested model': KERAS.map((name) => `sequential/${name}`),
  "wgrad's own": OURS,
  'Keras 3, .weights.h5': [
    ...['conv2d/vars/0', 'conv2d/vars/1'],
    ...[0, 1, 2, 3].map((i) => `batch_normalization/vars/${i}`),
    ...['conv2d_1/vars/0', 'dense/vars/0', 'dense/vars/1', 'dense_1/vars/0', 'dense_1/vars/1'],
  ].map((name) => `layers/${name}`),
};
layouts['Keras 3, functional'] = layouts['Keras 3, .weights.h5'].map((name) =>
  name.replace('layers', '_layer_checkpoint_dependencies'),
);
layouts['numbered, with the names of the layers'] = layouts['Keras 3, .weights.h5'].map((name) =>
  name.replace('dense_1', 'head'),
);

for (const [layout, names] of Object.entries(layouts)) {
  test(`names: ${layout}`, async () => {
    const model = makeModel();
    const tensors = tensorsOf(names, SHAPES);
    // What else such files hold.
    tensors.set('layers/dropout/seed_generator/vars/0', { shape: [2], data: new Int32Array(2) });
    tensors.set('optimizer/vars/0', { shape: [], data: new Int32Array(1) });
    const report = await loadWeightsByName(model, tensors);
    assert.equal(report, {
      loaded: OURS,
      missing: [],
      mismatched: [],
      unused: ['layers/dropout/seed_generator/vars/0', 'optimizer/vars/0'],
    });
    const weights = await model.getWeights();
    weights.forEach(({ data, name }, at) => {
      assert.equal(data, tensors.get(names[at])?.data, name);
    });
  });
}

for (const file of ['keras.npz', 'keras.weights.npz']) {
  test(`a model that Keras has trained predicts the same: ${file}`, async () => {
    const model = new Sequential(
      [
        new Rescaling(1 / 255),
        new Conv2D(4, 3, { padding: 'same', strides: 2, activation: 'relu' }),
        new BatchNormalization(),
        new MaxPooling2D(2, { padding: 'same', strides: 1 }),
        new Conv2D(3, 2, { activation: 'gelu', useBias: false }),
        new BatchNormalization({ name: 'norm', scale: false }),
        new Dropout(0.3),
        new AveragePooling2D(2, { padding: 'same', strides: 1 }),
        new Flatten(),
        new Dense(5, { activation: 'leakyRelu' }),
        new Dense(3, { activation: 'softmax', name: 'head' }),
      ],
      { inputShape: [7, 6, 2] },
    );
    const report = await loadWeightsByName(model, decodeNpz(fixture(file)));
    assert.equal([report.missing, report.mismatched], [[], []]);
    assert.equal(report.unused, file === 'keras.npz' ? ['test/inputs', 'test/outputs'] : []);
    const [inputs, outputs] = ['test/inputs', 'test/outputs'].map((name) => decodeNpz(fixture('keras.npz')).get(name));
    assert.ok(inputs !== undefined && outputs !== undefined);
    const prediction = await model.predict(tensor(inputs.data, inputs.shape));
    assert.equal([...prediction.shape], [...outputs.shape]);
    assert.ok(relativeError(await prediction.data(), outputs.data) < 1e-5);
  });
}

test('a file of weights, through .npz and as saved by a model itself', async () => {
  const [from, to, again] = [makeModel(3), makeModel(4), makeModel(5)];
  await loadWeightsByName(to, decodeNpz(encodeNpz(await from.getWeights())));
  assert.equal(await to.getWeights(), await from.getWeights());
  const { loaded } = await loadWeightsByName(again, decodeSafetensors(await from.toSafetensors()).tensors);
  assert.is(loaded.length, OURS.length);
  assert.equal(await again.getWeights(), await from.getWeights());
});

test('integers and bytes become float32; a plain object will do', async () => {
  const model = new Sequential([new Dense(2, { inputShape: [1], name: 'd' })]);
  await loadWeightsByName(model, {
    'd/kernel': { shape: [1, 2], data: new Int32Array([-3, 4]) },
    'd/bias': { shape: [2], data: new Uint8Array([5, 6]) },
  });
  const [kernel, bias] = await model.getWeights();
  assert.equal(kernel.data, new Float32Array([-3, 4]));
  assert.equal(bias.data, new Float32Array([5, 6]));
});

test('what the file lacks stays, what is left over is told', async () => {
  const model = makeModel();
  const before = await model.getWeights();
  const tensors = tensorsOf(['a/head/kernel', 'a/tail/kernel'], [[4, 2], [1]]);
  const { loaded, missing, unused } = await loadWeightsByName(model, tensors);
  assert.equal(loaded, ['head/kernel']);
  assert.equal(
    missing,
    OURS.filter((name) => name !== 'head/kernel'),
  );
  assert.equal(unused, ['a/tail/kernel']);
  const after = await model.getWeights();
  assert.equal(after.filter(({ data }, at) => !data.every((v, i) => v === before[at].data[i])).length, 1);
});

test('another shape is an error that names layer, expected and given shape, and changes nothing', async () => {
  const model = makeModel();
  const before = await model.getWeights();
  const shapes = SHAPES.map((shape, at) => (at === 9 ? [2, 4] : shape));
  const tensors = tensorsOf(KERAS, shapes);
  await expectError(
    ShapeError,
    loadWeightsByName(model, tensors),
    /layer 'head' expects kernel of shape \[4, 2\], 'head\/kernel' has \[2, 4\].*skipMismatch/,
  );
  assert.equal(await model.getWeights(), before);
  const report = await loadWeightsByName(model, tensors, { skipMismatch: true });
  assert.equal(report.mismatched, ['head/kernel']);
  assert.equal(report.unused, []);
  const after = await model.getWeights();
  assert.equal(after[9].data, before[9].data);
  assert.equal(after[0].data, tensors.get('conv2d/kernel')?.data);
});

test('no common name, and a name that fits twice, are errors; the closer of two is taken', async () => {
  const model = makeModel();
  await expectError(
    DataError,
    loadWeightsByName(model, tensorsOf(['0.weight', '0.bias'], [[2], [2]])),
    /no tensor has the name.*'conv2d\/kernel'.*'0.weight', '0.bias'.*transpose them.*setWeights.*"Weights of PyTorch"/,
  );
  for (const name of ['encoder.layer.1.bias', 'bn1.running_mean', 'weight']) {
    await expectError(DataError, loadWeightsByName(model, tensorsOf([name], [[2]])), /"Weights of PyTorch"/);
  }
  for (const name of ['other/kernel', 'conv2d_9/bias', 'my.weights']) {
    await expectError(DataError, loadWeightsByName(model, tensorsOf([name], [[2]])), /Give the layers the names/);
  }
  await expectError(DataError, loadWeightsByName(model, new Map()), /the file nothing\. Write the file again/);
  const two = tensorsOf(['encoder/head/bias', 'decoder/head/bias'], [[2], [2]]);
  await expectError(DataError, loadWeightsByName(model, two), /'head\/bias' could be 'encoder\/head\/bias' or/);
  const closer = tensorsOf(['adam/m/head/bias', 'head/bias'], [[2], [2]]);
  assert.equal((await loadWeightsByName(model, closer)).unused, ['adam/m/head/bias']);
});

test('kernels of depthwise and separable convolutions go by their names in Keras 3 and 2', async () => {
  const model = new Sequential([new DepthwiseConv2D(2), new SeparableConv2D(3, 1), new Conv2DTranspose(2, 2)], {
    inputShape: [3, 3, 2],
  });
  const shapes = {
    'depthwise_conv2d/depthwise_kernel:0': [2, 2, 2, 1],
    'depthwise_conv2d/bias:0': [2],
    'separable_conv2d/depthwise_kernel': [1, 1, 2, 1],
    'separable_conv2d/pointwise_kernel': [1, 1, 2, 3],
    'separable_conv2d/bias': [3],
    'layers/conv2d_transpose/vars/0': [2, 2, 2, 3],
    'conv2d_transpose/bias': [2],
  };
  const tensors = Object.entries(shapes).map(
    ([name, shape], at) => [name, { shape, data: new Float32Array(sizeOf(shape)).fill(at + 1) }] as const,
  );
  const { missing, unused } = await loadWeightsByName(model, new Map(tensors));
  assert.equal([missing, unused], [[], []]);
  assert.equal(
    (await model.getWeights()).map(({ data }) => data[0]),
    [1, 2, 3, 4, 5, 6, 7],
  );
  model.dispose();
});

test.run();
