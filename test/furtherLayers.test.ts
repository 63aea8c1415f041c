/** What layers do beyond their outputs: statistics of data, functions, ids that do not exist, masks, random draws, kernels. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DataError, ShapeError, StateError } from '../src/base/errors.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import {
  Activation,
  type ActivationName,
  Cropping2D,
  Dense,
  Embedding,
  Flatten,
  GaussianNoise,
  GroupNormalization,
  Lambda,
  type Layer,
  LayerNormalization,
  LeakyReLU,
  type Loss,
  MultiHeadAttention,
  Normalization,
  Permute,
  PReLU,
  ReLU,
  RepeatVector,
  Sequential,
  SGD,
  Softmax,
  SpatialDropout2D,
  type Tensor,
  tensor,
  UpSampling2D,
  ZeroPadding2D,
} from '../src/index.ts';
import { resolveInitializer } from '../src/nn/initializers.ts';
import { onBlanks } from '../src/nn/layers/layer.ts';
import { gradients } from '../src/ops/gradients.ts';
import { sum } from '../src/ops/reduce.ts';
import { cpuTarget, gpuTarget } from '../src/ops/targets.ts';
import { Tensor as TensorClass } from '../src/tensor/index.ts';
import * as o from './reference.ts';
import { assertClose, assertSame, compare, draw, type Input, nodeOf, oracleOf } from './support.ts';

const test = suite('further layers');

const asTensor = ({ values, shape }: Input): Tensor => tensor(values, shape);
const idle = { randomKey: 0, update: () => {}, apply: onBlanks };

/** Asserts that a call is refused, or what it promises. */
async function refused(kind: new (...args: never[]) => Error, pattern: RegExp, work: () => unknown): Promise<void> {
  let error: unknown = null;
  try {
    await work();
  } catch (thrown) {
    error = thrown;
  }
  assert.ok(error instanceof kind, `expected ${kind.name}, got ${error}`);
  assert.match(error.message, pattern);
}

// Normalization

test('Normalization takes mean and variance from data, which are saved with the model', async () => {
  const x = draw([50, 3, 2], -1, 7);
  const layer = new Normalization({ name: 'scale' });
  await layer.adapt(asTensor(x));
  const model = new Sequential([layer, new Flatten(), new Dense(1)], { inputShape: [3, 2] });
  const [mean, variance] = await model.getWeights();
  assert.equal([mean.name, variance.name], ['scale/mean', 'scale/variance']);
  assertClose(mean.data, o.mean(oracleOf(x), [0, 1]).data, 'mean');
  assertClose(variance.data, o.variance(oracleOf(x), [0, 1]).data, 'variance');
  const y = await new Sequential([layer], { inputShape: [3, 2] }).predict(asTensor(x));
  assertClose(await y.mean([0, 1]).add(1).data(), [1, 1], 'mean of the outputs');
  assertClose(await y.std([0, 1]).data(), [1, 1], 'deviation of the outputs');
  const copy = await Sequential.fromSafetensors(await model.toSafetensors());
  const outputs = await Promise.all(
    [model, copy].map(async (one) => Array.from(await (await one.predict(asTensor(x))).data())),
  );
  assert.equal(outputs[0], outputs[1]);
  await refused(StateError, /'scale' \(Normalization\): adapt comes too late.*setWeights/, () =>
    layer.adapt(asTensor(x)),
  );
});

test('Normalization of bytes, by any axis; what does not vary is only moved', async () => {
  const pixels = tensor(Uint8Array.of(0, 10, 20, 7, 7, 7), [2, 3]);
  const layer = new Normalization({ axis: null });
  await layer.adapt(pixels);
  const [{ initializer: mean }] = layer.weights([3], 'one');
  assertClose(resolveInitializer(mean)([], 0), [8.5], 'one mean of all');
  const still = new Normalization();
  await still.adapt(tensor([[1], [1]]));
  const model = new Sequential([still], { inputShape: [1] });
  assertSame(await (await model.predict(tensor([[1]]))).data(), [0], 'a constant');
  const other = new Normalization({ name: 'n' });
  await other.adapt(tensor([[1, 2]]));
  await refused(ShapeError, /'n' \(Normalization\): it was adapted to .*\[2\], but inputs \[3\]/, () =>
    other.computeOutputShape([3]),
  );
  await refused(StateError, /mean and variance are given/, () =>
    new Normalization({ mean: 1, variance: 1 }).adapt([[1]]),
  );
});

