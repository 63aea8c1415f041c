/** The bench's arithmetic: statistics, counts of work, what the flags mean, and that every kernel's graph can be planned. */
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { throughputChart } from '../bench/chart.ts';
import { convFlops, kernelCases, matmulFlops } from '../bench/kernels.ts';
import { judge } from '../bench/kernelTimes.ts';
import { leafBytes } from '../bench/leaves.ts';
import { settingsOf } from '../bench/options.ts';
import { footnotes } from '../bench/report.ts';
import { firstNearPeak, forecast, spreadOf } from '../bench/statistics.ts';
import type { StepRow } from '../bench/steps.ts';
import { short } from '../bench/table.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import { standIn } from '../src/network/parameters.ts';
import { cpuTarget, gpuTarget } from '../src/ops/targets.ts';

const numbers = suite('bench: numbers');

numbers('median and quartiles, interpolated', () => {
  const { median, low, high, min, max, samples } = spreadOf([4, 1, 3, 2, 10]);
  assert.equal([median, low, high, min, max, samples], [3, 2, 4, 1, 10, 5]);
  assert.is(spreadOf([1, 2]).median, 1.5);
  assert.throws(() => spreadOf([]), /at least one measurement/);
});

numbers('the batch that comes near the peak is the smallest one that does', () => {
  const rows = [
    { batch: 512, imagesPerSecond: 99 },
    { batch: 8, imagesPerSecond: 50 },
    { batch: 128, imagesPerSecond: 100 },
    { batch: 32, imagesPerSecond: 90 },
  ];
  assert.is(firstNearPeak(rows)?.batch, 32);
  assert.is(firstNearPeak(rows, 0.95)?.batch, 128);
  assert.is(firstNearPeak([]), null);
});

numbers('a forecast follows the last two batches, since a step costs something at any size', () => {
  assert.is(forecast([], 8), 0);
  assert.is(forecast([{ batch: 1, ms: 2 }], 8), 16);
  const known = [
    { batch: 1, ms: 20 },
    { batch: 9, ms: 28 },
  ];
  assert.is(forecast(known, 19), 38);
  assert.is(forecast([...known, { batch: 16, ms: 25 }], 32), 25);
});

numbers('operations by formula', () => {
  assert.is(matmulFlops(2, 3, 5), 60);
  // The study's convolution: 1024 positions, 32 filters, 27 inputs.
  assert.is(convFlops(1, { side: 32, channels: 3, filters: 32 }), 2 * 1024 * 32 * 27);
});

numbers('a kernel is judged by the ceiling that it would meet first', () => {
  const ceilings = { gflops: 100, gbs: 10 };
  assert.equal(judge({ flops: 50e6, bytes: 1e6 }, 1, ceilings), {
    gflops: 50,
    gbs: 1,
    bound: 'arithmetic',
    share: 0.5,
  });
  assert.is(judge({ flops: 1e6, bytes: 8e6 }, 1, ceilings).bound, 'memory');
  assert.is(judge({ flops: 0, bytes: 8e6 }, 1, ceilings).share, 0.8);
});

numbers('numbers are printed with about three digits', () => {
  assert.equal([0.01234, 1.2345, 12.345, 12345.6, NaN].map(short), ['0.012', '1.23', '12.3', '12,346', '–']);
});

numbers('a reason is told once, with its count', () => {
  const [slow] = footnotes(new Map([['too slow', 3]]), 2500);
  assert.match(slow, '– too slow, 3 cells: expected to take more than 2.50 s (--budget');
});

numbers('what was asked for decides which parts run', () => {
  const flags = { quick: false, profile: false, adapter: 'auto', json: false, out: 'x' } as const;
  assert.equal([...settingsOf(flags).parts], ['ceilings', 'kernels', 'steps', 'epochs']);
  assert.equal([...settingsOf({ ...flags, network: 'vgg' }).parts], ['kernels']);
  const profile = settingsOf({ ...flags, profile: true });
  assert.equal([...profile.parts], ['steps']);
  assert.equal(profile.batches.steps, [32, 128]);
  const quick = settingsOf({ ...flags, quick: true, batches: [64] });
  assert.equal(quick.batches, { kernels: [64], steps: [64], epochs: [64] });
});

