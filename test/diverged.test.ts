/** A training that diverged, with no DivergenceDetector: it says so, ends where nothing changes any more, and History knows. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  Dense,
  DivergenceDetector,
  type FitOptions,
  History,
  type Loss,
  meanSquaredError,
  normal,
  ProgressBar,
  Sequential,
  SGD,
} from '../src/index.ts';
import { SavedState } from '../src/io/state.ts';
import { rejects } from './interruption.ts';

const test = suite('diverged');

const x = normal([30, 4], { seed: 1 });
const y = normal([30, 1], { seed: 2 });

const make = (learningRate: number, loss: Loss | 'mse' = 'mse'): Sequential =>
  new Sequential([new Dense(1, { inputShape: [4] })], { seed: 3 }).compile({
    optimizer: new SGD({ learningRate, momentum: 0.9 }),
    loss,
    metrics: ['mae'],
  });

/** What is said on the console meanwhile. */
async function hearing<T>(work: () => Promise<T>): Promise<{ result: T; said: string[] }> {
  const [warn, said] = [console.warn, [] as string[]];
  console.warn = (text: string) => said.push(text);
  try {
    return { result: await work(), said };
  } finally {
    console.warn = warn;
  }
}

const fit = (model: Sequential, options: FitOptions = {}) =>
  hearing(() => model.fit(x, y, { batchSize: 7, epochs: 12, verbose: 0, shuffle: false, ...options }));

test('a training of which no step is finite ends with the first such epoch, and says how', async () => {
  for (const microBatchSize of [7, 3]) {
    const { result, said } = await fit(make(1e30), { microBatchSize });
    const { history, epoch, nonFinite, interrupted } = result;
    // In epoch 1 the first step blows up the weights, and no later one is finite; in epoch 2 none is.
    assert.equal(epoch, [0, 1]);
    assert.not(Number.isFinite(history.loss[1]));
    assert.is(nonFinite?.epoch, 0);
    assert.is(nonFinite?.step, 1);
    assert.is(interrupted, null);
    assert.is(said.length, 2);
    assert.match(said[0], /^Step 1: .* such steps are left out/);
    assert.match(
      said[1],
      /^Epoch 2: no step could be taken, .*\(in step 5 .*: training stops\. Lower the learning rate/,
    );
  }
});

test('an optimizer of which nothing is known yet is watched from the first epoch on', async () => {
  const model = make(0.01);
  await model.build([4]).setWeights([new Float32Array(4).fill(3e38), new Float32Array(1)]);
  const { result } = await fit(model);
  assert.equal(result.epoch, [0]);
});

test('a second fit on weights that are lost ends after an epoch or two as well', async () => {
  const model = make(1e30);
  await fit(model);
  const { result, said } = await fit(model);
  assert.ok(result.epoch.length <= 2);
  assert.match(said.at(-1) ?? '', 'training stops');
});

test("with onNonFinite 'warn' it goes on, and each line of the bar says from which step on", async () => {
  const lines: string[] = [];
  const bar = new ProgressBar({ verbose: 2, print: (line) => lines.push(line) });
  const { result, said } = await fit(make(1e30), { onNonFinite: 'warn', epochs: 4, callbacks: [bar] });
  assert.equal(result.epoch, [0, 1, 2, 3]);
  assert.equal(said.length, 1);
  const epochs = lines.filter((line) => line.startsWith('Epoch'));
  assert.equal(
    epochs.map((line) => line.split(' - ').at(-1)),
    [
      'not finite from step 1 on',
      'not finite from step 5 on',
      'not finite from step 10 on',
      'not finite from step 15 on',
    ],
  );
});

test('a DivergenceDetector decides', async () => {
  const detector = new DivergenceDetector({ onDivergence: 'warn', print: () => {} });
  const { result, said } = await fit(make(1e30), { epochs: 5, callbacks: [detector] });
  assert.is(result.epoch.length, 5);
  assert.equal(said, []);
  assert.is(result.nonFinite?.step, 1);
});

test('a training that leaves out one bad batch an epoch goes on: the others are taken', async () => {
  // Labels of 7 make the loss of their example infinite.
  const labels = (await y.data()).slice();
  labels[9] = 7;
  const bad: Loss = {
    name: 'bad',
    perExample: (given, output) => {
      const error = meanSquaredError().perExample(given, output);
      return error.div(given.reshape([given.shape[0]]).sub(7));
    },
  };
  const model = make(0.01, bad);
  const { result, said } = await hearing(() =>
    model.fit(
      x,
      [...labels].map((label) => [label]),
      { batchSize: 7, epochs: 6, verbose: 0, shuffle: false },
    ),
  );
  assert.is(result.epoch.length, 6);
  assert.not(result.history.loss.some(Number.isFinite));
  assert.is(result.nonFinite?.step, 1);
  assert.is(said.length, 1);
});

test('a healthy training has nothing of it', async () => {
  const { result, said } = await fit(make(0.01));
  assert.is(result.nonFinite, null);
  assert.is(result.epoch.length, 12);
  assert.equal(said, []);
});

test('a loss that explodes and yet is finite is told of at the end; a small one that moves is not', async () => {
  const { result, said } = await fit(make(1), { epochs: 3 });
  const { loss } = result.history;
  assert.ok(loss.every(Number.isFinite) && loss[2] > 1e3 * loss[0] && loss[2] > 1e3, String(loss));
  assert.is(said.length, 1);
  assert.match(said[0], /^The loss went from \S+ in the first epoch to \S+ in the last one: training diverged\. Lower/);
  const detector = new DivergenceDetector({ onDivergence: 'warn', print: () => {} });
  assert.equal((await fit(make(1), { epochs: 3, callbacks: [detector] })).said, []);

  // A model that has learnt its labels by heart has a loss of about 1e-14, which any rounding may make a thousandfold.
  const heart = make(0.01);
  const own = await heart.predict(x);
  const { said: nothing } = await hearing(async () => {
    await heart.fit(x, own, { batchSize: 7, verbose: 0 });
    heart.optimizer.learningRate = 0.2;
    await heart.fit(x, own.add(0.001), { batchSize: 7, epochs: 3, verbose: 0, callbacks: [] });
  });
  assert.equal(nothing, []);
});

test('what History knows of it is saved', async () => {
  const { result } = await fit(make(1e30));
  const again = new History();
  again.restore(new SavedState('it', result.state()));
  assert.equal(again.nonFinite, result.nonFinite);
});

test('onNonFinite is one of two words', async () => {
  const never = (value: unknown): never => value as never;
  await rejects(
    () => make(0.1).fit(x, y, { onNonFinite: never('raise') }),
    ArgumentError,
    'onNonFinite',
    "'stop', 'warn'",
  );
});

test.run();
