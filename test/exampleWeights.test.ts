/** Which examples count, and how much: class weights of every kind of label, unweighted metrics, splits by decimal shares. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  Callback,
  DataError,
  Dense,
  type FitOptions,
  type LossName,
  Sequential,
  SGD,
  Tensor,
  type TensorLike,
  tensor,
} from '../src/index.ts';
import { rejects } from './interruption.ts';

const test = suite('exampleWeights');

/** A model that never learns: each example has the same loss whatever its label is. */
function still(units: number, loss: LossName): Sequential {
  const activation = units === 1 ? (loss === 'mse' ? 'linear' : 'sigmoid') : 'softmax';
  const layers = [new Dense(units, { activation, kernelInitializer: 'zeros', inputShape: [1] })];
  return new Sequential(layers).compile({ optimizer: new SGD({ learningRate: 0 }), loss });
}

/** Weight of each example, read off the losses of batches of one. */
async function weightsOf(
  units: number,
  loss: LossName,
  labels: TensorLike,
  classWeight: Record<number, number>,
  options: FitOptions = {},
): Promise<number[]> {
  const seen: number[] = [];
  class Losses extends Callback {
    override get everyMetrics(): boolean {
      return true;
    }
    override onMetrics({ window }: { window: Record<string, number> }): void {
      seen.push(window.loss);
    }
  }
  const count = (labels instanceof Tensor ? labels : tensor(labels)).shape[0];
  const x = tensor(new Float32Array(count).fill(1), [count, 1]);
  const one = { batchSize: 1, shuffle: false, verbose: 0, ...options } as const;
  const weighted = still(units, loss);
  await weighted.fit(x, labels, { ...one, classWeight, callbacks: [new Losses()] });
  const losses = seen.splice(0);
  const plain = still(units, loss);
  await plain.fit(x, labels, { ...one, sampleWeight: undefined, callbacks: [new Losses()] });
  weighted.dispose();
  plain.dispose();
  return losses.map((value, at) => Number((value / seen[at]).toFixed(4)));
}

test('a label is rounded to its class, a half to the even one', async () => {
  const soft = [1, 0, 0.9, 0.1, 0.5, 0.51, 0.49, 0.95];
  const expected = [5, 2, 5, 2, 2, 5, 2, 5];
  assert.equal(await weightsOf(1, 'binaryCrossentropy', soft, { 0: 2, 1: 5 }), expected);
  assert.equal(
    await weightsOf(
      1,
      'binaryCrossentropy',
      soft.map((value) => [value]),
      { 0: 2, 1: 5 },
    ),
    expected,
  );
  // Without a weight for one of them.
  assert.equal(
    await weightsOf(1, 'binaryCrossentropy', soft, { 1: 5 }),
    expected.map((value) => (value === 5 ? 5 : 1)),
  );
  // Numbers that are measured: 0.5, 1.5 and 2.5 go to 0, 2 and 2; below 0 and above the last there is no weight.
  const measured = [-2, -0.4, 0.5, 1.5, 2.5, 2.6, 7];
  assert.equal(await weightsOf(1, 'mse', measured, { 0: 2, 2: 3, 3: 4 }), [1, 2, 2, 3, 3, 4, 1]);
});

test('of a row, one-hot, smoothed or soft, the largest value counts, the first of equal ones', async () => {
  const rows = [
    [0, 0, 1],
    [0.05, 0.9, 0.05],
    [0.4, 0.25, 0.35],
    [0.2, 0.4, 0.4],
    [1 / 3, 1 / 3, 1 / 3],
  ];
  assert.equal(await weightsOf(3, 'categoricalCrossentropy', rows, { 0: 2, 1: 3, 2: 5 }), [5, 3, 2, 3, 2]);
  const ids = [2, 1, 0, 1];
  const column = tensor(Int32Array.from(ids), [4, 1]);
  for (const labels of [Int32Array.from(ids), Uint8Array.from(ids), ids, column]) {
    assert.equal(await weightsOf(3, 'sparseCategoricalCrossentropy', labels, { 0: 2, 1: 3, 2: 5 }), [5, 3, 2, 3]);
  }
});

test('class weights and sample weights multiply', async () => {
  const sampleWeight = [1, 2, 0.5, 4];
  const weights = await weightsOf(1, 'binaryCrossentropy', [0.9, 0.8, 0.2, 0], { 0: 3, 1: 5 }, { sampleWeight });
  assert.equal(weights, [5, 10, 1.5, 12]);
});

