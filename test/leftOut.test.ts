/** Steps that are not finite are none: for the weights, for what the optimizer remembers, and for the good steps around them. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { uniform } from '../src/base/random.ts';
import {
  Adam,
  AdamW,
  BatchNormalization,
  Callback,
  Dense,
  DivergenceDetector,
  decodeSafetensors,
  type FitOptions,
  type Optimizer,
  RMSprop,
  Sequential,
  SGD,
  tensor,
} from '../src/index.ts';
import type { Loss } from '../src/nn/losses.ts';

const test = suite('steps left out');

const { warn } = console;
test.before.each(() => {
  console.warn = () => {};
});
test.after.each(() => {
  console.warn = warn;
});

/** Falls by the output: SGD with a rate of 1 adds the input to the weight. */
const down: Loss = {
  name: 'down',
  perExample: (_, output) => output.neg().reshape([output.shape[0]]),
};

const line = (optimizer: Optimizer, loss: Loss | 'mse' = 'mse', inputs = 1) =>
  new Sequential([new Dense(1, { inputShape: [inputs], useBias: false, kernelInitializer: 'ones' })]).compile({
    optimizer,
    loss,
  });

const weightsOf = async (model: Sequential): Promise<number[]> =>
  (await model.getWeights()).flatMap(({ data }) => [...data]);

function close(actual: readonly number[], expected: readonly number[], what: string): void {
  assert.is(actual.length, expected.length, what);
  actual.forEach((value, at) => {
    assert.ok(
      Math.abs(value - expected[at]) <= 1e-6 * Math.max(1, Math.abs(expected[at])),
      `${what}: ${value}, expected ${expected[at]}`,
    );
  });
}

/** Finite, but not its square. */
const BAD = 3e38;

const OPTIMIZERS: [string, () => Optimizer][] = [
  ['Adam', () => new Adam({ learningRate: 0.01 })],
  ['Adam that forgets soon', () => new Adam({ learningRate: 0.01, beta1: 0, beta2: 0.5 })],
  ['Adam that remembers long', () => new Adam({ learningRate: 0.01, beta1: 0.99, beta2: 0.9999 })],
  ['AdamW', () => new AdamW({ learningRate: 0.01, weightDecay: 0.1 })],
  ['RMSprop', () => new RMSprop({ learningRate: 0.01, momentum: 0.5, centered: true })],
  ['SGD', () => new SGD({ learningRate: 0.01, momentum: 0.9 })],
];

/** Inputs with bad ones before some of them, and the inputs without. */
function spoilt(count: number, before: readonly number[]): { all: number[]; good: number[] } {
  const good = [...uniform(count, { seed: 5, low: 0.5 })];
  const all = good.flatMap((value, at) => [...before.filter((one) => one === at).map(() => BAD), value]);
  return { all, good };
}
const column = (values: readonly number[]) => tensor(Float32Array.from(values), [values.length, 1]);
const ONE_BY_ONE: FitOptions = { batchSize: 1, shuffle: false, verbose: 0 };

for (const [name, make] of OPTIMIZERS) {
  test(`trainOnBatch, ${name}: bad steps first and in between`, async () => {
    for (const before of [[0], [0, 0, 0], [3], [0, 2, 2, 5]]) {
      const { all, good } = spoilt(7, before);
      const runs: number[][] = [];
      for (const values of [all, good]) {
        const model = line(make());
        for (const value of values) await model.trainOnBatch(column([value]), column([value / 2]));
        runs.push(await weightsOf(model));
        model.dispose();
      }
      close(runs[0], runs[1], `bad before ${before}`);
    }
  });

  test(`fit, ${name}: in one piece, in parts, and watched by who only warns`, async () => {
    const { all, good } = spoilt(37, [0, 2, 2, 20, 31]);
    const runs: number[][] = [];
    for (const [values, options] of [
      [good, {}],
      [all, {}],
      [all, { callbacks: [new DivergenceDetector({ onDivergence: 'warn', print: () => {} })] }],
    ] as const) {
      const model = line(make());
      await model.fit(column(values), column(values.map((value) => value / 2)), {
        ...ONE_BY_ONE,
        epochs: 2,
        ...options,
      });
      runs.push(await weightsOf(model));
      model.dispose();
    }
    close(runs[1], runs[0], 'in one piece');
    close(runs[2], runs[0], 'watched');
    // Three examples a batch, one at a time: the batch with a bad example is none.
    const parts: number[][] = [];
    const triples = (values: readonly number[]) => values.flatMap((value) => [value, value / 2, value / 4]);
    for (const values of [triples(good), triples(all)]) {
      const model = line(make());
      const labels = column(values.map((value) => value / 2));
      await model.fit(column(values), labels, { ...ONE_BY_ONE, batchSize: 3, microBatchSize: 1 });
      parts.push(await weightsOf(model));
      model.dispose();
    }
    close(parts[1], parts[0], 'in parts');
  });
}

