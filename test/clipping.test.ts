/** Gradient clipping and weight decay, options of every optimizer: against float64 loops, in trainings, and what is never clipped away. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  ArgumentError,
  Dense,
  normal,
  type Optimizer,
  type OptimizerOptions,
  RMSprop,
  Sequential,
  SGD,
  tensor,
  variable,
} from '../src/index.ts';
import { optimizers } from '../src/nn/optimizers/index.ts';
import { makeOptimizer } from '../src/nn/optimizers/makeOptimizer.ts';
import { rejects } from './interruption.ts';
import { adam, optimizerState, rmsprop, sgd } from './reference.ts';
import { assertClose } from './support.ts';

const test = suite('clipping and weight decay');

/** Keras': each number, each gradient, or all of them. */
function clipped(gradients: readonly (readonly number[])[], options: OptimizerOptions): number[][] {
  const { clipValue = Infinity, clipNorm = Infinity, globalClipNorm = Infinity } = options;
  const normOf = (values: readonly number[]): number => Math.sqrt(values.reduce((sum, value) => sum + value ** 2, 0));
  const common = Math.min(1, globalClipNorm / normOf(gradients.flat()));
  return gradients.map((one) => {
    const own = Math.min(1, clipNorm / normOf(one));
    return one.map((value) => Math.max(-clipValue, Math.min(clipValue, value)) * own * common);
  });
}

const STEPS = [
  [[1, -2, 0.5, 0, 7], [0.25]],
  [[-0.125, 0.25, 0, 0, 0], [-3]],
  [[0, 0, 0, 0, 0], [0]],
  [[100, -3, 4, 1e-3, 5], [2]],
];

const kinds: readonly OptimizerOptions[] = [
  { clipValue: 0.75 },
  { clipNorm: 1.5 },
  { globalClipNorm: 1.5 },
  { weightDecay: 0.25 },
  { weightDecay: 0.5, globalClipNorm: 2 },
];

const rules = [
  {
    make: (options: OptimizerOptions) => new SGD({ learningRate: 0.1, momentum: 0.5, ...options }),
    of: sgd,
    momentum: 0.5,
  },
  { make: (options: OptimizerOptions) => new RMSprop({ learningRate: 0.1, ...options }), of: rmsprop, momentum: 0 },
  { make: (options: OptimizerOptions) => new Adam({ learningRate: 0.1, ...options }), of: adam, momentum: 0 },
] as const;

for (const options of kinds) {
  test(`${JSON.stringify(options)} in steps of ones own`, async () => {
    // One rule is enough where only the gradient differs.
    for (const { make, of, momentum } of rules.slice(0, options.weightDecay === undefined ? 1 : 3)) {
      const optimizer = make(options);
      const weights = [variable([1, 2, -3, 0, 0.5]), variable([-1])];
      const expected = [Float64Array.of(1, 2, -3, 0, 0.5), Float64Array.of(-1)];
      const states = expected.map(({ length }) => optimizerState(length));
      for (const gradients of STEPS) {
        await optimizer.apply(
          gradients.map((one) => tensor(one)),
          weights,
        );
        clipped(gradients, options).forEach((gradient, at) => {
          const share = 1 - 0.1 * (options.weightDecay ?? 0);
          expected[at] = expected[at].map((value) => value * share);
          of(expected[at], gradient, states[at], { learningRate: 0.1, momentum });
        });
        for (const [at, weight] of weights.entries()) {
          assertClose(await weight.data(), expected[at], `${optimizer}, weight ${at}`, 1e-5);
        }
      }
    }
  });
}

const x = normal([12, 3], { seed: 1 });
const y = x.sum(-1, true).mul(5);

async function trained(optimizer: Optimizer, microBatchSize?: number): Promise<readonly Float32Array[]> {
  const layers = [new Dense(5, { inputShape: [3], activation: 'tanh' }), new Dense(1)];
  const model = new Sequential(layers, { seed: 3 }).compile({ optimizer, loss: 'mse' });
  try {
    await model.fit(x, y, { epochs: 2, batchSize: 6, microBatchSize, verbose: 0 });
    return (await model.getWeights()).map(({ data }) => data);
  } finally {
    model.dispose();
  }
}

test('a training clips the gradient of a whole batch, also where it is taken in parts', async () => {
  for (const options of [{ clipNorm: 1.5 }, { globalClipNorm: 1.5, weightDecay: 0.25 }]) {
    const whole = await trained(new SGD({ learningRate: 0.1, ...options }));
    const inParts = await trained(new SGD({ learningRate: 0.1, ...options }), 2);
    whole.forEach((values, at) => {
      assertClose(inParts[at], values, `${JSON.stringify(options)} in parts, weight ${at}`, 1e-5);
    });
  }
});

