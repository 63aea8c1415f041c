/** Learning rates: none that is no number, and what the search for one takes and refuses. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  AdamW,
  ArgumentError,
  Callback,
  DataError,
  Dense,
  findLearningRate,
  normal,
  type Optimizer,
  RMSprop,
  Sequential,
  SGD,
  ShapeError,
  scaleLearningRate,
  suggestBatchSize,
  type Tensor,
  tensor,
} from '../src/index.ts';
import { copyOf } from '../src/models/advice/trialModel.ts';
import { rejects } from './interruption.ts';

const test = suite('learning rates');

const OPTIMIZERS = [
  () => new SGD({ momentum: 0.5, nesterov: true }),
  () => new RMSprop({ centered: true }),
  () => new Adam({ beta1: 0.8 }),
  () => new AdamW({ weightDecay: 0.1 }),
];

/** Sets a rate as callers without types may. */
const setRate = (optimizer: Optimizer, rate: unknown): boolean => Reflect.set(optimizer, 'learningRate', rate);

test('a rate that is no finite number of at least 0 is refused where it is set', () => {
  for (const make of OPTIMIZERS) {
    const optimizer = make();
    const before = optimizer.learningRate;
    for (const rate of [
      Number.NaN,
      undefined,
      null,
      Number.POSITIVE_INFINITY,
      -0.1,
      -Number.MIN_VALUE,
      '0.1',
      1e39,
      [0.1],
      1n,
    ]) {
      assert.throws(
        () => setRate(optimizer, rate),
        (error: unknown) =>
          error instanceof ArgumentError &&
          error.message.startsWith(`${optimizer.name}: learningRate must be a finite number of at least 0, got `),
        `${optimizer.name} ${String(rate)}`,
      );
      assert.is(optimizer.learningRate, before);
    }
    for (const rate of [0, 1e-45, 0.5, 3e38]) {
      assert.ok(setRate(optimizer, rate));
      assert.is(optimizer.learningRate, rate);
      assert.is(optimizer.config().learningRate, rate);
    }
  }
});

test('a decay of weights cannot become anything in the midst of training', () => {
  const optimizer = new AdamW({ weightDecay: 0.1 });
  assert.not.ok(Reflect.set(optimizer, 'weightDecay', Number.NaN));
  assert.is(optimizer.weightDecay, 0.1);
});

test('a schedule that divides by 0 ends the training with the name of what is wrong, and takes no step', async () => {
  const model = new Sequential([new Dense(1, { inputShape: [1] })]).compile({ optimizer: 'adam', loss: 'mse' });
  class Cosine extends Callback {
    override onEpochBegin(epoch: number): void {
      if (epoch > 0) this.model.optimizer.learningRate = 0 / 0;
    }
  }
  const run = () =>
    model.fit(normal([4, 1], { seed: 1 }), normal([4, 1], { seed: 2 }), {
      epochs: 3,
      verbose: 0,
      callbacks: [new Cosine()],
    });
  await rejects(run, ArgumentError, 'Adam: learningRate must be a finite number of at least 0, got NaN');
  assert.is(model.optimizer.learningRate, 0.001);
});

test('a copy has the settings and shares nothing, whatever the class', () => {
  class Doubled extends Adam {
    override rates(t: number, into?: number[]): number[] {
      const rates = super.rates(t, into);
      rates[0] *= 2;
      return rates;
    }
  }
  for (const make of [...OPTIMIZERS, () => new Doubled({ beta2: 0.9 })]) {
    const optimizer = make();
    optimizer.learningRate = 0.25;
    const copy = copyOf(optimizer);
    assert.is(copy.constructor, optimizer.constructor);
    assert.equal(copy.config(), optimizer.config());
    assert.equal(copy.rates(3), optimizer.rates(3));
    copy.learningRate = 0.5;
    assert.is(optimizer.learningRate, 0.25);
  }
});

const x = normal([24, 3], { seed: 1 });
const ids = Int32Array.from({ length: 24 }, (_, i) => i % 3);
const classifier = () =>
  new Sequential([new Dense(3, { activation: 'softmax', inputShape: [3] })]).compile({
    loss: 'sparseCategoricalCrossentropy',
  });

test('the search refuses what fit refuses', async () => {
  const model = classifier();
  const nan = new Float32Array(72);
  nan[5] = Number.NaN;
  const matrix = (values: Float32Array) => [...Array(24)].map((_, i) => Array.from(values.subarray(3 * i, 3 * i + 3)));
  await rejects(
    () =>
      findLearningRate(
        model,
        x,
        ids.map(() => 7),
      ),
    DataError,
    'findLearningRate: labels',
    'class ids',
  );
  await rejects(() => findLearningRate(model, matrix(nan), ids), DataError, 'findLearningRate: inputs', 'finite');
  await rejects(() => findLearningRate(model, x, ids.subarray(1)), ShapeError, 'findLearningRate', 'labels');
  await rejects(() => findLearningRate(model, [], []), DataError, 'findLearningRate: inputs');
  await rejects(() => findLearningRate(model, normal([24, 4], { seed: 1 }), ids), ShapeError, 'findLearningRate');
  const before = await model.toSafetensors();
  await rejects(
    () =>
      findLearningRate(
        model,
        x,
        ids.map(() => -1),
      ),
    DataError,
  );
  assert.equal(await model.toSafetensors(), before, 'and leaves the model as it was');
});

