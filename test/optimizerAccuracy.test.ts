/** Running means whose decays are near 1, gradients that hardly change and tiny weight decay, against float64. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { BatchNormalization } from '../src/nn/layers/batchNormalization.ts';
import { onBlanks } from '../src/nn/layers/layer.ts';
import { Adam, AdamW } from '../src/nn/optimizers/adam.ts';
import type { Optimizer } from '../src/nn/optimizers/optimizer.ts';
import { RMSprop } from '../src/nn/optimizers/rmsprop.ts';
import { ones, type Tensor, tensor, variable } from '../src/tensor/index.ts';
import { adam, optimizerState, rmsprop } from './reference.ts';
import { assertClose, evaluate } from './support.ts';

const test = suite('accuracy of optimizers and running means');

async function steps(optimizer: Optimizer, gradient: readonly number[], count: number): Promise<ArrayLike<number>> {
  const w = variable(gradient.map(() => 0));
  const g = tensor(gradient);
  for (let i = 0; i < count; i++) await optimizer.apply([g], [w]);
  return w.data();
}

test('Adam with decays near 1', async () => {
  const gradient = [-1, 0.5, 30, 1e-3];
  const decays = [0.999, 0.99999, 0.999999, 0.9999999, 0.99999999, 1 - 1e-9];
  for (const [beta1, beta2] of [...decays.map((beta2) => [0.9, beta2]), ...decays.map((beta1) => [beta1, 0.999])]) {
    const expected = new Float64Array(4);
    const state = optimizerState(4);
    for (let i = 0; i < 3; i++) adam(expected, gradient, state, { beta1, beta2 });
    for (const optimizer of [new Adam({ beta1, beta2 }), new AdamW({ beta1, beta2, weightDecay: 0 })]) {
      assertClose(await steps(optimizer, gradient, 3), expected, `${optimizer.name} ${beta1} ${beta2}`, 1e-6);
      assert.is(optimizer.config().beta2, beta2);
    }
  }
});

test('RMSprop with a decay near 1', async () => {
  const gradient = [-1, 0.5, 30, 1e-3];
  for (const rho of [0.9, 0.999999, 0.9999999, 0.99999999, 1]) {
    const expected = new Float64Array(4);
    const state = optimizerState(4);
    for (let i = 0; i < 3; i++) rmsprop(expected, gradient, state, { rho });
    assertClose(await steps(new RMSprop({ rho }), gradient, 3), expected, `${rho}`, 1e-6);
  }
});

/** As rmsprop of the reference, less the square of the gradients' mean. */
function centred(gradient: number, count: number, { rho = 0.9, momentum = 0, learningRate = 0.001 }): number {
  let [p, v, a, m] = [0, 0, 0, 0];
  for (let i = 0; i < count; i++) {
    v = rho * v + (1 - rho) * gradient ** 2;
    a = rho * a + (1 - rho) * gradient;
    m = momentum * m + (learningRate * gradient) / Math.sqrt(Math.max(v - a * a, 0) + 1e-7);
    p -= m;
  }
  return p;
}

test('centred RMSprop goes on where the gradient does not change', async () => {
  const gradient = [7, 9, 11, 17.782795, 77.7, 123.4, -0.3, 5].map(Math.fround);
  for (const options of [{}, { momentum: 0.5 }, { rho: 0.99 }]) {
    const expected = gradient.map((g) => centred(g, 200, options));
    const got = await steps(new RMSprop({ centered: true, ...options }), gradient, 200);
    gradient.forEach((g, i) => {
      assertClose([got[i]], [expected[i]], `gradient ${g} ${JSON.stringify(options)}`, 1e-3);
    });
  }
});

test('centred RMSprop where the gradient changes, and once it has settled far from 0', async () => {
  const optimizer = new RMSprop({ centered: true });
  const w = variable([0]);
  let [p, v, a] = [0, 0, 0];
  for (let i = 0; i < 60; i++) {
    const g = Math.fround(50 + Math.sin(i));
    await optimizer.apply([tensor([g])], [w]);
    v = 0.9 * v + 0.1 * g * g;
    a = 0.9 * a + 0.1 * g;
    p -= (0.001 * g) / Math.sqrt(v - a * a + 1e-7);
  }
  assertClose(await w.data(), [p], 'weight', 1e-5);
});

test("AdamW's decay keeps its digits where it is a small share of the weight", async () => {
  const values = Float32Array.from({ length: 4096 }, (_, i) => 0.5 + ((i * 0.618) % 1.5));
  const w = variable(values);
  const optimizer = new AdamW({ learningRate: 1e-4, weightDecay: 0.00328 });
  await optimizer.apply([tensor(new Float32Array(4096))], [w]);
  const after = await w.data();
  const lost = values.reduce((total, value, i) => total + (value - after[i]), 0);
  const expected = 3.28e-7 * values.reduce((total, value) => total + value, 0);
  // Each weight is rounded; on average no digit is lost.
  assert.ok(Math.abs(lost / expected - 1) < 0.02, `${lost} instead of ${expected}`);
});

test("batch normalisation's statistics stay where the batches' are the same, also with a momentum near 1", async () => {
  const channels = 64;
  const mean = Float32Array.from({ length: channels }, (_, i) => 0.1 + i / 7);
  for (const momentum of [0.99, 0.9999, 0.9999999, 0.99999999]) {
    const layer = new BatchNormalization({ momentum, center: false, scale: false });
    const weights = [tensor(mean), ones([channels])];
    const updates: Tensor[] = [];
    const x = weights[0].broadcastTo([2, channels]);
    const update = (_: Tensor, value: Tensor) => updates.push(value);
    layer.call(x, { training: true, weights, randomKey: 0, update, apply: onBlanks });
    const [after] = await evaluate(updates.map(({ node }) => node));
    assert.equal(Array.from(after), Array.from(mean), `momentum ${momentum}`);
  }
});

test.run();