test('the clipped gradient of a whole model has the norm that was asked for', async () => {
  const change = async (options: OptimizerOptions): Promise<number[]> => {
    const layers = [new Dense(5, { inputShape: [3] }), new Dense(1)];
    const model = new Sequential(layers, { seed: 3 }).compile({
      optimizer: new SGD({ learningRate: 1, ...options }),
      loss: 'mse',
    });
    const before = await model.getWeights();
    await model.trainOnBatch(x, y);
    const after = await model.getWeights();
    return before.map(({ data }, at) => Math.hypot(...data.map((value, i) => after[at].data[i] - value)));
  };
  const free = await change({});
  assert.ok(free.every((norm) => norm > 0.01));
  for (const norm of await change({ clipNorm: 0.01 })) assert.ok(Math.abs(norm - 0.01) < 1e-5, `${norm}`);
  const common = await change({ globalClipNorm: 0.01 });
  assert.ok(Math.abs(Math.hypot(...common) - 0.01) < 1e-5);
  for (const [at, norm] of common.entries()) assert.ok(Math.abs(norm / common[0] / (free[at] / free[0]) - 1) < 1e-2);
  assert.ok(Math.max(...(await change({ clipValue: 0.001 }))) < 0.001 * Math.sqrt(15) + 1e-5);
});

test('what is not finite is not clipped: the weights stay, and training names the gradient', async () => {
  for (const options of [{ clipValue: 1 }, { clipNorm: 1 }, { globalClipNorm: 1 }]) {
    for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY]) {
      const w = variable([1, 2]);
      await new SGD({ ...options, momentum: 0.5 }).apply([tensor([wrong, 0])], [w]);
      assert.is((await w.data())[0], 1, `${JSON.stringify(options)} ${wrong}`);
    }
    // Loss 1e38, gradient infinite.
    const layer = new Dense(1, { inputShape: [1], useBias: false, kernelInitializer: 'zeros' });
    const model = new Sequential([layer]).compile({ optimizer: new SGD(options), loss: 'mse' });
    const { warn } = console;
    console.warn = () => {};
    const { nonFinite } = await model.fit(tensor([[1e25]]), tensor([[-1e19]]), { verbose: 0 });
    console.warn = warn;
    assert.is(nonFinite?.tensor, 'gradient of dense/kernel', JSON.stringify(options));
    assert.is((await model.getWeights())[0].data[0], 0);
    model.dispose();
  }
  // A norm that overflows where no square does.
  for (const options of [{ clipNorm: 1 }, { globalClipNorm: 1 }]) {
    const w = variable([1, 2, 3]);
    const optimizer = new SGD({ ...options, learningRate: 1, momentum: 0.5 });
    // What it remembers of the first step would move the weights in a step that counts.
    for (const gradient of [
      [0.5, 0.5, 0.5],
      [1.5e19, 1.5e19, 1],
    ]) {
      await optimizer.apply([tensor(gradient)], [w]);
    }
    assert.equal([...(await w.data())], [0.5, 1.5, 2.5], JSON.stringify(options));
  }
  // A number that is cut may be as large as it likes, also where the rule squares it.
  const w = variable([1]);
  await new Adam({ clipValue: 1, learningRate: 0.5 }).apply([tensor([3e38])], [w]);
  assertClose(await w.data(), [0.5], 'a large number', 1e-5);
});

test('every optimizer takes the options, saves those that are given, and refuses what is out of range', async () => {
  for (const Class of Object.values(optimizers)) {
    const { name } = new Class();
    assert.not.ok(Object.keys(new Class().config()).some((key) => key.startsWith('clip')));
    for (const options of [{ clipValue: 0.5 }, { clipNorm: 2 }, { globalClipNorm: 3 }, { weightDecay: 0.5 }]) {
      const made = new Class(options);
      assert.equal(made.config(), { ...new Class().config(), ...options });
      const again = makeOptimizer(name, made.config());
      assert.equal(again.update, made.update);
      assert.equal(again.rates(3), made.rates(3));
    }
    await rejects(
      () => new Class({ clipValue: 1, clipNorm: 1 }),
      ArgumentError,
      name,
      'clipValue and clipNorm',
      'Give one',
    );
    for (const wrong of [0, -1, Number.NaN, 1e-60]) {
      await rejects(() => new Class({ globalClipNorm: wrong }), ArgumentError, `${name}: globalClipNorm must be`);
    }
    await rejects(
      () => new Class({ weightDecay: 2 }),
      ArgumentError,
      `${name}: weightDecay must be a number in [0, 1]`,
    );
    assert.is(new Class({ clipNorm: undefined }).update.clipping, undefined);
  }
});

test.run();