const graphs = suite('bench: kernels');

const targets = [cpuTarget({ lanes: 8 }), gpuTarget()];

graphs('every case can be planned, and says what it takes', () => {
  const seen = new Set<string>();
  for (const one of kernelCases()) {
    const name = `${one.network} ${one.kernel} ${one.direction}`;
    assert.not(seen.has(name), `${name} is there twice`);
    seen.add(name);
    const leaves = one.leaves(2);
    const nodes = leaves.map(({ shape, dtype }) => ({ ...standIn(shape), dtype }));
    const { roots, before = [] } = one.graph(nodes, 2);
    for (const target of targets) {
      const { kernels } = schedule(roots, target, passesFor);
      assert.ok(
        kernels.length > schedule(before, target, passesFor).kernels.length,
        `${name} has no kernel of its own`,
      );
      // What is not in a kernel's graph needs no memory.
      const bound = new Set(kernels.flatMap(({ bindings }) => bindings.map(({ operand }) => operand)));
      for (const node of nodes) assert.ok(bound.has(node), `${name} does not read ${node.shape}`);
    }
    assert.ok(leaves.every((leaf) => leafBytes(leaf) > 0));
    assert.ok(one.flops(4) === 2 * one.flops(2), `${name}: operations grow with the batch`);
  }
});

graphs(
  'convolutions with bias and ReLU, and the study’s with pooling and dropout, are one kernel, after those of other channels',
  () => {
    for (const one of kernelCases()) {
      if (!one.kernel.startsWith('conv') || one.direction !== 'forward') continue;
      const nodes = one.leaves(32).map(({ shape }) => standIn(shape));
      const { kernels } = schedule(one.graph(nodes, 32).roots, targets[0], passesFor);
      const labels = kernels.map(({ label }) => label);
      assert.ok(!labels.pop()?.endsWith('(parts)'), one.kernel);
      assert.ok(
        labels.every((label) => label === 'conv2d (parts)'),
        `${one.kernel}: ${labels.join(', ')}`,
      );
    }
  },
);

graphs('the pooled convolution’s kernel gradient is the fused one that training uses', () => {
  const found = kernelCases().filter((one) => one.kernel.includes('maxPool') && one.direction === 'kernel grad');
  assert.is(found.length, 1);
  for (const one of found) {
    const nodes = one.leaves(32).map(({ shape }) => standIn(shape));
    const labels = schedule(one.graph(nodes, 32).roots, targets[0], passesFor).kernels.map((kernel) => kernel.label);
    assert.ok(
      labels.some((label) => label.startsWith('conv2dPoolGradient')),
      labels.join(', '),
    );
  }
});

const picture = suite('bench: picture');

function step(batch: number, stepMs: number): StepRow {
  return {
    part: 'steps',
    peer: 'wgrad-webgpu',
    adapter: 'a GPU',
    batch,
    firstMs: 100,
    stepMs,
    stepLowMs: stepMs * 0.9,
    stepHighMs: stepMs * 1.1,
    samples: 11,
    queuedMs: stepMs,
    hostMs: 0.1,
    usPerImage: (stepMs * 1000) / batch,
    imagesPerSecond: (batch * 1000) / stepMs,
    peakBytes: 1000,
    peakRatio: 1,
  };
}

picture('the batch that comes near the peak is marked', async () => {
  const { svg } = await throughputChart([step(1, 1), step(32, 4), step(128, 16)], new Date('2026-01-02'));
  assert.match(svg, 'a bigger batch is nearly free until here');
  assert.match(svg, 'batch 32, the first within 10 % of the peak');
  assert.match(svg, 'on a GPU, 2026-01-02');
  assert.not.match(svg, /="[^"<>]*(NaN|Infinity|undefined)/);
});

picture('one batch size makes a picture too', async () => {
  const { svg } = await throughputChart([step(32, 4)], new Date());
  assert.not.match(svg, /="[^"<>]*(NaN|Infinity|undefined)/);
  assert.match(svg, '8,000 images a second at batch 32');
});

numbers.run();
graphs.run();
picture.run();
