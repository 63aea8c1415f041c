/** Moving averages of weights against Keras' formulas in float64: in loops of your own, in fit, in parts of batches, resumed and loaded. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  ArgumentError,
  Callback,
  Dense,
  Lion,
  Nadam,
  type Optimizer,
  type OptimizerOptions,
  RMSprop,
  Sequential,
  SGD,
  type Tensor,
  tensor,
  variable,
} from '../src/index.ts';
import { optimizerClasses } from '../src/nn/optimizers/makeOptimizer.ts';
import { rejects } from './interruption.ts';
import { assertClose } from './support.ts';

const test = suite('averages of weights');

const GRADIENTS = [
  [1, -2, 0.5],
  [-3, -2, 0],
  [0.25, 4, -1],
  [0.5, 0.5, 2],
  [-1, 1, 1],
];

/** Keras' loop around plain steps down the gradients: the average and the weights after every step. */
function expectedOf(start: readonly number[], rate: number, momentum: number, every: number) {
  let [weights, average] = [[...start], start.map(() => 0)];
  return GRADIENTS.map((gradient, at) => {
    weights = weights.map((w, i) => w - rate * gradient[i]);
    const kept = at === 0 ? 0 : momentum;
    average = average.map((mean, i) => kept * mean + (1 - kept) * weights[i]);
    if ((at + 1) % every === 0) weights = average;
    return { weights, average };
  });
}

for (const [momentum, every] of [
  [0.99, Number.POSITIVE_INFINITY],
  [0.5, Number.POSITIVE_INFINITY],
  [0.5, 2],
  [0.75, 1],
  [0, Number.POSITIVE_INFINITY],
  [1, Number.POSITIVE_INFINITY],
] as const) {
  test(`momentum ${momentum}, overwritten every ${every} steps, in a loop of your own`, async () => {
    const start = [1, 0, -1];
    const options = { learningRate: 0.1, useEma: true, emaMomentum: momentum, emaOverwriteFrequency: every };
    const expected = expectedOf(start, 0.1, momentum, every);
    for (const steps of [1, 2, 3, GRADIENTS.length]) {
      const optimizer = new SGD(options);
      const w = variable(start);
      for (const [at, gradient] of GRADIENTS.slice(0, steps).entries()) {
        await optimizer.apply([tensor(gradient)], [w]);
        assertClose(await w.data(), expected[at].weights, `weights after ${at + 1}`, 1e-6);
      }
      await optimizer.finalizeVariableValues([w]);
      assertClose(await w.data(), expected[steps - 1].average, `average of ${steps}`, 1e-6);
      await optimizer.finalizeVariableValues([w]);
      assertClose(await w.data(), expected[steps - 1].average, 'once more', 1e-6);
    }
  });
}

test('a momentum near 1 loses no digits: the average moves where its own digits would end', async () => {
  const optimizer = new SGD({ learningRate: 1, useEma: true, emaMomentum: 0.9999999 });
  const w = variable([1000, 1000]);
  let [weight, average] = [1000, 0];
  for (let at = 0; at < 40; at++) {
    await optimizer.apply([tensor([-1, 0])], [w]);
    weight++;
    average = at === 0 ? weight : 0.9999999 * average + 1e-7 * weight;
  }
  await optimizer.finalizeVariableValues([w]);
  assertClose(await w.data(), [average, 1000], 'average', 1e-7);
});

test('every optimizer keeps one: the mean of the weights that it goes through without', async () => {
  const all: ((options: OptimizerOptions) => Optimizer)[] = [
    ...optimizerClasses.map((Class) => (options: OptimizerOptions) => new Class(options)),
    (options) => new RMSprop({ ...options, momentum: 0.5, centered: true }),
    (options) => new Adam({ ...options, globalClipNorm: 1, weightDecay: 0.1 }),
    (options) => new SGD({ ...options, momentum: 0.5, clipValue: 0.1 }),
  ];
  for (const make of all) {
    const [plain, averaged] = [
      make({ learningRate: 0.1 }),
      make({ learningRate: 0.1, useEma: true, emaMomentum: 0.5 }),
    ];
    const [one, other] = [variable([1, 0, -1]), variable([1, 0, -1])];
    let average: number[] = [];
    for (const [at, gradient] of GRADIENTS.entries()) {
      await plain.apply([tensor(gradient)], [one]);
      await averaged.apply([tensor(gradient)], [other]);
      const weights = Array.from(await one.data());
      assert.equal(Array.from(await other.data()), weights, String(averaged));
      average = at === 0 ? weights : average.map((mean, i) => (mean + weights[i]) / 2);
    }
    await averaged.finalizeVariableValues([other]);
    assertClose(await other.data(), average, String(averaged), 1e-6);
    await plain.finalizeVariableValues([one]);
  }
});

const x = tensor([[1], [2], [3], [-1], [0.5]]);
const y = tensor([[2], [3], [7], [-3], [1]]);

