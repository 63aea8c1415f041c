/** How a training goes on from a file: with the file's optimizer, at the rate that it has, in orders of its own. */

import { existsSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  Adam,
  BackupAndRestore,
  Callback,
  DataError,
  Dense,
  Dropout,
  decodeSafetensors,
  EarlyStopping,
  encodeSafetensors,
  type FitOptions,
  findLearningRate,
  LearningRateScheduler,
  normal,
  ReduceLROnPlateau,
  Sequential,
  SGD,
  suggestBatchSize,
  tensor,
} from '../src/index.ts';
import { Interrupt, interrupted, rejects } from './interruption.ts';

const test = suite('going on');

const folder = mkdtempSync(join(tmpdir(), 'wgrad-going-on-'));
const here = (name: string): string => join(folder, name);
test.after(() => rmSync(folder, { recursive: true }));

const x = normal([35, 3], { seed: 1 });
const y = normal([35, 1], { seed: 2 });
const OPTIONS: FitOptions = { batchSize: 8, verbose: 0 };

const layers = () => [new Dense(5, { inputShape: [3], activation: 'tanh' }), new Dropout(0.2), new Dense(1)];
const make = (optimizer = new Adam({ learningRate: 0.01 })) =>
  new Sequential(layers(), { seed: 4 }).compile({ optimizer, loss: 'mse' });
const flat = async (model: Sequential): Promise<number[]> =>
  (await model.getWeights()).flatMap(({ data }) => [...data]);

// The optimizer of a file, until a step is taken

const LOOKS: [string, (model: Sequential) => unknown][] = [
  ['nothing', () => {}],
  ['evaluate', (model) => model.evaluate(x, y)],
  ['predict', (model) => model.predict(x)],
  ['snapshot', async (model) => (await model.snapshot()).dispose()],
  ['findLearningRate', (model) => findLearningRate(model, x, y, { steps: 10, batchSize: 8 })],
  ['suggestBatchSize', (model) => suggestBatchSize(model, { maxBatchSize: 1, milliseconds: 1 })],
  ['toSafetensors', (model) => model.toSafetensors()],
  ['a fit of no epochs', (model) => model.fit(x, y, { ...OPTIONS, epochs: 0 }).catch(() => {})],
];

const OPTIMIZERS = [() => new SGD({ learningRate: 0.05, momentum: 0.9 }), () => new Adam({ learningRate: 0.02 })];

for (const [at, [name, look]] of LOOKS.entries()) {
  test(`load, compile, ${name}, compile again: the file's optimizer goes on`, async () => {
    const optimizer = OPTIMIZERS[at % OPTIMIZERS.length];
    const model = new Sequential(layers(), { seed: 4 }).compile({ optimizer: optimizer(), loss: 'mse' });
    await model.fit(x, y, { ...OPTIONS, epochs: 2 });
    const bytes = await model.toSafetensors();
    const load = () => Sequential.fromSafetensors(bytes);
    const [byDefault, given] = [
      (await load()).compile({ loss: 'mse' }),
      (await load()).compile({ optimizer: optimizer(), loss: 'mse' }),
    ];
    for (const copy of [byDefault, given]) await look(copy);
    byDefault.compile({ loss: 'mse', metrics: ['mae'] });
    given.compile({ optimizer: optimizer(), loss: 'mse', metrics: ['mae'] });
    assert.equal(byDefault.optimizer.config(), model.optimizer.config());
    assert.is(byDefault.optimizer.name, model.optimizer.name);
    // Moments and all.
    for (const one of [model, byDefault, given]) await one.fit(x, y, { ...OPTIONS, epochs: 4, initialEpoch: 2 });
    const expected = await flat(model);
    assert.equal(await flat(byDefault), expected, 'by default');
    assert.equal(await flat(given), expected, 'given again');
    // Once it is trained, a new compile means new moments, still of the file's optimizer.
    byDefault.compile({ loss: 'mse' });
    assert.is(byDefault.optimizer.name, model.optimizer.name);
    const { metadata } = decodeSafetensors(await byDefault.toSafetensors());
    assert.is(metadata.optimizer_steps, '0');
    for (const one of [model, byDefault, given]) one.dispose();
  });
}

test('a reset after load stays one when the model is compiled again', async () => {
  const model = make();
  await model.fit(x, y, { ...OPTIONS, epochs: 2 });
  const copy = (await Sequential.fromSafetensors(await model.toSafetensors())).compile({ loss: 'mse' });
  await copy.resetOptimizer();
  copy.compile({ loss: 'mse' });
  await model.resetOptimizer();
  for (const one of [model, copy]) await one.fit(x, y, OPTIONS);
  assert.equal(await flat(copy), await flat(model));
});