test('options that do not exist are refused', async () => {
  const model = classifier();
  const typo: object = { stepz: 20 };
  await rejects(
    () => findLearningRate(model, x, ids, typo),
    ArgumentError,
    "findLearningRate: there is no option 'stepz'",
    "'steps'",
  );
  const size: object = { maxBatchsize: 8 };
  await rejects(
    () => suggestBatchSize(model, size),
    ArgumentError,
    "suggestBatchSize: there is no option 'maxBatchsize'",
  );
  await rejects(() => suggestBatchSize(model, { milliseconds: Number.NaN }), ArgumentError, 'milliseconds');
  await rejects(
    () => suggestBatchSize(model, { milliseconds: Number.POSITIVE_INFINITY }),
    ArgumentError,
    'milliseconds',
  );
  const examples = { batchSize: 8, exampels: 3 };
  await rejects(() => model.memory(examples), ArgumentError, "memory: there is no option 'exampels'", "'examples'");
  for (const wrong of [Number.NaN, Number.POSITIVE_INFINITY, -1, 0])
    assert.throws(() => scaleLearningRate(wrong, 1, 2), /learningRate/);
});

test('a search whose very first loss is not finite says so; one with losses below 0 goes to its end', async () => {
  const broken = classifier();
  await broken.setWeights((await broken.getWeights()).map(({ data }) => data.fill(Number.NaN)));
  const { warn } = console;
  console.warn = () => {};
  try {
    await rejects(
      () => findLearningRate(broken, x, ids, { steps: 10 }),
      DataError,
      'the loss of the very first step is not finite',
    );
  } finally {
    console.warn = warn;
  }
  const below = new Sequential([new Dense(1, { activation: 'sigmoid', inputShape: [3] })]).compile({
    optimizer: 'sgd',
    loss: { name: 'below', perExample: (_, output) => output.neg().sub(5).reshape([output.shape[0]]) },
  });
  const { rates, lowest } = await findLearningRate(below, x, new Float32Array(24), { steps: 25 });
  assert.is(rates.length, 25);
  assert.ok(rates.includes(lowest));
});

test('the search beside a training leaves its rates alone, and those that a schedule sets meanwhile', async () => {
  const y = normal([24, 1], { seed: 2 });
  const model = new Sequential([new Dense(1, { inputShape: [3] })]).compile({
    optimizer: new SGD({ learningRate: 0.01 }),
    loss: 'mse',
  });
  class Falling extends Callback {
    override onEpochBegin(epoch: number): void {
      this.model.optimizer.learningRate = 0.01 / (epoch + 1);
    }
  }
  const training = model.fit(x, y, { epochs: 30, batchSize: 4, verbose: 0, callbacks: [new Falling()] });
  await findLearningRate(model, x, y, { steps: 20, batchSize: 8 });
  const { history } = await training;
  assert.equal(
    history.learning_rate,
    [...Array(30)].map((_, epoch) => 0.01 / (epoch + 1)),
  );
});

// Labels of losses that the user writes

test('what a training takes is told for losses of class ids of any shape, as fit takes them', async () => {
  const focal = {
    name: 'focal',
    perExample(labels: Tensor, output: Tensor) {
      const each = output.mul(labels.oneHot(3)).sum(-1).neg();
      return each.rank > 1 ? each.sum(-1) : each;
    },
  };
  const cases = [
    { layers: () => [new Dense(3, { activation: 'softmax', inputShape: [3] })], x, y: ids, one: [3] },
    // A class for each of four places.
    {
      layers: () => [new Dense(3, { activation: 'softmax', inputShape: [4, 3] })],
      x: normal([6, 4, 3], { seed: 3 }),
      y: tensor(
        Int32Array.from({ length: 24 }, (_, i) => i % 3),
        [6, 4],
      ),
      one: [4, 3],
    },
  ];
  for (const { layers, x, y, one } of cases) {
    const model = new Sequential(layers()).compile({ loss: focal });
    await model.fit(x, y, { verbose: 0, batchSize: 4 });
    assert.ok((await model.evaluate(x, y)).loss < 0);
    assert.ok((await model.memory({ batchSize: 4, examples: 9, validationExamples: 2 })).bytes > 0, `${one}`);
    const { measurements } = await suggestBatchSize(model, { maxBatchSize: 2, milliseconds: 1 });
    assert.is(measurements.length, 2);
    model.dispose();
  }
});

test('a loss that takes neither is told as it says itself', async () => {
  const picky = {
    name: 'picky',
    perExample: () => {
      throw new ShapeError('picky: nothing will do. Leave it.');
    },
  };
  const model = new Sequential([new Dense(3, { inputShape: [2] })]).compile({ loss: picky });
  await rejects(() => model.memory({ batchSize: 4 }), ShapeError, 'nothing will do');
});

test.run();
