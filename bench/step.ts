/**
 * Whole training steps of the study's network:  npm run bench [-- --batches 32,128] [--json]
 *
 * firstMs is from the first line of model code to the end of the first step, kernels compiled; stepMs the median of the
 * steps after a warm-up, each awaited; hostMs what JavaScript and Dawn cost a step, from submission to its return.
 */
import { parseArgs } from 'node:util';
import { studyLayers } from '../examples/study/network.ts';
import { Plan } from '../src/gpu/plan.ts';
import { Adam, accuracy, openDevice, sparseCategoricalCrossentropy, tensor } from '../src/index.ts';
import { Order, Rows } from '../src/training/gpuDataset.ts';
import { GpuLedger } from '../src/training/ledger.ts';
import { Moments } from '../src/training/moments.ts';
import { Network, trainingStep } from '../src/training/network.ts';

const { values: flags } = parseArgs({
  options: {
    batches: { type: 'string', default: '32,128' },
    steps: { type: 'string', default: '11' },
    json: { type: 'boolean', default: false },
    kernels: { type: 'boolean', default: false },
  },
});

const device = await openDevice();
if (!flags.json) console.log(`${device.info.name}${device.info.software ? ' (software)' : ''}`);

for (const batch of flags.batches.split(',').map(Number)) {
  const began = performance.now();
  const network = new Network(studyLayers(), [32, 32, 3], 1);
  network.trainable.attach(device);
  const optimizer = new Adam();
  const moments = new Moments(device, optimizer.rule, network.trainable.size);
  const loss = sparseCategoricalCrossentropy();
  const ledger = new GpuLedger(device, ['loss', 'accuracy']);
  const images = Uint8Array.from({ length: batch * 3072 }, (_, i) => (i * 7919) % 256);
  const x = await Rows.of(device, tensor(images, [batch, 32, 32, 3]), 'images');
  const y = await Rows.of(device, tensor(Int32Array.from({ length: batch }, (_, i) => i % 10)), 'labels');
  const order = new Order(device, batch);
  order.write(Int32Array.from({ length: batch }, (_, i) => i));
  const step = trainingStep(
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
  const plan = await Plan.compile(device, step.effects);
  const host: number[] = [];
  const whole: number[] = [];
  let firstMs = 0;
  for (let i = 0; i <= Number(flags.steps) + 2; i++) {
    const start = performance.now();
    plan.run([{ seed: 1, step: i, position: 0, rates: optimizer.rates(i + 1) }]);
    const submitted = performance.now();
    await device.finish();
    if (i === 0) firstMs = performance.now() - began;
    // Two more steps warm the caches.
    if (i > 2) {
      host.push(submitted - start);
      whole.push(performance.now() - start);
    }
  }
  const stepMs = median(whole);
  const peakBytes = plan.schedule.placement.bytes;
  const round = (value: number): number => Math.round(value * 100) / 100;
  const row = {
    peer: 'wgrad-webgpu',
    adapter: device.info.name,
    batch,
    firstMs: round(firstMs),
    stepMs: round(stepMs),
    hostMs: round(median(host)),
    usPerImage: round((stepMs * 1000) / batch),
    peakBytes,
  };
  if (flags.json) console.log(JSON.stringify(row));
  else {
    console.log(
      `batch ${batch}: first step ${row.firstMs.toFixed(0)} ms, then ${row.stepMs} ms (${Math.min(...whole).toFixed(1)} to ` +
        `${Math.max(...whole).toFixed(1)}), ${row.usPerImage} µs an image, host ${row.hostMs} ms, ${(peakBytes / 2 ** 20).toFixed(1)} MiB`,
    );
  }
  if (flags.kernels) {
    for (const { label, ms } of await plan.profile()) {
      console.log(
        `  ${label.padEnd(60)} ${ms.toFixed(2).padStart(8)} ms  ${((ms * 1000) / batch).toFixed(0).padStart(6)} µs an image`,
      );
    }
  }
  plan.dispose();
}
device.close();

function median(values: readonly number[]): number {
  return [...values].sort((a, b) => a - b)[values.length >> 1];
}
