/** Models as layers of a `Sequential`: names, weights, freezing, files, resuming, ONNX, pictures, what is not finite, errors. */

import * as ort from 'onnxruntime-web';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Add,
  ArgumentError,
  BatchNormalization,
  Callback,
  Conv2D,
  Dense,
  Dropout,
  input,
  type MetricsReport,
  Model,
  normal,
  Sequential,
  ShapeError,
  StateError,
  type TensorModel,
} from '../src/index.ts';
import { exportOnnx } from '../src/interchange/onnx.ts';
import { loadWeightsByName } from '../src/interchange/weightsByName.ts';
import { plotModel } from '../src/pictures/index.ts';
import { savedMidway } from './interruption.ts';
import { assertClose } from './support.ts';

const test = suite('nested sequential');

const N = 8;
const x = normal([N, 3], { seed: 1 });
const y = normal([N, 2], { seed: 2 });

/** A row with statistics of its own, dropout included. */
const baseRow = () =>
  new Sequential([new Dense(4, { inputShape: [3], activation: 'relu' }), new BatchNormalization(), new Dropout(0.2)], {
    name: 'base',
    seed: 5,
  });

/** A branch and what goes past it. */
function branch(): Model<ReturnType<typeof input>, ReturnType<typeof input>> {
  const from = input([4]);
  return new Model({
    inputs: from,
    outputs: new Add().apply([from, new Dense(4).apply(from)]),
    name: 'branch',
    seed: 6,
  });
}

const made = (base: TensorModel = baseRow()) =>
  new Sequential([base, branch(), new Sequential([new Dense(2)], { name: 'head' })], { seed: 7 });

const names = [
  'base/dense/kernel',
  'base/dense/bias',
  ...['gamma', 'beta', 'movingMean', 'movingVariance'].map((name) => `base/batch_normalization/${name}`),
  'branch/dense/kernel',
  'branch/dense/bias',
  'head/dense/kernel',
  'head/dense/bias',
];

const namesOf = async (model: Sequential): Promise<string[]> => (await model.getWeights()).map(({ name }) => name);

test('it is built with its first model, weights go by path and are those of the models', async () => {
  const base = baseRow();
  const model = made(base);
  assert.equal([model.built, [...model.inputShape], [...model.outputShape]], [true, [3], [2]]);
  assert.equal(await namesOf(model), names);
  const [own, taken] = [await base.getWeights(), await model.getWeights()];
  for (const [at, { data }] of own.entries()) assert.equal(taken[at].data, data);
  const text = model.summary({ print: () => {} });
  for (const line of [
    /base\/dense \(Dense\) +\[batch, 4\] +16/,
    /base \(Sequential\) +\[batch, 4\]/,
    /branch \(Model\)/,
  ])
    assert.match(text, line);
  assert.equal(
    model.layers.map(({ className }) => className),
    ['Sequential', 'Model', 'Sequential'],
  );
});

test('one that is not built takes its shape from the data', async () => {
  const model = new Sequential([new Sequential([new Dense(4)]), new Sequential().add(new Sequential([new Dense(1)]))]);
  assert.not.ok(model.built);
  assert.equal([...(await model.predict(x)).shape], [N, 1]);
  const wanted = ['sequential/dense', 'sequential_1/sequential/dense'];
  assert.equal(
    await namesOf(model),
    wanted.flatMap((name) => [`${name}/kernel`, `${name}/bias`]),
  );
});

test('it trains and goes on where it stood, bit for bit; a frozen model stays, in a file too', async () => {
  const compiled = (base = baseRow()) => made(base).compile({ optimizer: 'adam', loss: 'mse' });
  const options = { batchSize: 4, verbose: 0, epochs: 3 } as const;
  const whole = compiled();
  const wanted = await whole.fit(x, y, options);
  const first = compiled();
  const saved = await savedMidway(first, (...callbacks) => first.fit(x, y, { ...options, callbacks }));
  const second = compiled();
  await second.resume(saved);
  assert.equal((await second.fit(x, y, options)).history, wanted.history);
  assert.equal(await second.getWeights(), await whole.getWeights());

  const [held] = whole.layers;
  held.trainable = false;
  const before = await whole.getWeights();
  await whole.fit(x, y, options);
  const after = await whole.getWeights();
  for (const [at, { name, data }] of after.entries())
    assert.is(String(data) === String(before[at].data), name.startsWith('base/'), name);
  const copy = await Sequential.fromSafetensors(await whole.toSafetensors());
  assertClose(await (await copy.predict(x)).data(), await (await whole.predict(x)).data(), 'of the file');
  assert.equal(
    copy.layers.map(({ className, trainable }) => [className, trainable]),
    [
      ['Sequential', false],
      ['Model', true],
      ['Sequential', true],
    ],
  );
  assert.match(copy.summary({ print: () => {} }), /Trainable parameters: 30 /);

  const session = await ort.InferenceSession.create(await exportOnnx(whole));
  const { output } = await session.run({ input: new ort.Tensor('float32', await x.data(), [N, 3]) });
  assertClose(
    Array.from(await output.getData(), Number),
    await (await whole.predict(x)).data(),
    'under another runtime',
  );
  await session.release();
  // Free again: all layers of the model are, wherever they were frozen.
  held.trainable = true;
  assert.match(whole.summary({ print: () => {} }), /Trainable parameters: 54 /);
});

