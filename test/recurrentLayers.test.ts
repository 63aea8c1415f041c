/** Recurrent layers as users have them: what they begin with, what they learn, what they refuse. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError } from '../src/base/errors.ts';
import { uniform } from '../src/base/random.ts';
import { Adam, Bidirectional, Dense, GRU, type Layer, LSTM, Sequential, SimpleRNN, tensor } from '../src/index.ts';
import { loadWeightsByName } from '../src/interchange/weightsByName.ts';

const test = suite('recurrent layers');

test('an LSTM forgets nothing at first: the forget gate has a bias of 1; recurrent kernels are orthogonal', async () => {
  const model = new Sequential([new LSTM(3)], { inputShape: [2, 2], seed: 1 });
  const weights = new Map((await model.getWeights()).map(({ name, data }) => [name, data]));
  assert.equal([...(weights.get('lstm/bias') ?? [])], [0, 0, 0, 1, 1, 1, 0, 0, 0, 0, 0, 0]);
  const kernel = weights.get('lstm/recurrentKernel') ?? new Float32Array();
  const dot = (a: number, b: number): number =>
    Array.from({ length: 12 }, (_, i) => kernel[a * 12 + i] * kernel[b * 12 + i]).reduce((sum, one) => sum + one);
  assert.ok(Math.abs(dot(0, 0) - 1) < 1e-5 && Math.abs(dot(0, 1)) < 1e-5);
  model.dispose();
});

test("Keras' names of weights find their place", async () => {
  const layers = (): Layer[] => [new Bidirectional(new GRU(2, { returnSequences: true })), new LSTM(2)];
  const model = new Sequential(layers(), { inputShape: [3, 1] });
  const weights = await model.getWeights();
  const keras = weights.map(({ name, shape, data }): [string, { shape: readonly number[]; data: Float32Array }] => [
    name.replace('recurrentKernel', 'recurrent_kernel'),
    { shape, data: data.map((_, at) => at) },
  ]);
  assert.equal((await loadWeightsByName(model, new Map(keras))).missing, []);
  assert.equal([...(await model.getWeights())[1].data], [...Array(12).keys()]);
  model.dispose();
});

/** Two marks a sequence, whose numbers are to be added (Hochreiter and Schmidhuber 1997): [examples, steps, number and mark]. */
function adding(examples: number, steps: number, seed: number) {
  const draws = uniform(examples * (steps + 2), { seed, low: 0, high: 1 });
  const x = new Float32Array(examples * steps * 2);
  const sums = new Float32Array(examples);
  for (let example = 0; example < examples; example++) {
    const own = draws.subarray(example * (steps + 2), (example + 1) * (steps + 2));
    for (let step = 0; step < steps; step++) x[(example * steps + step) * 2] = own[step];
    const half = steps / 2;
    for (const at of [Math.floor(own[steps] * half), half + Math.floor(own[steps + 1] * half)]) {
      x[(example * steps + at) * 2 + 1] = 1;
      sums[example] += own[at];
    }
  }
  return { x: tensor(x, [examples, steps, 2]), y: tensor(sums, [examples, 1]) };
}

test('the sum of two marked numbers is learnt; what always says the mean errs by 1/6', async () => {
  const steps = 8;
  const { x, y } = adding(768, steps, 1);
  const unseen = adding(256, steps, 2);
  for (const layer of [new LSTM(16), new GRU(16), new Bidirectional(new SimpleRNN(16))]) {
    const model = new Sequential([layer, new Dense(1)], { inputShape: [steps, 2], seed: 3 });
    model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'mse' });
    await model.fit(x, y, { epochs: 20, batchSize: 32, verbose: 0 });
    const { loss } = await model.evaluate(unseen.x, unseen.y);
    assert.ok(loss < 0.04, `${layer.className}: ${loss}`);
    model.dispose();
  }
});

test('what does not fit is refused, with the remedy', () => {
  assert.throws(() => new LSTM(0), /LSTM: .*units/);
  assert.throws(() => Reflect.construct(GRU, [3, { activation: 'softmax' }]), /GRU: .*activation.*tanh/);
  assert.throws(() => Reflect.construct(SimpleRNN, [3, { recurrentActivation: 'tanh' }]), /recurrentActivation/);
  assert.throws(
    () => Reflect.construct(Bidirectional, [new Dense(3)]),
    /a recurrent layer, got .*Give one of LSTM, GRU/,
  );
  assert.throws(
    () => Reflect.construct(Bidirectional, [new LSTM(3), { mergeMode: 'both' }]),
    (error: unknown) => error instanceof ArgumentError && /concat/.test(error.message),
  );
});

test.run();
