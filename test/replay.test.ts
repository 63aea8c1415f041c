/** A step replays what is there: no buffer, bind group or kernel is made while training runs, and memory does not grow. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { CallbackList } from '../src/callbacks/index.ts';
import {
  Adam,
  BatchNormalization,
  Callback,
  Dense,
  type Device,
  type DeviceOptions,
  type DeviceStats,
  DivergenceDetector,
  Dropout,
  History,
  type Logs,
  type MetricsReport,
  ModelCheckpoint,
  openDevice,
  ProgressBar,
  Sequential,
  sparseCategoricalCrossentropy,
  tensor,
} from '../src/index.ts';
import { type Compiled, targetOf } from '../src/network/compiled.ts';
import { inARow } from '../src/network/composition.ts';
import { Network } from '../src/network/network.ts';
import { Moments } from '../src/network/optimizerState.ts';
import { resolveMetrics } from '../src/nn/metrics.ts';
import { disposeExamples, uploadExamples } from '../src/training/data/gpuDataset.ts';
import { Evaluator } from '../src/training/loop/evaluator.ts';
import { Pace } from '../src/training/loop/pace.ts';
import { Trainer } from '../src/training/loop/trainer.ts';
import { draw } from './support.ts';

const test = suite('replay');

// Garbage that waits to be collected is no growth.
setFlagsFromString('--expose-gc');
const collect: () => void = runInNewContext('gc');

const COUNT = 150;
const x = tensor(draw([COUNT, 8]).values, [COUNT, 8]);
const y = new Int32Array(COUNT).map((_, i) => i % 4);

/** What the device has made, after each batch. */
class Watch extends Callback {
  /** Different counts of objects, as text: kept for each batch, they would make the heap grow. */
  readonly stats = new Set<string>();
  looks = 0;
  readonly heap: number[] = [];
  readonly #read: () => DeviceStats;
  constructor(read: () => DeviceStats) {
    super();
    this.#read = read;
  }
  override onTrainBatchEnd(): void {
    this.looks++;
    this.stats.add(objects(this.#read()));
  }
  override onEpochEnd(): void {
    this.onTrainBatchEnd();
    collect();
    this.heap.push(process.memoryUsage().heapUsed);
  }
}

const objects = ({ buffers, bindGroups, kernels, bytes }: DeviceStats): string =>
  `${buffers} buffers, ${bindGroups} bind groups, ${kernels} kernels, ${bytes} bytes`;

const layers = () => [
  new Dense(16, { activation: 'relu' }),
  new BatchNormalization(),
  new Dropout(0.2),
  new Dense(4, { activation: 'softmax' }),
];

const network = (): Sequential =>
  new Sequential(layers(), { inputShape: [8] }).compile({
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });

test('500 steps with reads of metrics, short batches and validation make nothing', async () => {
  const model = network();
  const device = await model.device();
  const watch = new Watch(() => device.stats);
  // 38 steps an epoch, the last one short.
  await model.fit(x, y, { batchSize: 4, epochs: 20, validationData: [x, y], verbose: 0, callbacks: [watch] });
  assert.is(watch.looks, 20 * (38 + 1));
  // Not even the first step: all was made before it.
  assert.is(watch.stats.size, 1, [...watch.stats].join('; '));
  // Compiled JavaScript counts as well, but the first epochs have warmed up; the least of several looks, since on a busy
  // machine a collection may come late.
  const growth = Math.min(...watch.heap.slice(-4)) - Math.min(...watch.heap.slice(5, 9));
  // 304 steps: half a kilobyte kept by each would show.
  assert.ok(growth < 150_000, `the heap grew by ${growth} bytes`);
});

// Several steps a submission

/** What goes to the queue from now on: submissions, and the most that waited at once. */
function watchQueue({ gpu: { queue } }: Device): { submissions: number; waiting: number; most: number } {
  const seen = { submissions: 0, waiting: 0, most: 0 };
  const submit = queue.submit.bind(queue);
  queue.submit = (buffers) => {
    seen.submissions++;
    return submit(buffers);
  };
  const done = queue.onSubmittedWorkDone.bind(queue);
  queue.onSubmittedWorkDone = async () => {
    seen.most = Math.max(seen.most, ++seen.waiting);
    await done();
    seen.waiting--;
    return undefined;
  };
  return seen;
}

/** A training and an evaluation of 601 examples in batches of 2: 301 steps, the last one short. */
const MANY = 601;
const manyValues = Float32Array.from(draw([MANY, 8]).values);
const manyX = tensor(manyValues, [MANY, 8]);
const manyY = tensor(Int32Array.from({ length: MANY }, (_, i) => i % 4));

async function together<T>(
  steps: number | undefined,
  work: (trainer: Trainer, evaluator: Evaluator, compiled: Compiled) => Promise<T>,
  x = manyX,
): Promise<T> {
  const device = await openDevice();
  const network = new Network(inARow(layers(), [8]), 1);
  network.trainable.attach(device);
  network.fixed.attach(device);
  const [optimizer, loss] = [new Adam(), sparseCategoricalCrossentropy()];
  const moments = new Moments(device, optimizer.rule, network.trainable.size);
  const compiled = {
    device,
    network,
    optimizer,
    targets: targetOf(loss, resolveMetrics(['accuracy'], [], loss)),
    moments,
    seed: 1,
    progress: { step: 0 },
  };
  const examples = await uploadExamples(device, [x], [manyY], null);
  const trainer = new Trainer(compiled, examples, MANY, 2, { warn: false, together: steps });
  const evaluator = new Evaluator(compiled, examples, 0, MANY, { batchSize: 2, together: steps });
  try {
    await Promise.all([trainer.prepare(), evaluator.prepare()]);
    return await work(trainer, evaluator, compiled);
  } finally {
    await trainer.dispose();
    await evaluator.dispose();
    disposeExamples(examples);
    device.close();
  }
}

const quiet = new CallbackList([]);

test('the number of steps a submission changes no bit, and never reaches past a reading or a short batch', async () => {
  const results: string[] = [];
  for (const [steps, training, testing] of [
    [1, 301, 301],
    [3, 1 + 2 + 49 * 2 + 1, 100 + 1],
    [16, 1 + 1 + 49 + 1, 19 + 1],
  ]) {
    await together(steps, async (trainer, evaluator, { network: { trainable, fixed }, device, progress }) => {
      const queue = watchQueue(device);
      const logs = [];
      for (const epoch of [0, 1]) logs.push(await trainer.epoch(epoch, true, quiet, () => false));
      // Readings, a submission each, follow step 1, every sixth step and the last one. Between them lie 1 step, 5, 49
      // times 6, and the short one.
      const readings = 1 + 50 + 1;
      assert.is(queue.submissions, 2 * (readings + training), `${steps} together`);
      assert.ok(queue.most <= 2, `${queue.most} submissions in flight`);
      assert.is(progress.step, 602);
      const before = queue.submissions;
      logs.push(await evaluator.run(null));
      assert.is(queue.submissions - before, testing + 1, `evaluation, ${steps} together`);
      const weights = [...(await trainable.read()), ...(await fixed.read())].map((one) => [...one]);
      results.push(JSON.stringify({ logs, weights }));
    });
  }
  assert.is(results[1], results[0], '3 together');
  assert.is(results[2], results[0], '16 together');
});

test('a bad step in the midst of a submission is left out, and so are others until the host has looked', async () => {
  // Batch 100 of 301: the fifth of a submission of six; what comes after it in the same submission waits, too.
  const values = manyValues.slice();
  values[(2 * 100 + 1) * 8 + 3] = Number.NaN;
  const spoilt = tensor(values, [MANY, 8]);
  const results: string[] = [];
  for (const steps of [1, 16]) {
    await together(
      steps,
      async (trainer, _, { network: { trainable } }) => {
        const seen: string[] = [];
        let before: Float32Array[] = [];
        class Watcher extends Callback {
          override async onMetrics({ batch, nonFinite }: MetricsReport): Promise<void> {
            if (nonFinite !== null) seen.push(`${batch}: ${nonFinite.tensor} at ${nonFinite.step}`);
            if (batch === 96) before = await trainable.read();
          }
        }
        await trainer.epoch(0, false, new CallbackList([new Watcher()]), () => false);
        const weights = await trainable.read();
        assert.ok(weights.every((one) => one.every(Number.isFinite)));
        assert.ok(
          weights.some((one, at) => one.some((value, i) => value !== before[at][i])),
          'training went on',
        );
        results.push(JSON.stringify({ seen, weights: weights.map((one) => [...one]) }));
        assert.is(seen[0], '102: inputs at 100');
      },
      spoilt,
    );
  }
  assert.is(results[1], results[0]);
});

test('a stop takes effect within one submission', async () => {
  for (const [steps, expected] of [
    [1, 4],
    [16, 1 + 5 + 6 + 6],
  ]) {
    let asked = 0;
    await together(steps, async (trainer, _, { progress }) => {
      await trainer.epoch(0, true, quiet, () => ++asked === 4);
      assert.is(progress.step, expected);
    });
  }
});

test('hundreds of steps in large submissions make no buffer, bind group or kernel', async () => {
  await together(undefined, async (trainer, evaluator, { device }) => {
    await trainer.epoch(0, true, quiet, () => false);
    await evaluator.run(null);
    const before = objects(device.stats);
    const queue = watchQueue(device);
    await trainer.epoch(1, true, quiet, () => false);
    await evaluator.run(null);
    assert.is(objects(device.stats), before);
    assert.ok(queue.submissions < 600, `${queue.submissions} submissions: the pace lets steps go together`);
  });
});

test('the pace: one step, then what fits 20 ms, doubling at most, up to 16', () => {
  const pace = new Pace();
  let now = 1000;
  const next = (msPerStep: number): number => {
    const { steps } = pace;
    pace.measure(steps, now, now + steps * msPerStep);
    now += steps * msPerStep;
    return pace.steps;
  };
  assert.is(pace.steps, 1);
  assert.is(next(5000), 1, 'a first step that compiles');
  assert.equal([next(1), next(1), next(1), next(1), next(1)], [2, 4, 8, 16, 16]);
  assert.is(next(4), 5);
  assert.is(next(9), 2);
  assert.is(next(30), 1);
  assert.is(next(0), 2);
  // Two submissions in flight: the second begins when the first is done.
  const queued = new Pace();
  queued.measure(1, 0, 10);
  queued.measure(1, 1, 20);
  assert.is(queued.steps, 2, '10 ms a step');
});

test('a callback that listens to batches has every step submitted alone; one that looks on has not', () => {
  class Listener extends Callback {
    override onTrainBatchBegin(): void {}
  }
  class Tester extends Callback {
    override onTestBatchEnd(): void {}
  }
  const alone = (...callbacks: Callback[]): string => {
    const list = new CallbackList(callbacks);
    return `${list.everyTrainBatch} ${list.everyTestBatch}`;
  };
  assert.is(alone(), 'false false');
  assert.is(alone(new ProgressBar(), new ModelCheckpoint('x'), new DivergenceDetector(), new History()), 'false false');
  assert.is(alone(new ProgressBar(), new Listener()), 'true false');
  assert.is(alone(new Tester()), 'false true');
  assert.is(alone(new ModelCheckpoint('x', { saveFreq: 3 })), 'true false');
  assert.is(alone(new CallbackList([new Listener(), new Tester()])), 'true true');
});

test('with a listener every batch is told of, each before the next one is submitted', async () => {
  await together(16, async (trainer, evaluator, { device, progress }) => {
    const queue = watchQueue(device);
    const seen: string[] = [];
    class Listener extends Callback {
      override onTrainBatchEnd(batch: number): void {
        seen.push(`${batch} ${progress.step}`);
      }
      override onTestBatchBegin(batch: number): void {
        seen.push(`test ${batch}`);
      }
    }
    const listening = new CallbackList([new Listener()]);
    await trainer.epoch(0, true, listening, () => false);
    assert.equal(
      seen,
      Array.from({ length: 301 }, (_, batch) => `${batch} ${batch + 1}`),
    );
    const before = queue.submissions;
    await evaluator.run(listening);
    assert.is(queue.submissions - before, 301 + 1);
    assert.is(seen.length, 602);
  });
});

/** Asks for the metrics of every step from the fourth on, but lets them go together. */
class Exact extends Callback {
  readonly covered: number[] = [];
  readonly ends: { batch: number; loss: number }[] = [];
  #told = 0;

  override get everyTrainBatch(): boolean {
    return this.#told >= 3;
  }
  override get everyMetrics(): boolean {
    return this.#told >= 3;
  }
  override onTrainBatchEnd(batch: number, { loss }: Logs): void {
    this.#told = batch;
    this.ends.push({ batch, loss });
  }
  override onMetrics({ batch }: MetricsReport): void {
    this.covered.push(batch);
  }
}

test('whoever asks for it, also in the midst of an epoch, gets every step alone and its metrics before the next', async () => {
  const exact = new Exact();
  const { history } = await network().fit(x, y, {
    batchSize: 1,
    epochs: 1,
    shuffle: false,
    verbose: 0,
    callbacks: [exact],
  });
  const from = exact.ends.findIndex(({ batch }) => batch >= 3) + 1;
  const later = exact.ends.slice(from).map(({ batch }) => batch);
  assert.ok(from < 10 && later.length > 130, `${from}, ${later.length}`);
  assert.equal(
    later,
    Array.from(later, (_, i) => later[0] + i),
    'one by one',
  );
  for (const batch of later) assert.ok(exact.covered.includes(batch + 1), `metrics of batch ${batch}`);
  // The mean so far is that of all batches only if the last one is in it.
  assert.is(exact.ends.at(-1)?.loss, history.loss[0]);
});

test('a second fit needs no new kernel and leaves no memory behind', async () => {
  const model = network();
  const device = await model.device();
  const fit = () => model.fit(x, y, { batchSize: 16, epochs: 2, verbose: 0 });
  await fit();
  const { kernels, bytes } = device.stats;
  for (let i = 0; i < 3; i++) await fit();
  assert.is(device.stats.kernels, kernels);
  assert.is(device.stats.bytes, bytes);
});

test('evaluate makes as much for many batches as for one', async () => {
  const model = network();
  const device = await model.device();
  const part = tensor(draw([15, 8]).values, [15, 8]);
  const made = async (work: () => Promise<unknown>): Promise<string> => {
    const before = device.stats;
    await work();
    const { buffers, bindGroups } = device.stats;
    return `${buffers - before.buffers} buffers, ${bindGroups - before.bindGroups} bind groups`;
  };
  const evaluate = (inputs: typeof x, labels: Int32Array) => () => model.evaluate(inputs, labels, { batchSize: 15 });
  // Once to fill the pool of buffers.
  for (const work of [evaluate(x, y), evaluate(part, y.slice(0, 15))]) await work();
  assert.is(await made(evaluate(x, y)), await made(evaluate(part, y.slice(0, 15))), 'evaluate');
});

test('the device that executes nothing: a step costs what JavaScript and Dawn cost', async () => {
  const options: DeviceOptions = { adapter: 'null' };
  const device = await openDevice(options);
  const model = new Sequential([new Dense(16, { activation: 'relu' }), new Dense(4, { activation: 'softmax' })], {
    inputShape: [8],
    device,
  }).compile({ loss: 'sparseCategoricalCrossentropy' });
  const watch = new Watch(() => device.stats);
  // What is read there is nonsense: the flag may name a step of the first epoch, which is then looked into.
  class SecondEpochOn extends Callback {
    override onEpochBegin(epoch: number): void {
      if (epoch === 1) watch.stats.clear();
    }
  }
  const detector = new DivergenceDetector({ onDivergence: 'warn', print: () => {} });
  const callbacks = [watch, detector, new SecondEpochOn()];
  await model.fit(x, y, { batchSize: 4, epochs: 8, verbose: 0, callbacks });
  assert.is(watch.stats.size, 1, [...watch.stats].join('; '));
  device.close();
});

test.run();