test('one bad step takes no good ones with it, in epochs of any length', async () => {
  for (const [count, bad] of [
    [9, [1, 8]],
    [50, [20]],
    [500, [20, 21, 300]],
    [1000, [1, 999]],
  ] as const) {
    const model = line(new SGD({ learningRate: 1 }), down);
    const values = new Float32Array(count).fill(1);
    for (const at of bad) values[at] = BAD;
    await model.fit(tensor(values, [count, 1]), new Float32Array(count), { ...ONE_BY_ONE, epochs: 2 });
    assert.equal(await weightsOf(model), [1 + 2 * (count - bad.length)], `${count} steps, bad ones at ${bad}`);
    const { metadata } = decodeSafetensors(await model.toSafetensors());
    const { steps, optimizer_steps: taken, optimizer_steps_left_out: leftOut } = metadata;
    assert.equal([steps, taken, leftOut].map(Number), [2 * count, 2 * (count - bad.length), 2 * bad.length]);
    model.dispose();
  }
});

test('a detector that stops leaves the weights as the bad step met them, and the count is of steps that were taken', async () => {
  const model = line(new SGD({ learningRate: 1 }), down);
  const values = new Float32Array(700).fill(1);
  values[33] = BAD;
  const detector = new DivergenceDetector({ print: () => {} });
  await model.fit(tensor(values, [700, 1]), new Float32Array(700), { ...ONE_BY_ONE, callbacks: [detector] });
  assert.is(detector.divergence?.step, 33);
  assert.equal(await weightsOf(model), [34]);
  const { metadata } = decodeSafetensors(await model.toSafetensors());
  assert.is(Number(metadata.optimizer_steps), 33);
  assert.ok(Number(metadata.steps) > 33);
  model.dispose();
});

test('moving averages take every good step as well', async () => {
  const averages: number[][] = [];
  const good = Array.from(uniform(60, { seed: 2 }));
  for (const values of [good, good.flatMap((value, at) => (at === 20 ? [BAD, BAD, value] : [value]))]) {
    const model = new Sequential([new BatchNormalization({ momentum: 0.9 }), new Dense(1)], {
      inputShape: [1],
    }).compile({
      optimizer: new SGD({ learningRate: 0 }),
      loss: 'mse',
    });
    const { length } = values;
    await model.fit(column(values), new Float32Array(length), { ...ONE_BY_ONE, batchSize: 2 });
    averages.push(
      (await model.getWeights()).filter(({ name }) => name.includes('moving')).flatMap(({ data }) => [...data]),
    );
    model.dispose();
  }
  close(averages[1], averages[0], 'moving averages');
});

test('the count goes with snapshots, files and resets', async () => {
  const good = (model: Sequential) => model.trainOnBatch(column([1]), column([0.5]));
  const bad = (model: Sequential) => model.trainOnBatch(column([BAD]), column([1]));
  const make = () => line(new Adam({ learningRate: 0.01 }));
  const straight = make();
  for (let i = 0; i < 3; i++) await good(straight);
  const expected = await weightsOf(straight);

  const back = make();
  await bad(back);
  await good(back);
  const snapshot = await back.snapshot();
  for (let i = 0; i < 3; i++) await bad(back);
  await good(back);
  snapshot.restore();
  for (let i = 0; i < 2; i++) await good(back);
  close(await weightsOf(back), expected, 'a snapshot');
  snapshot.dispose();

  const first = make();
  for (const step of [bad, bad, good, bad]) await step(first);
  const bytes = await first.toSafetensors();
  const second = make();
  await bad(second);
  await second.fromSafetensors(bytes);
  for (const model of [first, second]) for (const step of [good, bad, good]) await step(model);
  close(await weightsOf(second), expected, 'a file');
  assert.equal(await weightsOf(second), await weightsOf(first), 'a file, to the bit');
  assert.equal(await second.toSafetensors(), await first.toSafetensors());

  const reset = make();
  for (const step of [bad, good, bad]) await step(reset);
  await reset.resetOptimizer();
  await reset.setWeights([new Float32Array([1])]);
  for (const step of [bad, good, good, good]) await step(reset);
  close(await weightsOf(reset), expected, 'a reset');
  for (const model of [straight, back, first, second, reset]) model.dispose();
});

test('with weights of a few steps later, what was not finite may be so: then that is said', async () => {
  // Bad where the weight is 3: only then is 0 / 0 in the loss.
  const once: Loss = {
    name: 'once',
    perExample(_, out) {
      const zero = out.sub(3);
      return out.neg().add(zero.div(zero).sub(1)).reshape([out.shape[0]]);
    },
  };
  const said: string[] = [];
  console.warn = (text: string) => said.push(text);
  class Past extends Callback {
    override async onTrainBatchEnd(batch: number): Promise<void> {
      if (batch === 4) await model.setWeights([new Float32Array([10])]);
    }
  }
  const model = line(new SGD({ learningRate: 1 }), once);
  await model.fit(tensor(new Float32Array(200).fill(1), [200, 1]), new Float32Array(200), {
    ...ONE_BY_ONE,
    callbacks: [new Past()],
  });
  assert.is(said.length, 1);
  assert.match(
    said[0],
    /Step 2: a tensor was not finite \(all are with the weights of a few steps later\); such steps are left out/,
  );
  assert.equal(await weightsOf(model), [10 + 195]);
  model.dispose();
});

test.run();
