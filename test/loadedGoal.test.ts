/** A model that was loaded evaluates and trains as the one that was saved: with its loss, metrics and optimizer. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  accuracy,
  binaryCrossentropy,
  type CompileOptions,
  categoricalCrossentropy,
  DataError,
  Dense,
  decodeSafetensors,
  encodeSafetensors,
  meanSquaredError,
  normal,
  oneHot,
  Sequential,
  SGD,
  StateError,
  sparseCategoricalCrossentropy,
  tensor,
} from '../src/index.ts';
import { rejects } from './interruption.ts';

const test = suite('loaded goal');

const x = normal([23, 4], { seed: 1 });
const ids = tensor(Int32Array.from({ length: 23 }, (_, i) => i % 3));
const rows = oneHot(ids, 3);
const numbers = normal([23, 3], { seed: 2 });

const make = (options: CompileOptions): Sequential =>
  new Sequential([new Dense(3, { inputShape: [4], activation: 'softmax' })], { seed: 5 }).compile(options);
const copyOf = async (model: Sequential): Promise<Sequential> =>
  Sequential.fromSafetensors(await model.toSafetensors());

const GOALS: [string, CompileOptions, typeof x][] = [
  ['names', { loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] }, ids],
  [
    'options',
    { loss: categoricalCrossentropy({ labelSmoothing: 0.2, clip: 0.1 }), metrics: ['meanSquaredError'] },
    rows,
  ],
  [
    'ids',
    { loss: sparseCategoricalCrossentropy({ labelSmoothing: 0.3 }), metrics: [accuracy(meanSquaredError())] },
    ids,
  ],
  ['bits', { loss: binaryCrossentropy({ labelSmoothing: 0.1 }), metrics: ['accuracy', 'mse'] }, rows],
  ['a logit', { loss: binaryCrossentropy({ fromLogits: true }) }, rows],
  [
    'numbers',
    { optimizer: new SGD({ learningRate: 0.03, momentum: 0.9 }), loss: 'mse', metrics: ['meanAbsoluteError'] },
    numbers,
  ],
  ['mae', { loss: 'mae' }, numbers],
];

for (const [name, goal, y] of GOALS) {
  test(`${name}: evaluate and fit come to what they came to before it was saved`, async () => {
    const model = make(goal);
    await model.fit(x, y, { batchSize: 5, verbose: 0 });
    const copy = await copyOf(model);
    assert.equal(await copy.evaluate(x, y), await model.evaluate(x, y));
    const again = await copyOf(copy);
    assert.is(copy.optimizer.name, model.optimizer.name);
    // The same moments, rate and steps.
    const options = { batchSize: 5, epochs: 2, shuffle: false, verbose: 0 } as const;
    const [{ history }, ...others] = [
      await model.fit(x, y, options),
      await copy.fit(x, y, options),
      await again.fit(x, y, options),
    ];
    for (const other of others) assert.equal(other.history, history);
  });
}

test('compile goes before what the file says, and takes the optimizer of the file where it names none', async () => {
  const model = make({ optimizer: new Adam({ learningRate: 0.02 }), loss: 'sparseCategoricalCrossentropy' });
  await model.fit(x, ids, { verbose: 0 });
  const copy = (await copyOf(model)).compile({ loss: 'mse', metrics: ['mae'] });
  assert.equal(Object.keys(await copy.evaluate(x, numbers)), ['loss', 'mae']);
  assert.is(copy.optimizer.learningRate, 0.02);
});

test('what was never compiled must be, and so must a file of before', async () => {
  const never = new Sequential([new Dense(3, { inputShape: [4] })]);
  await rejects(async () => (await copyOf(never)).evaluate(x, ids), StateError, 'the model has no loss yet');
  const { tensors, metadata } = decodeSafetensors(await make({ loss: 'mse' }).toSafetensors());
  const { goal: _, ...older } = metadata;
  const old = encodeSafetensors(
    [...tensors].map(([name, { shape, data }]) => ({ name, shape, data })),
    older,
  );
  const loaded = await Sequential.fromSafetensors(old);
  await rejects(() => loaded.evaluate(x, numbers), StateError, 'the model has no loss yet');
  await loaded.compile({ loss: 'mse' }).evaluate(x, numbers);
});

test('what a user wrote is named, and predict needs none of it', async () => {
  const { perExample } = meanSquaredError();
  for (const [goal, ...words] of [
    [{ loss: { name: 'focal', perExample } }, "the loss 'focal' of your own, which a file cannot keep"],
    // Under the name of a loss of the library it is nevertheless the user's.
    [{ loss: { name: 'meanAbsoluteError', perExample } }, "the loss 'meanAbsoluteError' of your own"],
    [{ loss: { ...meanSquaredError(), name: 'renamed' } }, "the loss 'renamed' of your own"],
    [{ loss: 'mse', metrics: ['mae', { name: 'f1', perExample }] }, "the metric 'f1' of your own"],
    [{ loss: 'mse', metrics: [{ name: 'accuracy', perExample }] }, "the metric 'accuracy' of your own"],
    [
      { loss: { name: 'a', perExample }, metrics: [{ name: 'b', perExample }] },
      "the loss 'a' of your own and the metric 'b' of your own",
    ],
  ] as const) {
    const copy = await copyOf(make({ ...goal, metrics: 'metrics' in goal ? [...goal.metrics] : [] }));
    for (const use of [() => copy.evaluate(x, numbers), () => copy.fit(x, numbers, { verbose: 0 })]) {
      await rejects(use, StateError, ...words, 'Call compile');
    }
    assert.equal((await copy.predict(x)).shape, [23, 3]);
    await copy.compile({ loss: 'mse' }).evaluate(x, numbers);
  }
});

test('an optimizer of your own is named', async () => {
  const { tensors, metadata } = decodeSafetensors(await make({ loss: 'mse' }).toSafetensors());
  const optimizer = JSON.stringify({ name: 'lion', config: { learningRate: 0.1 }, frozen: [] });
  const bytes = encodeSafetensors(
    [...tensors].map(([name, { shape, data }]) => ({ name, shape, data })),
    { ...metadata, optimizer },
  );
  const loaded = await Sequential.fromSafetensors(bytes);
  await rejects(() => loaded.evaluate(x, numbers), StateError, "the optimizer 'lion', which a file cannot keep");
});

test('a damaged goal is a DataError', async () => {
  const { tensors, metadata } = decodeSafetensors(await make({ loss: 'mse', metrics: ['mae'] }).toSafetensors());
  for (const goal of [
    '{',
    '[]',
    '{"loss":null}',
    '{"loss":{"name":"binaryCrossentropy","config":{"fromLogits":1,"labelSmoothing":0}},"metrics":[]}',
    '{"loss":{"name":"binaryCrossentropy","config":{"fromLogits":true,"labelSmoothing":7}},"metrics":[]}',
    '{"loss":{"name":"meanSquaredError","config":{}},"metrics":[{"name":"toString","own":false}]}',
    '{"loss":{"name":"meanSquaredError","config":{}},"metrics":7}',
  ]) {
    const bytes = encodeSafetensors(
      [...tensors].map(([name, { shape, data }]) => ({ name, shape, data })),
      { ...metadata, goal },
    );
    await rejects(() => Sequential.fromSafetensors(bytes), DataError, '. ');
  }
});

test.run();
