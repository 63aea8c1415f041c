/**
 * The tests that run inside a browser. Golden files go through the sources, as in Node; models through the built package, as
 * a page imports it.
 */

import * as assert from 'uvu/assert';
import {
  Adam,
  Concatenate,
  Conv2D,
  CosineDecay,
  CSVLogger,
  cifar10,
  DataError,
  Dense,
  Dropout,
  defaultDevice,
  Embedding,
  Flatten,
  GRU,
  input,
  MaxPooling2D,
  Model,
  normal,
  openDevice,
  proceduralImages,
  Rescaling,
  Sequential,
  StateError,
  SwapEMAWeights,
  Tensor,
  tensor,
} from 'wgrad';
import { goldenCase } from '../goldenChecks.ts';

const models: Readonly<Record<string, () => Promise<void>>> = {
  async 'fit lowers the loss, and a copy by safetensors predicts the same bits'() {
    const { train } = proceduralImages({ train: 200, test: 1 });
    const x = tensor(train.images, train.shape);
    const model = new Sequential([
      new Rescaling(1 / 255),
      new Conv2D(8, 3, { activation: 'relu' }),
      new MaxPooling2D(2),
      new Dropout(0.1),
      new Flatten(),
      new Dense(10, { activation: 'softmax' }),
    ]);
    model.compile({ optimizer: 'adam', loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });
    const { history } = await model.fit(x, train.labels, { epochs: 3, batchSize: 20, verbose: 0 });
    assert.is(history.loss.length, 3);
    assert.ok(history.loss[2] < 0.95 * history.loss[0], `the loss went ${history.loss.join(', ')}`);

    const copy = await Sequential.fromSafetensors(await model.toSafetensors());
    const [expected, actual] = [await model.predict(x), await copy.predict(x)];
    assert.equal(Array.from(await actual.data()), Array.from(await expected.data()));
  },

  async 'a graph of layers with recurrence and masks learns by a schedule, is judged by its averages, and comes back from a file'() {
    const [ids, features] = [input([5], { name: 'ids' }), input([2], { name: 'features' })];
    const read = new GRU(4).apply(new Embedding(6, 3, { maskZero: true }).apply(ids));
    const outputs = new Dense(2, { activation: 'softmax' }).apply(new Concatenate().apply([read, features]));
    const model = new Model({ inputs: [ids, features], outputs });
    const learningRate = new CosineDecay({ initialLearningRate: 0.05, decaySteps: 40 });
    const optimizer = new Adam({ learningRate, useEma: true, emaMomentum: 0.9 });
    model.compile({ optimizer, loss: 'sparseCategoricalCrossentropy' });
    const labels = Int32Array.from({ length: 32 }, (_, i) => i % 2);
    // Two or three steps, then padding; the first one says which class it is.
    const steps = Int32Array.from({ length: 160 }, (_, at) => {
      const [example, step] = [Math.floor(at / 5), at % 5];
      return step > 1 + (example % 3) ? 0 : step === 0 ? 1 + (example % 2) : 3 + ((example + step) % 3);
    });
    const x = [tensor(steps, [32, 5]), normal([32, 2], { seed: 1 })] as const;
    const options = { epochs: 10, batchSize: 8, verbose: 0, validationData: [[...x], labels] } as const;
    const { history } = await model.fit([...x], labels, { ...options, callbacks: [new SwapEMAWeights()] });
    assert.ok(history.loss[9] < 0.5 * history.loss[0], `the loss went ${history.loss.join(', ')}`);
    assert.ok(history.val_loss[9] < 0.5 * history.val_loss[0], `by the averages ${history.val_loss.join(', ')}`);
    assert.ok(Math.abs(history.learning_rate[4] - 0.025) < 1e-9, 'half of the way');
    const copy = await Model.fromSafetensors(await model.toSafetensors());
    const [expected, actual] = [await model.predict([...x]), await copy.predict([...x])];
    assert.instance(actual, Tensor);
    assert.equal(actual instanceof Tensor && Array.from(await actual.data()), Array.from(await expected.data()));
  },

  async 'a device that measures kernels keeps the winners in local storage'() {
    const device = await openDevice({ tune: true });
    const dense = new Sequential([new Dense(16)], { device });
    await dense.predict(tensor(new Float32Array(32 * 24), [32, 24]));
    device.close();
    const kept = Object.keys(localStorage).filter((key) => key.startsWith('wgrad tuning'));
    assert.is(kept.length, 1);
    assert.match(localStorage.getItem(kept[0]) ?? '', '"choices"');
  },

  async 'what needs files says so'() {
    await rejects(() => cifar10.load(), DataError, 'cifar10.decode');
    const model = new Sequential([new Dense(1)], { inputShape: [2] });
    await rejects(() => model.save('model.safetensors'), StateError, 'toSafetensors');
    model.compile({ loss: 'meanSquaredError' });
    const x = tensor([[1, 2]]);
    const callbacks = [new CSVLogger('log.csv')];
    await rejects(() => model.fit(x, [[1]], { verbose: 0, callbacks }), StateError, 'History');
  },

  async 'a closed device says so, and the next use opens another'() {
    const device = await defaultDevice();
    device.close();
    assert.throws(() => device.check(), /closed/);
    assert.is(await tensor([1, 2, 3]).sum().item(), 6);
    assert.is.not(await defaultDevice(), device);
  },
};

async function rejects(
  run: () => Promise<unknown>,
  kind: new (...args: never[]) => Error,
  text: string,
): Promise<void> {
  const error = await run().then(
    () => null,
    (thrown: unknown) => thrown,
  );
  assert.instance(error, kind);
  assert.match(String(error), text);
}

async function golden(file: string): Promise<void> {
  const response = await fetch(`/golden/${file}`);
  await goldenCase(new Uint8Array(await response.arrayBuffer())).run();
}

/** What the runner calls; null means that a test has passed, else what went wrong. */
const tests = {
  models: Object.keys(models),
  runModel: (name: string): Promise<string | null> => outcome(models[name]),
  runGolden: (file: string): Promise<string | null> => outcome(() => golden(file)),
};

export type PageTests = typeof tests;

async function outcome(run: () => Promise<void>): Promise<string | null> {
  try {
    await run();
    return null;
  } catch (error) {
    return error instanceof Error ? (error.stack ?? error.message) : String(error);
  }
}

Object.assign(globalThis, { wgradTests: tests });
