/** wgrad on the study's network: the same plan that `fit` replays, with a batch of its own in place of a data set. */
import { readFile } from 'node:fs/promises';
import { studyLayers } from '../../examples/study/network.ts';
import { Plan } from '../../src/gpu/plan.ts';
import { Adam, accuracy, openDevice, sparseCategoricalCrossentropy, tensor } from '../../src/index.ts';
import { Order, Rows } from '../../src/training/gpuDataset.ts';
import { GpuLedger } from '../../src/training/ledger.ts';
import { Moments } from '../../src/training/moments.ts';
import { Network, trainingStep } from '../../src/training/network.ts';
import { spreadOf } from '../statistics.ts';
import { checkLoss, measure, readTask, report, watchMemory } from './child.ts';

/** Steps of one submission, where that is measured. */
const TOGETHER = 8;

const task = readTask();
const { batch } = task;
const peakBytes = task.mode === 'fresh' ? await watchMemory() : () => null;
const device = await openDevice({ adapter: task.adapter });
const images = Uint8Array.from({ length: batch * 3072 }, (_, i) => (i * 7919) % 256);
const x = await Rows.of(device, tensor(images, [batch, 32, 32, 3]), 'images');
const y = await Rows.of(device, tensor(Int32Array.from({ length: batch }, (_, i) => i % 10)), 'labels');
const order = new Order(device, batch);
order.write(Int32Array.from({ length: batch }, (_, i) => i));

const began = performance.now();
const network = new Network(studyLayers(), [32, 32, 3], 1);
network.trainable.attach(device);
const optimizer = new Adam();
const moments = new Moments(device, optimizer.rule, network.trainable.size);
const loss = sparseCategoricalCrossentropy();
const ledger = new GpuLedger(device, ['loss', 'accuracy']);
const { effects } = trainingStep(
  {
    network,
    loss,
    metrics: [accuracy(loss)],
    x: x.batch(order.node, batch),
    y: y.batch(order.node, batch),
    weights: null,
    ledger,
  },
  optimizer.rule,
  moments.nodes(),
);
const plan = await Plan.compile(device, effects, { maxSteps: task.mode === 'host' ? TOGETHER : 1 });
const values = (i: number) => ({ seed: 1, step: i - 1, position: 0, rates: optimizer.rates(i) });

const times = await measure(task, began, async (i) => {
  plan.run([values(i)]);
  await device.finish();
  return null;
});
if (task.mode !== 'host') {
  const { firstBadStep, sums } = await ledger.read();
  checkLoss(firstBadStep === null ? sums[0] : NaN);
}
const together: number[] = [];
if (task.mode === 'host') {
  for (let i = 0; i < 3 * TOGETHER; i++) {
    const start = performance.now();
    plan.run(Array.from({ length: TOGETHER }, (_, at) => values(i * TOGETHER + at + 1)));
    await device.finish();
    together.push((performance.now() - start) / TOGETHER);
  }
}
const { version }: { version: string } = JSON.parse(
  await readFile(new URL('../../package.json', import.meta.url), 'utf8'),
);
const hostTogetherMs = together.length === 0 ? undefined : spreadOf(together).median;
const facts = { peer: 'wgrad-webgpu', version, adapter: device.info.name, peakBytes: peakBytes(), hostTogetherMs };
await report(task, facts, times);