// Lambda

test('Lambda is a function as a layer; files need it in customObjects', async () => {
  const compute = (x: Tensor, { training }: { training: boolean }): Tensor => (training ? x : x.mul(3)).square();
  const model = new Sequential([new Lambda(compute, { name: 'mine' }), new Dense(1)], { inputShape: [2] });
  assert.match(model.summary({ print: () => {} }), /mine \(Lambda\) +\[batch, 2\]/);
  assert.equal([...new Lambda((x) => x.sum(-1)).computeOutputShape([4, 3])], [4]);
  const file = await model.toSafetensors();
  await refused(DataError, /class 'Lambda'.*customObjects: \{ Lambda/s, () => Sequential.fromSafetensors(file));
  const copy = await Sequential.fromSafetensors(file, {
    customObjects: { Lambda: (_, options) => new Lambda(compute, options) },
  });
  const x = asTensor(draw([4, 2]));
  assertSame(await (await copy.predict(x)).data(), await (await model.predict(x)).data(), 'prediction');
  const direct = new Lambda(compute);
  assertSame(await direct.call(tensor([2]), { training: true, weights: [], ...idle }).data(), [4], 'in training');
  await refused(ShapeError, /'mine' \(Lambda\).*Keep the first axis/, () => {
    new Sequential([new Lambda((y) => y.sum(), { name: 'mine' })], { inputShape: [2] });
  });
  // As from JavaScript.
  await refused(ArgumentError, /Lambda: expected a function, got .*relu.*Write/, () =>
    Reflect.construct(Lambda, ['relu']),
  );
});

// Embedding

test('Embedding: ids that do not exist are told where the host has them, and are NaN elsewhere', async () => {
  const make = (): Sequential =>
    new Sequential([new Embedding(4, 2, { name: 'words' }), new Flatten(), new Dense(1)], { inputShape: [3] }).compile({
      optimizer: 'adam',
      loss: 'mse',
    });
  const ids = (wrong: number): Tensor =>
    tensor([
      [0, 1, 2],
      [3, wrong, 0],
    ]);
  const labels = tensor([[0], [1]]);
  for (const wrong of [4, -1, 0.5, Number.NaN]) {
    const model = make();
    const pattern = new RegExp(
      `inputs: expected whole numbers from 0 to 3 for the layer 'words', but 1 of 2.*example 1: ${wrong} at \\[1, 1\\]. .*inputDim`,
    );
    await refused(DataError, pattern, () => model.fit(ids(wrong), labels, { verbose: 0 }));
    await refused(DataError, pattern, () => model.predict(ids(wrong)));
    await refused(DataError, pattern, () => model.evaluate(ids(wrong), labels));
    model.dispose();
  }
  const model = make();
  await model.fit(tensor(Int32Array.of(0, 1, 2, 3, 0, 1), [2, 3]), labels, { verbose: 0 });
  model.dispose();
  const later = new Sequential([new Activation('linear'), new Embedding(4, 2)], { inputShape: [4] });
  const odd = await (await later.predict(tensor([[4, -1, Number.NaN, 3]]))).data();
  assert.equal(
    Array.from(odd, (value) => Number.isNaN(value)),
    [true, true, true, true, true, true, false, false],
  );
  await refused(ArgumentError, /inputDim may be at most 2\^24/, () => new Embedding(2 ** 24 + 1, 1));
});

test('Embedding learns: equal ids share a vector, others stay', async () => {
  const model = new Sequential([new Embedding(200, 40)], { inputShape: [150] });
  const [{ data: before }] = await model.getWeights();
  model.compile({
    optimizer: new SGD({ learningRate: 1 }),
    loss: { name: 'sum', perExample: (_, y) => y.sum([1, 2]) },
  });
  const ids = Float32Array.from({ length: 300 }, (_, i) => (i * 7) % 11);
  const logs = await model.trainOnBatch(tensor(ids, [2, 150]), tensor([0, 0]));
  assert.ok(Number.isFinite(logs.loss));
  const [{ data: after }] = await model.getWeights();
  const counts = new Array<number>(200).fill(0);
  for (const id of ids) counts[id] += 1 / 2;
  const expected = before.map((value, i) => value - counts[Math.floor(i / 40)]);
  assertClose(after, expected, 'vectors');
});

// Attention

/** Weights [query, key, value, output] of two heads without biases. */
const KERNELS = [
  [3, 2, 2],
  [5, 2, 2],
  [4, 2, 3],
  [2, 3, 7],
];

test('MultiHeadAttention of queries, values, keys and masks', async () => {
  const layer = new MultiHeadAttention(2, 2, { valueDim: 3, outputShape: 7, useBias: false });
  const inputs = [draw([2, 4, 3]), draw([2, 6, 4]), draw([2, 6, 5])];
  const shapes = inputs.map(({ shape }) => shape.slice(1));
  assert.equal(
    layer.weights(shapes[0], 'a', shapes).map(({ shape }) => [...shape]),
    KERNELS,
  );
  const kernels = KERNELS.map((shape) => draw(shape, -1, 1));
  const padding = [1, 1, 1, 1, 0, 0, 1, 0, 1, 1, 1, 1];
  const each = Array.from({ length: 48 }, (_, i) => ((i * 5) % 3 > 0 ? 1 : 0));
  const masks: (Input | null)[] = [
    null,
    { values: Float32Array.from(padding), shape: [2, 6] },
    { values: Float32Array.from(each), shape: [2, 4, 6] },
  ];
  for (const mask of masks) {
    const open = (b: number, i: number, j: number): boolean =>
      mask === null || mask.values[mask.shape.length === 2 ? b * 6 + j : (b * 4 + i) * 6 + j] !== 0;
    await compare({
      inputs: [...inputs, ...kernels],
      gpu(...nodes) {
        const tensors = nodes.map((node) => new TensorClass(node));
        const given = [...tensors.slice(0, 3), ...(mask === null ? [] : [asTensor(mask)])];
        return layer.call(given, { training: false, weights: tensors.slice(3), ...idle }).node;
      },
      oracle(query, value, key, forQuery, forKey, forValue, forOutput) {
        const heads = (x: o.Array64, kernel: o.Array64): o.Array64 => {
          const [features, count, size] = kernel.shape;
          const wide = o.dense(x, o.reshape(kernel, [features, count * size]));
          return o.transpose(o.reshape(wide, [...x.shape.slice(0, 2), count, size]), [0, 2, 1, 3]);
        };
        const keys = o.transpose(heads(key, forKey), [0, 1, 3, 2]);
        const scores = o.mul(o.matmul(heads(query, forQuery), keys), o.scalar64(1 / Math.sqrt(2)));
        const hidden = o.array64(
          scores.data.map((score, at) => {
            const [b, i, j] = [Math.floor(at / 48), Math.floor(at / 6) % 4, at % 6];
            return open(b, i, j) ? score : -1e9;
          }),
          scores.shape,
        );
        const mixed = o.matmul(o.softmax(hidden), heads(value, forValue));
        return o.dense(o.reshape(o.transpose(mixed, [0, 2, 1, 3]), [2, 4, 6]), o.reshape(forOutput, [6, 7]));
      },
    });
  }
});

test('what is masked is not seen, be it NaN; where all is, the mean of the values stands', async () => {
  const layer = new MultiHeadAttention(1, 2, { useCausalMask: true });
  const model = new Sequential([layer], { inputShape: [4, 3] });
  const x = draw([1, 4, 3]);
  const spoilt = Float32Array.from(x.values, (value, i) => (i >= 9 ? 1000 - value : value));
  const [first, second] = await Promise.all(
    [x.values, spoilt].map(async (values) => (await model.predict(tensor(values, [1, 4, 3]))).data()),
  );
  assertSame(first.slice(0, 9), second.slice(0, 9), 'places before the change');
  assert.not.equal([...first.slice(9)], [...second.slice(9)]);
  const values = draw([1, 3, 2]);
  const unit = tensor([1, 0, 0, 1]);
  const plain = new MultiHeadAttention(1, 2, { useBias: false });
  const weights = [unit, unit, unit].map((one) => one.reshape([2, 1, 2])).concat(unit.reshape([1, 2, 2]));
  const closed = plain.call([asTensor(values), asTensor(values), asTensor(values), tensor([[0, 0, 0]])], {
    training: false,
    weights,
    ...idle,
  });
  const mean = o.mean(oracleOf(values), 1).data;
  assertClose(await closed.data(), [...mean, ...mean, ...mean], 'nothing to attend to');
  model.dispose();
});

test('a transformer block in a model of its own layers learns to tell which of two ids came first', async () => {
  const [count, length] = [128, 6];
  const sequences = Array.from({ length: count }, (_, i) => {
    const row = new Array<number>(length).fill(0);
    [row[i % 3], row[3 + ((i >> 1) % 3)]] = i % 2 === 0 ? [1, 2] : [2, 1];
    return row;
  });
  const labels = Int32Array.from({ length: count }, (_, i) => i % 2);
  const model = new Sequential(
    [
      new Embedding(3, 8),
      new LayerNormalization(),
      new MultiHeadAttention(2, 4, { useCausalMask: true, dropout: 0.05 }),
      new LayerNormalization(),
      new Flatten(),
      new Dense(2, { activation: 'softmax' }),
    ],
    { inputShape: [length], seed: 3 },
  ).compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy' });
  const { history } = await model.fit(tensor(sequences), labels, { epochs: 12, batchSize: 16, verbose: 0 });
  assert.ok(history.loss[11] < 0.5 * history.loss[0], `${history.loss}`);
  model.dispose();
});

// Draws

const passed: Loss = { name: 'passed', perExample: (_, y) => y.square().mean([1, 2, 3]) };

test('SpatialDropout2D drops whole channels, others in every step, and scales the rest', async () => {
  const layer = new SpatialDropout2D(0.5);
  const call = (key: number): Promise<ArrayLike<number>> =>
    layer
      .call(tensor(new Float32Array(4 * 6 * 20).fill(1), [4, 2, 3, 20]), {
        training: true,
        weights: [],
        ...idle,
        randomKey: key,
      })
      .data();
  const [first, second] = [await call(1), await call(2)];
  assert.not.equal(Array.from(first), Array.from(second));
  let dropped = 0;
  for (let b = 0; b < 4; b++) {
    for (let c = 0; c < 20; c++) {
      const pixels = Array.from({ length: 6 }, (_, i) => first[(b * 6 + i) * 20 + c]);
      assert.is(new Set(pixels).size, 1, 'one mask a channel');
      assert.ok(pixels[0] === 0 || pixels[0] === 2);
      if (pixels[0] === 0) dropped++;
    }
  }
  assert.ok(dropped > 20 && dropped < 60, `${dropped} of 80 were dropped`);
});

test('GaussianNoise has its deviation in training and none in evaluation', async () => {
  const model = new Sequential([new GaussianNoise(0.5)], { inputShape: [4, 4, 8] }).compile({
    optimizer: new SGD(),
    loss: passed,
  });
  const x = tensor(new Float32Array(16 * 128), [16, 4, 4, 8]);
  const labels = tensor(new Float32Array(16));
  const losses: number[] = [];
  for (let step = 0; step < 3; step++) losses.push((await model.trainOnBatch(x, labels)).loss);
  for (const loss of losses) assert.ok(Math.abs(loss - 0.25) < 0.05, `${loss}`);
  assert.is(new Set(losses).size, 3, 'other noise in every step');
  assert.is((await model.evaluate(x, labels)).loss, 0);
  model.dispose();
});

// Values

const WIDE = [-50, -7, -3.5, -3, -1, -0.25, 0, 0.25, 2.5, 3, 5.9, 6.1, 7, 50];
const FORMULAS: Partial<Record<ActivationName, (x: number) => number>> = {
  relu6: (x) => Math.min(Math.max(x, 0), 6),
  hardSigmoid: (x) => Math.min(Math.max(x / 6 + 0.5, 0), 1),
  hardSilu: (x) => x * Math.min(Math.max(x / 6 + 0.5, 0), 1),
  softsign: (x) => x / (1 + Math.abs(x)),
  mish: (x) => x * Math.tanh(x < -30 ? Math.exp(x) : Math.log1p(Math.exp(x))),
  swish: (x) => x / (1 + Math.exp(-x)),
};

test('activations over a wide range; NaN stays NaN', async () => {
  for (const [name, formula] of Object.entries(FORMULAS)) {
    const layer = new Activation(name as ActivationName);
    const y = await layer.call(tensor([...WIDE, Number.NaN])).data();
    assertClose(y.slice(0, -1), WIDE.map(formula), name);
    assert.ok(Number.isNaN(y[WIDE.length]), name);
  }
});

test('rectifiers pass NaN on, and take infinities', async () => {
  const x = tensor([Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]);
  const context = { training: false, weights: [tensor([0.5])], ...idle };
  const cases: [Layer, number[]][] = [
    [new ReLU(), [Number.NaN, 0, Number.POSITIVE_INFINITY]],
    [new ReLU({ maxValue: 6 }), [Number.NaN, 0, 6]],
    [new ReLU({ threshold: 1 }), [Number.NaN, 0, Number.POSITIVE_INFINITY]],
    [new LeakyReLU(), [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]],
    [new PReLU(), [Number.NaN, Number.NEGATIVE_INFINITY, Number.POSITIVE_INFINITY]],
  ];
  for (const [layer, expected] of cases) {
    assert.equal([...(await layer.call(x, context).data())], expected, JSON.stringify(layer.config()));
  }
});

test('settings outside their range are errors that name the layer', async () => {
  const wrong: [RegExp, () => unknown][] = [
    [/LayerNormalization: epsilon must be .*at least 0, got -1/, () => new LayerNormalization({ epsilon: -1 })],
    [/LayerNormalization: axis must be a whole number.*got 0.5/, () => new LayerNormalization({ axis: 0.5 })],
    [/GroupNormalization: groups must be .*got 0/, () => new GroupNormalization({ groups: 0 })],
    [/Normalization: mean and variance go together/, () => new Normalization({ mean: 1 })],
    [/Normalization: variance must be .*at least 0/, () => new Normalization({ mean: 1, variance: [-1] })],
    [/Embedding: inputDim must be/, () => new Embedding(0, 1)],
    [
      /Embedding: there is no option 'maskZeros'.*'maskZero'/,
      () => Reflect.construct(Embedding, [3, 1, { maskZeros: true }]),
    ],
    [/Embedding: maskZero must be/, () => Reflect.construct(Embedding, [3, 1, { maskZero: 'no' }])],
    [
      /UpSampling2D: there is no interpolation 'bicubic'/,
      () => Reflect.construct(UpSampling2D, [2, { interpolation: 'bicubic' }]),
    ],
    [/UpSampling2D size/, () => new UpSampling2D(0)],
    [/ZeroPadding2D: padding must be/, () => new ZeroPadding2D(-1)],
    [/Cropping2D: cropping must be/, () => Reflect.construct(Cropping2D, [[1, 2, 3]])],
    [/Permute: dims must be/, () => new Permute([1, 3])],
    [/Permute: dims must be/, () => new Permute([0, 1])],
    [/RepeatVector: n must be/, () => new RepeatVector(0)],
    [/SpatialDropout2D: rate must be/, () => new SpatialDropout2D(1.5)],
    [/GaussianNoise: stddev must be/, () => new GaussianNoise(-1)],
    [/ReLU: maxValue must be/, () => new ReLU({ maxValue: -1 })],
    [/LeakyReLU: negativeSlope must be/, () => new LeakyReLU({ negativeSlope: Number.NaN })],
    [
      /PReLU: there is no alphaInitializer 'zero'.*'zeros'/,
      () => Reflect.construct(PReLU, [{ alphaInitializer: 'zero' }]),
    ],
    [/PReLU: sharedAxes must be/, () => new PReLU({ sharedAxes: [0.5] })],
    [/Softmax: axis must be/, () => new Softmax({ axis: 0.5 })],
    [/MultiHeadAttention: numHeads must be/, () => new MultiHeadAttention(0, 1)],
    [/MultiHeadAttention: dropout must be/, () => new MultiHeadAttention(1, 1, { dropout: 2 })],
  ];
  for (const [pattern, make] of wrong) await refused(ArgumentError, pattern, make);
  await refused(ShapeError, /'a' \(Softmax\): axis 0.*the batch/, () =>
    new Softmax({ axis: 0, name: 'a' }).computeOutputShape([3]),
  );
});

// Kernels

test('layer normalisation is one kernel forward, and one for the gradient of its inputs', () => {
  const x = nodeOf(draw([32, 100]));
  const layer = new LayerNormalization();
  const weights = layer.weights([100], 'one').map(({ shape }) => new TensorClass(nodeOf(draw(shape))));
  const y = layer.call(new TensorClass(x), { training: true, weights, ...idle }).node;
  for (const target of [cpuTarget(), gpuTarget()]) {
    const kernels = (roots: Parameters<typeof schedule>[0]): string[] =>
      schedule(roots, target, passesFor).kernels.flatMap(({ parts }) =>
        parts.map(({ group }) => group.anchor?.op.name ?? 'elementwise'),
      );
    assert.equal(kernels([y]), ['standardize']);
    const [slope] = gradients(sum(y), [x]);
    assert.equal(kernels([slope]).at(-1), 'standardizeGradient');
  }
});

test.run();