test('evaluate weighs the loss alone', async () => {
  const layers = [new Dense(1, { inputShape: [1], useBias: false, kernelInitializer: 'ones' })];
  const model = new Sequential(layers).compile({ loss: 'mse', metrics: ['mae'] });
  const logs = await model.evaluate(tensor([[1], [2], [3], [4], [5]]), new Float32Array(5), {
    sampleWeight: [1, 0, 0, 0, 0.5],
    batchSize: 2,
  });
  assert.ok(Math.abs(logs.loss - (1 + 12.5) / 5) < 1e-6);
  assert.is(logs.mae, 3);
  model.dispose();
});

test('a decimal share leaves as many examples as it says', async () => {
  const trained = async (count: number, validationSplit: number): Promise<number> => {
    let samples = -1;
    class Samples extends Callback {
      override onTrainBegin(): void {
        samples = this.params.samples;
      }
    }
    const model = still(1, 'mse');
    const x = tensor(new Float32Array(count), [count, 1]);
    await model.fit(x, new Float32Array(count), { validationSplit, verbose: 0, epochs: 0, callbacks: [new Samples()] });
    model.dispose();
    return samples;
  };
  for (const count of [10, 100, 1000]) {
    // In whole percents, so that the right number is known without any rounding.
    for (const percent of count === 10
      ? [10, 20, 30, 40, 50, 60, 70, 80, 90]
      : [1, 7, 29, 55, 57, 58, 83, 90, 93, 99]) {
      const expected = (count * (100 - percent)) / 100;
      assert.is(await trained(count, percent / 100), expected, `${percent} % of ${count}`);
    }
  }
  // Shares of no whole number: what is kept is rounded up, as in Keras.
  assert.is(await trained(7, 0.25), 5);
  assert.is(await trained(3, 2 / 3), 1);
  assert.is(await trained(11, 1e-9), 10);
  assert.is(await trained(60_000, 1 / 6), 50_000);
});

test('a class for every step: an example is the mean over its steps, has no class weight, and each row is checked', async () => {
  const make = (loss: LossName) =>
    new Sequential([new Dense(3, { activation: 'softmax', inputShape: [2, 3] })], { seed: 1 }).compile({
      ...{ optimizer: new SGD({ learningRate: 2 }), loss, metrics: ['accuracy'] },
    });
  const ids = Int32Array.of(0, 2, 1, 1, 2, 0, 1, 2);
  const x = tensor(ids).oneHot(3).reshape([4, 2, 3]);
  const y = tensor(ids, [4, 2]);
  const [sparse, rows] = [make('sparseCategoricalCrossentropy'), make('categoricalCrossentropy')];
  const options = { epochs: 20, batchSize: 3, microBatchSize: 2, verbose: 0, sampleWeight: [1, 2, 0, 0.5] } as const;
  const { history } = await sparse.fit(x, y, options);
  assert.ok(history.loss[19] < 0.2 * history.loss[0], `${history.loss}`);
  assert.is(history.accuracy[19], 1);
  const same = await rows.fit(x, x, options);
  history.loss.forEach((loss, at) => {
    assert.ok(Math.abs(loss - same.history.loss[at]) < 1e-5);
  });
  // Of the values that an example has, the losses are those of its steps.
  const p = await (await sparse.predict(x)).data();
  const each = Array.from(ids, (id, at) => -Math.log(p[3 * at + id]));
  const expected =
    [1, 2, 0, 0.5].reduce((sum, weight, at) => sum + (weight * (each[2 * at] + each[2 * at + 1])) / 2, 0) / 4;
  const { loss } = await sparse.evaluate(x, y, { sampleWeight: [1, 2, 0, 0.5] });
  assert.ok(Math.abs(loss - expected) < 1e-5, `${loss} for ${expected}`);
  for (const [model, labels] of [
    [sparse, y],
    [rows, x],
  ] as const) {
    await rejects(
      () => model.fit(x, labels, { classWeight: { 1: 2 }, verbose: 0 }),
      ArgumentError,
      'needs one class an example, but',
      'has 2 labels an example. Use sampleWeight.',
    );
  }
  const values = await x.data();
  const twice = Float32Array.from(values, (value, at) => (at === 22 ? 1 : value));
  await rejects(
    () => rows.fit(x, tensor(twice, [4, 2, 3]), { verbose: 0 }),
    DataError,
    'a sum of 1 a row, but 1 of 4 examples has others. The first is example 3: a sum of 2 at [3, 1, 0].',
  );
  sparse.dispose();
  rows.dispose();
});

test.run();