/** Keeps the weights after every step. */
class Weights extends Callback {
  readonly seen: number[][] = [];
  override async onTrainBatchEnd(): Promise<void> {
    const weights = await this.model.getWeights();
    this.seen.push(weights.flatMap(({ data }) => Array.from(data)));
  }
}

const make = (optimizer: Optimizer): Sequential =>
  new Sequential([new Dense(1, { inputShape: [1] })], { seed: 4 }).compile({ optimizer, loss: 'mse' });
const valuesOf = async (model: Sequential): Promise<number[]> =>
  (await model.getWeights()).flatMap(({ data }) => Array.from(data));
const averageOf = (seen: readonly (readonly number[])[], momentum: number): number[] =>
  seen.reduce<number[]>(
    (mean, weights) => weights.map((w, i) => (mean.length === 0 ? w : momentum * mean[i] + (1 - momentum) * w)),
    [],
  );

for (const microBatchSize of [2, 1]) {
  test(`fit ends with the average, in parts of ${microBatchSize}`, async () => {
    for (const optimizer of [
      new Adam({ useEma: true, emaMomentum: 0.8 }),
      new Lion({ useEma: true, emaMomentum: 0.8 }),
    ]) {
      const model = make(optimizer);
      const kept = new Weights();
      const during: number[][] = [];
      class End extends Callback {
        override async onTrainEnd(): Promise<void> {
          during.push(await valuesOf(model));
        }
      }
      const callbacks = [kept, new End()];
      await model.fit(x, y, { batchSize: 2, microBatchSize, epochs: 3, verbose: 0, callbacks });
      assert.is(kept.seen.length, 9);
      assertClose(await valuesOf(model), averageOf(kept.seen, 0.8), 'weights', 1e-6);
      // As in Keras it is there before callbacks end, which may put others in its place.
      assert.equal(during, [await valuesOf(model)]);
      model.dispose();
    }
  });
}

test('steps that are left out are none, the first one neither', async () => {
  const model = make(new SGD({ learningRate: 0.01, useEma: true, emaMomentum: 0.8 }));
  const kept = new Weights();
  // Its loss overflows.
  const bad: Tensor = tensor([[1e30], [1], [1e30], [2], [3]]);
  const warn = console.warn;
  console.warn = () => {};
  await model.fit(bad, y, { batchSize: 1, shuffle: false, verbose: 0, callbacks: [kept] });
  console.warn = warn;
  assert.equal(kept.seen[1], kept.seen[2]);
  assertClose(await valuesOf(model), averageOf([kept.seen[1], kept.seen[3], kept.seen[4]], 0.8), 'weights', 1e-6);
  model.dispose();
});

test('a training that goes on in its midst comes to the same, and a file keeps average and options', async () => {
  const optimizer = (): Optimizer =>
    new Nadam({ learningRate: 0.05, useEma: true, emaMomentum: 0.7, emaOverwriteFrequency: 4 });
  const options = { batchSize: 2, epochs: 3, verbose: 0 } as const;
  const whole = make(optimizer());
  let bytes: Uint8Array | null = null;
  class Keep extends Callback {
    override async onTrainBatchEnd(batch: number): Promise<void> {
      if (batch === 1) bytes ??= await whole.toSafetensors();
    }
  }
  await whole.fit(x, y, { ...options, callbacks: [new Keep()] });
  const resumed = make(optimizer());
  assert.ok(bytes !== null && (await resumed.resume(bytes)));
  await resumed.fit(x, y, options);
  assert.equal(await valuesOf(resumed), await valuesOf(whole));
  const other = make(new Nadam({ learningRate: 0.05 }));
  await rejects(() => other.resume(bytes ?? ''), Error, 'useEma');
  const loaded = await Sequential.fromSafetensors(await whole.toSafetensors());
  assert.equal(loaded.optimizer.config(), whole.optimizer.config());
  assert.equal(loaded.optimizer.config().emaOverwriteFrequency, 4);
  for (const model of [whole, resumed, other, loaded]) model.dispose();
});

test('what is refused', async () => {
  for (const [options, name] of [
    [{ emaMomentum: 1.5 }, 'emaMomentum'],
    [{ emaMomentum: Number.NaN }, 'emaMomentum'],
    [{ emaOverwriteFrequency: 0 }, 'emaOverwriteFrequency'],
    [{ emaOverwriteFrequency: 1.5 }, 'emaOverwriteFrequency'],
    [{ useEma: 1 as never }, 'useEma'],
  ] as const) {
    await rejects(() => new Adam(options), ArgumentError, 'Adam', name);
  }
});

test('memory() counts the average', async () => {
  const [without, withOne] = [make(new Adam()), make(new Adam({ useEma: true }))];
  const [{ parameterBytes: a }, { parameterBytes: b }] = [
    await without.memory({ batchSize: 4 }),
    await withOne.memory({ batchSize: 4 }),
  ];
  assert.ok(b > a);
});

test.run();
