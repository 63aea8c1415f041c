/** Keys of the logs: what is watched and missing, what is written and taken, and what a path wants of them. */

import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  ArgumentError,
  Callback,
  Dense,
  EarlyStopping,
  type FitOptions,
  LearningRateScheduler,
  type Logs,
  type Metric,
  ModelCheckpoint,
  type ModelCheckpointOptions,
  ReduceLROnPlateau,
  Sequential,
  SGD,
  tensor,
} from '../src/index.ts';
import { SavedState } from '../src/io/state.ts';
import { StepMeans } from '../src/tensorboard/stepMeans.ts';
import { FakeModel, params, train } from './callbacks.fake.ts';
import { rejects } from './interruption.ts';

const folder = mkdtempSync(join(tmpdir(), 'wgrad-keys-'));
const here = (...names: string[]): string => join(folder, ...names);

const test = suite('callbacks: keys');
test.after(() => rmSync(folder, { recursive: true }));

/** One weight, from 0 towards 3 while validation wants 1: the validation loss falls first and rises then. */
function line(learningRate = 0.15): Sequential {
  const layers = [new Dense(1, { inputShape: [1], useBias: false, kernelInitializer: 'zeros' })];
  return new Sequential(layers).compile({ optimizer: new SGD({ learningRate }), loss: 'mse' });
}
const one = tensor([[1]]);
const validation = { validationData: [one, one] as const, verbose: 0 } as const;
const weightIn = async (path: string): Promise<number> => {
  const model = await Sequential.load(path);
  const [{ data }] = await model.getWeights();
  model.dispose();
  return data[0];
};
/** The weight after so many steps towards 3, by hand: each step takes the share 2 * 0.15 of what is left. */
const after = (steps: number): number => 3 * (1 - 0.7 ** steps);

async function watched(fit: FitOptions, ...callbacks: Callback[]): Promise<Sequential> {
  const model = line();
  await model.fit(one, tensor([[3]]), { ...validation, ...fit, callbacks });
  return model;
}

test('the best file stays where validation leaves epochs out', async () => {
  for (const [freq, best] of [
    [2, 2],
    [3, 3],
  ]) {
    const path = here(`best-${freq}`);
    const lines: string[] = [];
    const checkpoint = new ModelCheckpoint(path, { saveBestOnly: true, print: (text) => lines.push(text) });
    const model = await watched({ epochs: 7, validationFreq: freq }, checkpoint);
    // The weights of 2 and 3 steps, 1.53 and 1.97, lie nearer to 1 than all that come later.
    assert.ok(Math.abs((await weightIn(path)) - after(best)) < 1e-5, `validationFreq ${freq}`);
    assert.ok(Math.abs((checkpoint.best ?? 0) - (after(best) - 1) ** 2) < 1e-5);
    assert.equal(lines, []);
    model.dispose();
  }
});

test('until a best value is known, and without validation at all, the newest is saved rather than nothing', async () => {
  const path = here('newest');
  const seen: number[] = [];
  class Look extends Callback {
    override get rank(): number {
      return 2;
    }
    override async onEpochEnd(): Promise<void> {
      seen.push(await weightIn(path));
    }
  }
  const first = await watched(
    { epochs: 3, validationFreq: 2 },
    new ModelCheckpoint(path, { saveBestOnly: true }),
    new Look(),
  );
  for (const [epoch, weight] of seen.entries())
    assert.ok(Math.abs(weight - after([1, 2, 2][epoch])) < 1e-5, `${epoch}`);
  first.dispose();

  const lines: string[] = [];
  const checkpoint = new ModelCheckpoint(here('none'), { saveBestOnly: true, print: (text) => lines.push(text) });
  const second = await watched({ epochs: 3, validationData: undefined }, checkpoint);
  assert.ok(Math.abs((await weightIn(here('none'))) - after(3)) < 1e-5);
  assert.is(lines.length, 1);
  assert.match(lines[0], /val_loss, which is not in the logs .*pass validation data/);
  second.dispose();

  // A value to beat is a best value, too.
  const bar = new ModelCheckpoint(here('bar'), { saveBestOnly: true, initialValueThreshold: 0.01, print: () => {} });
  (await watched({ epochs: 3, validationFreq: 2 }, bar)).dispose();
  assert.not.ok(existsSync(here('bar')));
});