// The rate

const rates = async (model: Sequential, options: FitOptions = {}): Promise<number[]> =>
  (await model.fit(x, y, { ...OPTIONS, epochs: 4, ...options })).history.learning_rate;

test('a rate that was changed after fit is gone on with', async () => {
  const model = make();
  await model.fit(x, y, { ...OPTIONS, epochs: 2 });
  model.optimizer.learningRate = 0.0001;
  await model.save(here('changed'));
  const copy = make();
  await copy.resume(here('changed'));
  assert.is(copy.optimizer.learningRate, 0.0001);
  assert.equal(await rates(copy), [0.01, 0.01, 0.0001, 0.0001]);
  const backed = make();
  assert.equal(
    await rates(backed, { callbacks: [new BackupAndRestore(here('changed'))] }),
    [0.01, 0.01, 0.0001, 0.0001],
  );
  assert.equal(await flat(backed), await flat(copy));
  assert.not.ok(existsSync(here('changed')));
});

test('training goes on from bytes as from a file, within an epoch, too, and whoever changes them meanwhile changes nothing', async () => {
  const options = { ...OPTIONS, epochs: 3 };
  const whole = make();
  const kept: Uint8Array[] = [];
  class Keep extends Callback {
    override async onTrainBatchEnd(batch: number): Promise<void> {
      // The second of five batches of the second epoch, and the end of the first epoch.
      if (batch === 1 || batch === 4) kept.push(await whole.toSafetensors());
    }
  }
  await whole.fit(x, y, { ...options, callbacks: [new Keep()] });
  for (const bytes of kept.slice(1, 4)) {
    const copy = make();
    const resuming = copy.resume(bytes);
    bytes.fill(0);
    assert.is(await resuming, true);
    const { history } = await copy.fit(x, y, options);
    assert.equal(history, whole.history?.history);
    assert.equal(await flat(copy), await flat(whole));
  }
  await rejects(() => make().resume(new Uint8Array(3)), DataError, 'bytes');
});

test('a rate that is set by hand between resume and fit holds, and one that a callback sets as it begins does not', async () => {
  const model = make();
  await model.fit(x, y, { ...OPTIONS, epochs: 2 });
  await model.save(here('by-hand'));
  class Begin extends Callback {
    override onTrainBegin(): void {
      this.model.optimizer.learningRate = 0.5;
    }
  }
  for (const [hand, expected] of [
    [null, 0.01],
    [0.003, 0.003],
  ] as const) {
    const copy = make();
    await copy.resume(here('by-hand'));
    if (hand !== null) copy.optimizer.learningRate = hand;
    assert.equal(await rates(copy, { callbacks: [new Begin()] }), [0.01, 0.01, expected, expected]);
  }
});

test('within an epoch, the rate that it had come to is gone on with, whatever a schedule says at its beginning', async () => {
  const path = here('within');
  class Halve extends Callback {
    override onTrainBatchEnd(): void {
      this.model.optimizer.learningRate /= 2;
    }
  }
  const run = async (...extra: Callback[]): Promise<unknown> => {
    const model = make();
    const callbacks = [new LearningRateScheduler(() => 0.02), new Halve(), ...extra];
    const { history } = await model.fit(x, y, { ...OPTIONS, epochs: 3, callbacks });
    return { history, weights: await flat(model) };
  };
  const straight = await run();
  await interrupted(run(new BackupAndRestore(path, { saveFreq: 1 }), new Interrupt(1, 3)));
  assert.equal(await run(new BackupAndRestore(path, { saveFreq: 1 })), straight);
});

test('a model that was compiled anew after fit can be saved and gone on with: its moments are new', async () => {
  const model = make();
  await model.fit(x, y, { ...OPTIONS, epochs: 2 });
  model.compile({ optimizer: new Adam({ learningRate: 0.01 }), loss: 'mse', metrics: ['mae'] });
  await model.save(here('anew'));
  const copy = make();
  await copy.resume(here('anew'));
  for (const one of [model, copy]) await one.fit(x, y, { ...OPTIONS, epochs: 4, initialEpoch: 2 });
  assert.equal(await flat(copy), await flat(model));
  // One that has lost them is damaged all the same.
  await copy.save(here('lost'));
  const { tensors, metadata } = decodeSafetensors(await copy.toSafetensors());
  const kept = [...tensors].flatMap(([name, { shape, data }]) =>
    name.startsWith('optimizer/') ? [] : [{ name, shape, data }],
  );
  writeFileSync(here('lost'), encodeSafetensors(kept, metadata));
  await rejects(() => make().resume(here('lost')), DataError, 'optimizer/moment1');
});

