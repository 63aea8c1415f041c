/** The search for a learning rate with weights, and with losses of one's own. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { Dense, findLearningRate, type Loss, normal, Sequential, SGD } from '../src/index.ts';
import { resolveLoss } from '../src/nn/losses.ts';

const test = suite('search for a learning rate');

const COUNT = 150;
const x = normal([COUNT, 3], { seed: 1 });
const y = x.matmul([[1], [-2], [0.5]]);
const squared = resolveLoss('mse');
const fresh = (loss: 'mse' | Loss = 'mse'): Sequential =>
  new Sequential([new Dense(1, { inputShape: [3] })], { seed: 2 }).compile({ optimizer: new SGD(), loss });

test('weights of 4 are worth four times the rate', async () => {
  const model = fresh();
  const plain = await findLearningRate(model, x, y, { minLr: 4e-4, maxLr: 4, steps: 40, batchSize: 16 });
  const sampleWeight = new Float32Array(COUNT).fill(4);
  const weighted = await findLearningRate(model, x, y, {
    minLr: 1e-4,
    maxLr: 1,
    steps: 40,
    batchSize: 16,
    sampleWeight,
  });
  assert.is(weighted.losses.length, plain.losses.length);
  for (const [at, loss] of weighted.losses.entries()) assert.ok(Math.abs(loss / plain.losses[at] - 1) < 1e-4);
  assert.ok(Math.abs((4 * (weighted.suggestion ?? 0)) / (plain.suggestion ?? 1) - 1) < 1e-9);
});

test('weights that differ, and batches that do not count, leave a curve of losses by weight', async () => {
  const sampleWeight = Float32Array.from({ length: COUNT }, (_, at) => (at % 5 === 0 ? 10 + (at % 3) : 0));
  const { losses, suggestion } = await findLearningRate(fresh(), x, y, {
    minLr: 1e-4,
    maxLr: 1,
    steps: 60,
    batchSize: 2,
    sampleWeight,
  });
  assert.ok(
    losses.every((loss) => Number.isFinite(loss) && loss < 40),
    `${losses}`,
  );
  assert.ok(suggestion !== null);
});

test('a loss below 0 does not end the search', async () => {
  const shifted: Loss = {
    name: 'shifted',
    perExample: (labels, output) => squared.perExample(labels, output).sub(50),
  };
  const { rates, lowest } = await findLearningRate(fresh(shifted), x, y, { minLr: 1e-4, maxLr: 0.1, steps: 40 });
  assert.is(rates.length, 40);
  assert.ok(lowest > 0.01, `${lowest}`);
});

test('class weights and weights that cannot be are refused as by fit', async () => {
  for (const options of [{ classWeight: { 7: -1 } }, { sampleWeight: [1, 2, 3] }]) {
    const error: unknown = await findLearningRate(fresh(), x, y, options).then(
      () => null,
      (reason: unknown) => reason,
    );
    assert.match(String(error), /findLearningRate|classWeight/);
  }
});

test.run();