test('a validation that is still to come is no reason to warn; one that never comes is', async () => {
  const warnings = async (fit: FitOptions, monitor = 'val_loss'): Promise<number> => {
    const lines: string[] = [];
    const options = { monitor, mode: 'min', print: (text: string) => lines.push(text) } as const;
    const all = [
      new EarlyStopping({ patience: 9, ...options }),
      new ReduceLROnPlateau(options),
      new ModelCheckpoint(here('warn'), { saveBestOnly: true, ...options }),
    ];
    (await watched(fit, ...all)).dispose();
    return lines.length;
  };
  assert.is(await warnings({ epochs: 4, validationFreq: 2 }), 0);
  assert.is(await warnings({ epochs: 4, validationFreq: 4 }), 0);
  assert.is(await warnings({ epochs: 4, validationFreq: 5 }), 3);
  assert.is(await warnings({ epochs: 4, validationFreq: 3, initialEpoch: 3 }), 3);
  assert.is(await warnings({ epochs: 4, validationFreq: 2 }, 'val_acc'), 3);
});

test('EarlyStopping and ReduceLROnPlateau count validated epochs only', async () => {
  const stopping = new EarlyStopping({ patience: 1, restoreBestWeights: true });
  const model = await watched({ epochs: 9, validationFreq: 2 }, stopping);
  // Validated after 2 steps (0.28) and 4 steps (1.64).
  assert.equal([stopping.bestEpoch, stopping.stoppedEpoch], [1, 3]);
  assert.ok(Math.abs((await model.getWeights())[0].data[0] - after(2)) < 1e-5);
  model.dispose();
  const plateau = new ReduceLROnPlateau({ patience: 2, factor: 0.5 });
  const other = await watched({ epochs: 9, validationFreq: 2 }, plateau);
  assert.equal(
    plateau.drops.map(({ epoch }) => epoch),
    [5],
  );
  other.dispose();
});

test('what batches never have is refused before training', async () => {
  const make = (path: string, options: ModelCheckpointOptions) => () => new ModelCheckpoint(path, options);
  for (const [path, options, part] of [
    ['x', { saveFreq: 2, saveBestOnly: true }, 'val_loss'],
    ['x', { saveFreq: 1, saveBestOnly: true, monitor: 'learning_rate', mode: 'min' }, 'learning_rate'],
    ['{val_loss:.2f}', { saveFreq: 2 }, 'val_loss'],
    ['{loss}-{learning_rate}', { saveFreq: 2 }, 'learning_rate'],
    ['{epoch}-{batch:03d}', {}, 'batch'],
  ] as const) {
    await rejects(make(path, options), ArgumentError, part, 'saveFreq');
  }
  assert.ok(make('{epoch}-{batch}-{loss}', { saveFreq: 2, saveBestOnly: true, monitor: 'loss' })());
  assert.ok(make('{epoch}-{val_loss}', { saveBestOnly: true })());
});

test('formats that no number can be written with are refused before training', async () => {
  const make = (path: string) => () => new ModelCheckpoint(path, { monitor: 'loss' });
  for (const field of [
    '{loss:.101f}',
    '{loss:.101e}',
    '{loss:.400}',
    '{epoch:99999999999d}',
    '{loss:d}',
    '{epoch:.2d}',
  ]) {
    await rejects(make(field), ArgumentError, field);
  }
  const model = new FakeModel();
  await train(new ModelCheckpoint('{loss:.100f}-{loss:.100e}-{epoch:255d}'), model, [0.5], 'loss');
  assert.is(model.saved[0].length, 102 + 1 + 106 + 1 + 255);
});

test('a path names the validation that an epoch leaves out as NaN', async () => {
  const model = await watched(
    { epochs: 3, validationFreq: 2 },
    new ModelCheckpoint(here('named', '{epoch}-{val_loss:.2f}')),
  );
  assert.equal(readdirSync(here('named')), ['1-NaN', '2-0.28', '3-NaN']);
  model.dispose();
  await rejects(
    () => watched({ epochs: 1, validationFreq: 2 }, new ModelCheckpoint(here('{accuracy}'))),
    ArgumentError,
    'accuracy',
  );
});

