/**
 * Random graphs, planned and fused, against the float64 oracle: what no test of a single operation sees. A failure names its
 * seed; WGRAD_FUZZ=FIRST:COUNT runs other seeds.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostArray } from '../src/base/dtype.ts';
import { OutOfMemoryError } from '../src/base/errors.ts';
import { sizeOf } from '../src/base/shape.ts';
import { copyOf } from '../src/ops/views.ts';
import { defaultDevice, openDevice } from '../src/runtime/defaultDevice.ts';
import type { Device } from '../src/runtime/device.ts';
import { runOnce } from '../src/runtime/run.ts';
import { dice, randomGraph } from './randomGraphs.ts';

const test = suite('random graphs');

const [FIRST, COUNT] = (process.env.WGRAD_FUZZ ?? '1:48').split(':').map(Number);
/** Graphs of one plan: they compile side by side, and meet in one placement. */
const TOGETHER = 8;
/** Most elements of a tensor. */
const SMALL = 3000;
const LARGE = 30_000;
/** A dozen float32 operations on values of about 1, a matrix product among them: what cancels keeps the error. */
const TOLERANCE = 2e-5;
const SMALLEST = 0.1;

/** Root of the mean square of the differences, over that of the expected values. */
function errorOf(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  if (actual.length !== expected.length) return Number.NaN;
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference / Math.max(norm, SMALLEST ** 2 * expected.length));
}

function graphOf(seed: number, most: number): { seed: number; roots: ReturnType<typeof randomGraph> } {
  const roll = dice(seed + 1e6);
  const values = randomGraph(seed, { size: 3 + roll(10), most });
  // The last one, and two that others need as well.
  const roots = [...new Set([values[values.length - 1], values[roll(values.length)], values[roll(values.length)]])];
  return { seed, roots };
}

async function check(device: Device, graphs: readonly ReturnType<typeof graphOf>[]): Promise<void> {
  // Results lie in memory of their own, also where they are inputs or reshaped ones.
  const all = graphs.flatMap(({ roots }) => roots.map(({ node }) => copyOf(node)));
  const seeds = graphs.map(({ seed }) => seed).join(', ');
  const values: HostArray[] = [];
  try {
    const { storages } = await runOnce(all, [], { device });
    for (const [i, { dtype, shape }] of all.entries()) {
      values.push(await device.read(storages[i], dtype, sizeOf(shape)));
      device.free(storages[i]);
    }
  } catch (error) {
    if (error instanceof OutOfMemoryError) throw error;
    throw new Error(`seeds ${seeds}: ${String(error)}`, { cause: error });
  }
  let at = 0;
  for (const { seed, roots } of graphs) {
    for (const { node, oracle } of roots) {
      const actual = values[at++];
      const error = errorOf(actual, oracle.data);
      if (!(error <= TOLERANCE)) {
        const show = (list: ArrayLike<number>): string => Array.from(list).slice(0, 8).join(', ');
        assert.unreachable(
          `seed ${seed}, ${node.op.name} [${node.shape}] of seeds ${seeds}: relative error ${error}\n  got      ${show(actual)}\n` +
            `  expected ${show(oracle.data)}`,
        );
      }
    }
  }
}

test(`${COUNT} random graphs give what the oracle gives`, async () => {
  const device = await defaultDevice();
  for (let seed = FIRST; seed < FIRST + COUNT; seed += TOGETHER) {
    await check(
      device,
      Array.from({ length: Math.min(TOGETHER, FIRST + COUNT - seed) }, (_, i) =>
        graphOf(seed + i, (seed + i) % 8 === 0 ? LARGE : SMALL),
      ),
    );
  }
});

test('cut into parts they give the same, or are refused', async () => {
  const device = await openDevice({
    limits: { maxStorageBufferBindingSize: 16384, maxComputeWorkgroupsPerDimension: 25 },
  });
  let refused = 0;
  const count = Math.ceil(COUNT / 3);
  for (let seed = FIRST; seed < FIRST + count; seed++) {
    try {
      await check(device, [graphOf(seed, LARGE)]);
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      if (process.env.WGRAD_FUZZ !== undefined) console.log(seed, error.message);
      refused++;
    }
  }
  device.close();
  assert.ok(refused < count / 4, `${refused} of ${count} graphs were refused`);
});

test.run();
