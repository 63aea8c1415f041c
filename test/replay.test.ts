/** A step replays what is there: no buffer, bind group or kernel is made while training runs, and memory does not grow. */

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import {
  BatchNormalization,
  Callback,
  Dense,
  type DeviceOptions,
  type DeviceStats,
  DivergenceDetector,
  Dropout,
  openDevice,
  Sequential,
  tensor,
} from '../src/index.ts';
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
  readonly stats: DeviceStats[] = [];
  readonly heap: number[] = [];
  readonly #read: () => DeviceStats;
  constructor(read: () => DeviceStats) {
    super();
    this.#read = read;
  }
  override onTrainBatchEnd(): void {
    this.stats.push(this.#read());
  }
  override onEpochEnd(): void {
    this.stats.push(this.#read());
    collect();
    this.heap.push(process.memoryUsage().heapUsed);
  }
}

const objects = ({ buffers, bindGroups, kernels, bytes }: DeviceStats): string =>
  `${buffers} buffers, ${bindGroups} bind groups, ${kernels} kernels, ${bytes} bytes`;

const network = (): Sequential =>
  new Sequential(
    [
      new Dense(16, { activation: 'relu' }),
      new BatchNormalization(),
      new Dropout(0.2),
      new Dense(4, { activation: 'softmax' }),
    ],
    { inputShape: [8] },
  ).compile({ loss: 'sparseCategoricalCrossentropy', metrics: ['accuracy'] });

test('300 steps with reads of metrics, short batches and validation make nothing', async () => {
  const model = network();
  const device = await model.device();
  const watch = new Watch(() => device.stats);
  // 38 steps an epoch, the last one short.
  await model.fit(x, y, { batchSize: 4, epochs: 8, validationData: [x, y], verbose: 0, callbacks: [watch] });
  assert.is(watch.stats.length, 8 * (38 + 1));
  // Not even the first step: all was made before it.
  assert.equal([...new Set(watch.stats.map(objects))], [objects(watch.stats[0])]);
  const growth = (watch.heap.at(-1) ?? 0) - watch.heap[1];
  // 228 steps: a kilobyte kept by each would show.
  assert.ok(growth < 200_000, `the heap grew by ${growth} bytes`);
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
  // There every read gives zeros, the flag's "step 0" among them.
  const detector = new DivergenceDetector({ policy: 'warn', print: () => {} });
  await model.fit(x, y, { batchSize: 4, epochs: 8, verbose: 0, callbacks: [watch, detector] });
  assert.is(new Set(watch.stats.map(objects)).size, 1);
  device.close();
});

test.run();