test('the rate in the logs is that of the epoch, whoever sets the next one and whoever comes after', async () => {
  const halve = (): ReduceLROnPlateau =>
    new ReduceLROnPlateau({ monitor: 'loss', patience: 1, factor: 0.5, minDelta: 100 });
  class AtTest extends Callback {
    override onTestEnd(): void {
      this.model.optimizer.learningRate /= 2;
    }
  }
  const orders: (() => Callback[])[] = [
    () => [halve(), new LearningRateScheduler((_, rate) => rate)],
    () => [new LearningRateScheduler((_, rate) => rate), halve()],
    () => [halve(), halve()],
    () => [new AtTest(), halve()],
  ];
  for (const [at, order] of orders.entries()) {
    const used: number[] = [];
    class Watch extends Callback {
      override onTrainBatchBegin(): void {
        used.push(this.model.optimizer.learningRate);
      }
    }
    const model = line();
    const { history } = await model.fit(one, tensor([[3]]), {
      ...validation,
      epochs: 4,
      callbacks: [...order(), new Watch()],
    });
    assert.equal(history.learning_rate, used, `order ${at}`);
    assert.ok(used[3] < used[0]);
    model.dispose();
  }
});

test('means over several steps have any name', () => {
  const means = new StepMeans();
  const names = ['loss', 'constructor', 'toString', 'valueOf'];
  for (const [value, examples] of [
    [1, 3],
    [5, 1],
  ]) {
    means.add({ means: Object.fromEntries(names.map((name) => [name, value])), steps: 1, examples, seconds: null });
  }
  const saved = new StepMeans();
  saved.restore(new SavedState('it', means.state()));
  for (const one of [means, saved]) assert.equal(one.take().means, Object.fromEntries(names.map((name) => [name, 2])));
});

const metric = (name: string): Metric => ({
  name,
  perExample: (_, output) => output.mul(0).add(7).reshape([output.shape[0]]),
});
const withMetrics =
  (...names: string[]) =>
  (): Sequential =>
    new Sequential([new Dense(1, { inputShape: [1] })]).compile({ loss: 'mse', metrics: names.map(metric) });

test('a metric has no name that the logs, or what is written of them, have for another thing', async () => {
  for (const name of [
    'loss',
    'learning_rate',
    'epoch',
    'batch',
    'val_loss',
    'val_',
    'steps_per_second',
    '__proto__',
    '',
  ]) {
    await rejects(withMetrics(name), ArgumentError, `'${name}'`, 'name');
  }
  for (const name of ['a\nb', 'red\u001b[31m', 'tab\t', '\u202eback', 'c1\u009b']) {
    await rejects(withMetrics(name), ArgumentError, 'no plain text');
  }
  await rejects(withMetrics('mae2', 'mae2'), ArgumentError, 'mae2');
});

test('names that objects have of their own are names like any other', async () => {
  const names = ['constructor', 'toString', 'hasOwnProperty', 'size', 'value', 'naïve Größe', '0'];
  const model = withMetrics(...names)();
  const seen: Logs[] = [];
  class Look extends Callback {
    override onEpochEnd(_: number, logs: Logs): void {
      seen.push(logs);
    }
  }
  const { history } = await model.fit(one, one, { ...validation, epochs: 2, callbacks: [new Look()] });
  const all = names.flatMap((name) => [name, `val_${name}`]);
  for (const key of all) assert.equal(history[key], [7, 7], key);
  assert.equal(Object.keys(seen[0]).sort(), [...all, 'loss', 'val_loss', 'learning_rate'].sort());
  const early = new EarlyStopping({ monitor: 'toString', mode: 'min', print: (text) => assert.unreachable(text) });
  early.setModel(new FakeModel());
  early.setParams(params);
  await early.onEpochEnd(0, seen[0]);
  assert.is(early.best, 7);
  model.dispose();
});

test.run();
