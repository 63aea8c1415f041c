/** SwapEMAWeights: what is evaluated, saved and kept are the averages, computed in float64 from the weights of every step; training does not notice. */

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  ArgumentError,
  BackupAndRestore,
  Callback,
  CallbackList,
  Dense,
  EarlyStopping,
  type History,
  type Logs,
  ModelCheckpoint,
  type Optimizer,
  Sequential,
  SGD,
  StateError,
  SwapEMAWeights,
  tensor,
} from '../src/index.ts';
import { FakeModel, params, train } from './callbacks.fake.ts';
import { fail, Interruption, interrupted, rejects } from './interruption.ts';
import { assertClose } from './support.ts';

const test = suite('SwapEMAWeights');
const folder = mkdtempSync(join(tmpdir(), 'wgrad-swap-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

const MOMENTUM = 0.8;
const [X, Y] = [
  [1, 2, 3, -1, 0.5],
  [2, 3, 7, -3, 1],
];
const x = tensor(X, [5, 1]);
const y = tensor(Y, [5, 1]);
const validationData = [x, y] as const;
const plain = { batchSize: 2, epochs: 4, verbose: 0 } as const;

const adam = (): Optimizer => new Adam({ learningRate: 0.1, useEma: true, emaMomentum: MOMENTUM });
const make = (optimizer = adam()): Sequential =>
  new Sequential([new Dense(1, { inputShape: [1] })], { seed: 4 }).compile({ optimizer, loss: 'mse' });
const valuesOf = async (model: Pick<Sequential, 'getWeights'>): Promise<number[]> =>
  (await model.getWeights()).flatMap(({ data }) => [...data]);

/** Keeps the weights after every step, their averages in float64, and what the model has when an epoch is over. */
class Watch extends Callback {
  readonly weights: number[][] = [];
  readonly averages: number[][] = [];
  readonly atEnds: number[][] = [];
  override async onTrainBatchEnd(): Promise<void> {
    const now = await valuesOf(this.model);
    const before = this.averages.at(-1);
    this.weights.push(now);
    this.averages.push(now.map((w, i) => (before === undefined ? w : MOMENTUM * before[i] + (1 - MOMENTUM) * w)));
  }
  override async onEpochEnd(): Promise<void> {
    this.atEnds.push(await valuesOf(this.model));
  }
  /** Of the ends of epochs. */
  static ends<T>(steps: readonly T[]): T[] {
    return steps.filter((_, step) => step % 3 === 2);
  }
}

/** The loss of a line in float64. */
const lossOf = ([kernel, bias]: readonly number[]): number =>
  X.reduce((sum, value, at) => sum + (kernel * value + bias - Y[at]) ** 2, 0) / X.length;

const fit = (model: Sequential, ...callbacks: Callback[]): Promise<History> =>
  model.fit(x, y, { ...plain, validationData, callbacks });

for (const swapOnEpoch of [false, true]) {
  test(`a validation sees the averages, training the weights, swapOnEpoch ${swapOnEpoch}`, async () => {
    const [model, other] = [make(), make()];
    const watch = new Watch();
    // It comes first, wherever it stands.
    const { history } = await fit(model, watch, new SwapEMAWeights({ swapOnEpoch }));
    await fit(other);
    assertClose(history.val_loss, Watch.ends(watch.averages).map(lossOf), 'val_loss', 1e-5);
    const expected = Watch.ends(swapOnEpoch ? watch.averages : watch.weights);
    for (const [epoch, values] of watch.atEnds.entries()) assertClose(values, expected[epoch], `epoch ${epoch}`, 1e-6);
    assert.equal(await valuesOf(model), await valuesOf(other));
    assertClose(await valuesOf(model), watch.averages.at(-1) ?? [], 'in the end', 1e-6);
    for (const one of [model, other]) one.dispose();
  });
}

test('what ModelCheckpoint saves between epochs are the averages, and EarlyStopping brings the best of them back', async () => {
  const model = make();
  const watch = new Watch();
  const path = join(folder, '{epoch}.safetensors');
  // Rises from the start: the second epoch is never better.
  const stop = new EarlyStopping({ monitor: 'worse', mode: 'min', patience: 2, restoreBestWeights: true });
  class Worse extends Callback {
    override onEpochEnd(epoch: number, logs: Logs): void {
      logs.worse = Math.abs(epoch - 1);
    }
  }
  const saved = new ModelCheckpoint(path);
  await fit(model, saved, watch, new Worse(), stop, new SwapEMAWeights({ swapOnEpoch: true }));
  assert.is(stop.bestEpoch, 1);
  assert.is(watch.atEnds.length, 4);
  const averages = Watch.ends(watch.averages);
  assertClose(await valuesOf(model), averages[1], 'the best', 1e-6);
  for (const [epoch, average] of averages.entries()) {
    const loaded = await Sequential.load(join(folder, `${epoch + 1}.safetensors`));
    assertClose(await valuesOf(loaded), average, `epoch ${epoch}`, 1e-6);
    loaded.dispose();
  }
  model.dispose();
});

test('a training that goes on from a file with averages comes to the same bits', async () => {
  const whole = make();
  await fit(whole, new SwapEMAWeights({ swapOnEpoch: true }));
  for (const hook of ['onEpochEnd', 'onTestBatchEnd', 'onTrainBatchEnd'] as const) {
    const stopped = make();
    let saved: Uint8Array | null = null;
    class Save extends Callback {}
    Save.prototype[hook] = async () => {
      if (stopped.history?.epoch.length === 1) saved ??= await stopped.toSafetensors();
    };
    await fit(stopped, new SwapEMAWeights({ swapOnEpoch: true }), new Save());
    const resumed = make();
    assert.ok(saved !== null && (await resumed.resume(saved)), hook);
    await fit(resumed, new SwapEMAWeights({ swapOnEpoch: true }));
    assert.equal(await valuesOf(resumed), await valuesOf(whole), hook);
    for (const model of [stopped, resumed]) model.dispose();
  }
  whole.dispose();
});

test('a training that was killed goes on from its backup, which holds the averages', async () => {
  const path = join(folder, 'backup.safetensors');
  const [whole, killed, resumed] = [make(), make(), make()];
  const { history } = await fit(whole, new SwapEMAWeights({ swapOnEpoch: true }));
  class Kill extends Callback {
    override onEpochBegin(epoch: number): void {
      if (epoch === 2) fail(new Interruption());
    }
  }
  const both = (): Callback[] => [new SwapEMAWeights({ swapOnEpoch: true }), new BackupAndRestore(path)];
  const watch = new Watch();
  await interrupted(fit(killed, ...both(), watch, new Kill()));
  // An error leaves the weights, from which training can go on.
  assert.equal(await valuesOf(killed), watch.weights.at(-1));
  const loaded = await Sequential.load(path);
  assertClose(await valuesOf(loaded), watch.averages.at(-1) ?? [], 'the backup', 1e-6);
  assert.equal((await fit(resumed, ...both())).history.val_loss, history.val_loss);
  assert.equal(await valuesOf(resumed), await valuesOf(whole));
  for (const model of [whole, killed, resumed, loaded]) model.dispose();
});

test('an epoch that is cut short ends with the averages, too', async () => {
  const model = make();
  const watch = new Watch();
  class Stop extends Callback {
    override onTrainBatchEnd(batch: number): void {
      if (this.model.history?.epoch.length === 1 && batch === 1) this.model.stopTraining = true;
    }
  }
  await fit(model, new SwapEMAWeights({ swapOnEpoch: true }), watch, new Stop());
  assert.is(watch.weights.length, 5);
  assertClose(await valuesOf(model), watch.averages[4], 'the end', 1e-6);
  model.dispose();
});

test('evaluate and predict of a loop of your own go by the averages; where one fails, the weights come back', async () => {
  const model = make(new SGD({ learningRate: 0.05, useEma: true, emaMomentum: MOMENTUM }));
  const watch = new Watch();
  const swap = new SwapEMAWeights();
  watch.setModel(model);
  const step = async (): Promise<void> => {
    await model.trainOnBatch(x, y);
    await watch.onTrainBatchEnd();
  };
  for (let at = 0; at < 4; at++) await step();
  const average = watch.averages.at(-1) ?? [];
  assertClose([(await model.evaluate(x, y, { callbacks: [swap] })).loss], [lossOf(average)], 'loss', 1e-5);
  const predicted = await model.predict(x, { callbacks: [swap] });
  assertClose(
    await predicted.data(),
    X.map((value) => value * average[0] + average[1]),
    'predictions',
    1e-5,
  );
  assert.equal(await valuesOf(model), watch.weights.at(-1));
  class Fail extends Callback {
    override onTestBatchEnd(): void {
      fail(new Interruption());
    }
  }
  await interrupted(model.evaluate(x, y, { callbacks: [swap, new Fail()] }));
  await model.evaluate(x, y, { callbacks: [swap] });
  assert.equal(await valuesOf(model), watch.weights.at(-1));
  // Steps that were taken from averages that had stayed are not undone.
  await interrupted(model.evaluate(x, y, { callbacks: [swap, new Fail()] }));
  await step();
  await model.evaluate(x, y, { callbacks: [swap] });
  assert.equal(await valuesOf(model), watch.weights.at(-1));
  model.dispose();
});

test('within hooks of an epoch that is over an evaluation leaves the averages there', async () => {
  const model = new FakeModel();
  model.average = 7;
  const swap = new SwapEMAWeights({ swapOnEpoch: true });
  const seen: number[] = [];
  class Look extends Callback {
    override async onEpochEnd(): Promise<void> {
      await swap.onTestBegin();
      seen.push(model.value);
      swap.onTestEnd();
      seen.push(model.value);
    }
  }
  await train(new CallbackList([new Look(), swap], model, params), model, [1, 2]);
  assert.equal(seen, [7, 7, 7, 7]);
  assert.is(model.snapshots, 0);
});

test('an optimizer without averages is refused before training begins', async () => {
  for (const optimizer of [new Adam(), new SGD({ learningRate: 0.1 })]) {
    const model = make(optimizer);
    const before = await valuesOf(model);
    await rejects(
      () => fit(model, new SwapEMAWeights()),
      StateError,
      'SwapEMAWeights',
      `new ${optimizer.name}({ useEma`,
    );
    assert.equal(await valuesOf(model), before);
    await rejects(() => model.evaluate(x, y, { callbacks: [new SwapEMAWeights()] }), StateError, 'useEma: true');
    await rejects(() => model.swapAverages(), StateError, optimizer.name, 'useEma: true');
    model.dispose();
  }
  await rejects(() => new SwapEMAWeights({ swapOnEpoch: 1 as never }), ArgumentError, 'swapOnEpoch');
});

test.run();