test('freezing the model itself freezes it here', () => {
  const base = baseRow();
  const model = made(base);
  base.trainable = false;
  assert.is(model.layers[0].trainable, false);
  model.layers[0].trainable = true;
  assert.is(base.trainable, true);
});

test('a step that is not finite names the layer by its path', async () => {
  const model = made().compile({ optimizer: 'sgd', loss: 'mse' });
  await model.setWeights(
    (await model.getWeights()).map((weight) =>
      weight.name === 'branch/dense/kernel' ? { ...weight, data: weight.data.fill(Number.POSITIVE_INFINITY) } : weight,
    ),
  );
  let found: MetricsReport['nonFinite'] = null;
  class Watch extends Callback {
    override onMetrics({ nonFinite }: MetricsReport): void {
      found ??= nonFinite;
    }
  }
  await model.fit(x, y, { epochs: 1, verbose: 0, callbacks: [new Watch()] });
  const { tensor, layer } = found ?? { tensor: null, layer: null };
  assert.equal([tensor, layer], ['branch/dense/kernel', 'branch/dense']);
});

test('weights by name and pictures know the paths', async () => {
  const model = made();
  const tensors = Object.fromEntries(
    (await model.getWeights()).map(({ name, shape, data }, at) => [`${name}:0`, { shape, data: data.map(() => at) }]),
  );
  const { missing, unused } = await loadWeightsByName(model, tensors);
  assert.equal([missing, unused], [[], []]);
  for (const [at, { data }] of (await model.getWeights()).entries()) assert.ok(data.every((value) => value === at));
  const { svg } = await plotModel(model, { expandNested: true });
  for (const word of ['base', 'branch', 'head', 'batch_normalization']) assert.ok(svg.includes(word), word);
});

test('what cannot stand in a row is an error that says so', () => {
  const [a, b] = [input([3]), input([3])];
  const sum = new Add().apply([a, b]);
  // From JavaScript: types refuse them.
  const row = (...parts: unknown[]) => new Sequential(parts as Dense[]);
  const told = (kind: typeof ArgumentError, text: RegExp) => (error: unknown) =>
    error instanceof kind && text.test(error.message);
  assert.throws(
    () => row(new Dense(3), new Model({ inputs: [a, b], outputs: sum })),
    told(ArgumentError, /one input and one output, but the Model at position 1 has 2 inputs/),
  );
  assert.throws(
    () => row(new Model({ inputs: a, outputs: { one: new Dense(1).apply(a), two: new Dense(2).apply(a) } })),
    told(ArgumentError, /the Model at position 0 has a record of outputs/),
  );
  assert.throws(
    () => row(new Dense(1), 'base'),
    told(ArgumentError, /expected a layer at position 1, got the string 'base'/),
  );
  const base = baseRow();
  assert.throws(() => new Sequential([base, base]), told(ArgumentError, /position 1 is the one at position 0 again/));
  assert.throws(
    () => new Sequential([new Dense(5, { inputShape: [3] }), base]),
    (error: unknown) => error instanceof ShapeError && /'base' \(Sequential\) expects inputs \[3\]/.test(error.message),
  );
  const round = new Sequential([new Dense(3)], { name: 'round' });
  round.add(new Sequential([round]));
  assert.throws(() => round.build([3]), /'sequential' \(Sequential\) holds itself/);
});

test('a built model takes further layers and keeps its weights, drawn or set; one in use says what to do', async () => {
  const model = new Sequential([new Dense(4, { inputShape: [3] }), new BatchNormalization()], { seed: 3 });
  const [kernel, ...others] = await model.getWeights();
  await model.setWeights([{ ...kernel, data: kernel.data.map((value) => value + 1) }, ...others]);
  const before = await model.getWeights();
  model.add(new Dense(2)).add(new Sequential([new Dense(1)], { name: 'head' }));
  assert.equal(model.outputShape, [1]);
  const after = await model.getWeights();
  assert.equal(after.slice(0, before.length), before);
  assert.equal(
    after.slice(before.length).map(({ name }) => name),
    ['dense_1/kernel', 'dense_1/bias', 'head/dense/kernel', 'head/dense/bias'],
  );
  // Weights of a model that is its first layer stay as well.
  const base = baseRow();
  const longer = new Sequential([base]).add(new Dense(2));
  assert.equal(
    (await longer.getWeights()).slice(0, 2).map(({ data }) => data),
    (await base.getWeights()).slice(0, 2).map(({ data }) => data),
  );
  const layers = longer.layers.length;
  assert.throws(
    () => longer.add(new Conv2D(2, 3)),
    (error: unknown) => error instanceof ShapeError,
  );
  assert.is(longer.layers.length, layers, 'what does not fit is not added');
  await longer.predict(x);
  assert.throws(
    () => longer.add(new Dense(1)),
    (error: unknown) => error instanceof StateError && error.message.endsWith('new Sequential([model, layer]).'),
  );
  assert.equal(longer.outputShape, [2]);
});

test.run();