// The order of the examples

/** The batches of a training without steps, by the loss of each. */
class Order extends Callback {
  readonly seen: number[] = [];
  override get everyMetrics(): boolean {
    return true;
  }
  override onMetrics({ window }: { window: Record<string, number> }): void {
    this.seen.push(window.loss);
  }
}

const still = () =>
  new Sequential([new Dense(1, { inputShape: [1], useBias: false, kernelInitializer: 'ones' })]).compile({
    optimizer: new SGD({ learningRate: 0 }),
    loss: 'mae',
  });
const eleven = tensor([...Array(11)].map((_, i) => [i + 1]));

async function orderOf(model: Sequential, options: FitOptions = {}): Promise<string> {
  const order = new Order();
  await model.fit(eleven, new Float32Array(11), {
    batchSize: 1,
    verbose: 0,
    ...options,
    callbacks: [order, ...(options.callbacks ?? [])],
  });
  return order.seen.join(' ');
}

test('epochs that are trained one at a time take the examples in ever new orders', async () => {
  const model = still();
  const orders: string[] = [];
  for (let i = 0; i < 4; i++) orders.push(await orderOf(model));
  assert.is(new Set(orders).size, 4, orders.join('; '));
  for (const order of orders) assert.is(new Set(order.split(' ')).size, 11, order);
  // The same again, from the same seed; and where a training goes on by the epoch's number, as in one piece.
  const again = still();
  for (const order of orders) assert.is(await orderOf(again), order);
  const [inOne, inParts] = [still(), still()];
  const whole = await orderOf(inOne, { epochs: 3 });
  assert.is(whole.slice(0, orders[0].length), orders[0]);
  const parts = [await orderOf(inParts, { epochs: 1 }), await orderOf(inParts, { initialEpoch: 1, epochs: 3 })];
  assert.is(parts.join(' '), whole);
  assert.is(await orderOf(still(), { shuffle: false }), await orderOf(again, { shuffle: false }));
});

test('a second training that is interrupted goes on in its own orders', async () => {
  const path = here('second');
  const run = async (...callbacks: Callback[]): Promise<unknown> => {
    const model = make();
    await model.fit(x, y, { ...OPTIONS, epochs: 2 });
    const { history } = await model.fit(x, y, { ...OPTIONS, epochs: 3, callbacks });
    return { history, weights: await flat(model) };
  };
  const straight = await run();
  for (const [epoch, batch] of [
    [1, 2],
    [2, 0],
  ]) {
    await interrupted(run(new BackupAndRestore(path, { saveFreq: 1 }), new Interrupt(epoch, batch)));
    assert.equal(await run(new BackupAndRestore(path)), straight, `${epoch}, ${batch}`);
  }
});

// Files that are saved beside a training

test('a training that goes on from a file that was saved beside it comes to the same bits', async () => {
  const train = async (model: Sequential, ...extra: Callback[]): Promise<unknown> => {
    const callbacks = [
      new ReduceLROnPlateau({ monitor: 'loss', factor: 0.7, patience: 1, minDelta: 0.05 }),
      new EarlyStopping({ monitor: 'loss', patience: 9, restoreBestWeights: true }),
      ...extra,
    ];
    const { history } = await model.fit(x, y, {
      ...OPTIONS,
      batchSize: 2,
      epochs: 25,
      validationSplit: 0.2,
      callbacks,
    });
    return { history, weights: await flat(model) };
  };
  const straight = await train(make());
  const model = make();
  // What saving needs is loaded.
  await model.toSafetensors();
  const files: Uint8Array[] = [];
  let over = false;
  const training = train(model).finally(() => {
    over = true;
  });
  for (let i = 0; !over; i++) {
    await new Promise((wake) => setTimeout(wake, i % 4));
    files.push(await model.toSafetensors());
  }
  assert.equal(await training, straight, 'the files leave no trace');
  const stands = files.filter((bytes) => decodeSafetensors(bytes).metadata.training !== 'null');
  assert.ok(stands.length > 3, `${stands.length} files`);
  for (const at of [0, 1, 2, 3].map((part) => Math.floor((part / 4) * stands.length))) {
    const path = here(`beside-${at}`);
    writeFileSync(path, stands[at]);
    const copy = make();
    await copy.resume(path);
    assert.equal(await train(copy), straight, `file ${at} of ${stands.length}`);
    copy.dispose();
  }
});

test.run();
