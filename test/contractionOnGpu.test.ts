/**
 * Products and convolutions by the very texts that GPUs run, on the adapter at hand, against those of the adapter itself, which
 * variants.test.ts compares with float64.
 */

import { suite } from 'uvu';
import type { Node } from '../src/ir/op.ts';
import type { Target } from '../src/ir/target.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { mul } from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { matmul } from '../src/ops/matmul.ts';
import { sum } from '../src/ops/reduce.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import { assertClose, draw, evaluate, type Input, nodeOf, TOLERANCE } from './support.ts';

const test = suite('products on a GPU');

const device = await defaultDevice();

async function onGpu<T>(tile: string, work: () => Promise<T>): Promise<T> {
  const { target } = device;
  const name = `workgroupTile ${tile}`;
  const choices = ['matmul', 'conv2d', 'conv2dInputGradient', 'conv2dKernelGradient'].map((op) => [op, name] as const);
  const gpu: Target = { ...target, software: false, subgroups: null, choices: new Map(choices) };
  device.target = gpu;
  try {
    return await work();
  } finally {
    device.target = target;
  }
}

/**
 * [m, k, n], whether a is transposed, whether b is; none is a multiple of a tile, the last k ends within a strip. The other tiles have
 * the same text but for its numbers: variants.others.test.ts has them all, in the shorter form that a CPU compiles.
 */
const PRODUCTS: Readonly<Record<string, readonly [number, number, number, boolean, boolean]>> = {
  '128x128': [131, 67, 132, true, false],
  '64x32': [67, 100, 36, false, true],
  '32x32': [33, 1030, 5, false, false],
  // Narrow ones: a by quads as it lies and b one by one; both one by one, with all k.
  '64x12': [36, 70, 10, true, false],
  '64x16': [67, 10, 13, false, true],
};

for (const [tile, [m, k, n, transposeA, transposeB]] of Object.entries(PRODUCTS)) {
  test(`tiles of ${tile}`, async () => {
    const a = draw(transposeA ? [3, k, m] : [3, m, k]);
    const b = draw(transposeB ? [3, n, k] : [3, k, n]);
    await same([a, b], ([x, y]) => [matmul(x, y, transposeA, transposeB)], tile);
  });
}

test('a convolution and its gradients', async () => {
  const inputs = [draw([2, 9, 11, 3]), draw([3, 3, 3, 40])];
  await same(
    inputs,
    ([image, weights]) => {
      const y = conv2d(image, weights, { padding: 'same' });
      return [y, ...gradients(sum(mul(y, y)), [image, weights])];
    },
    '32x32',
  );
});

async function same(inputs: readonly Input[], build: (nodes: Node[]) => Node[], tile: string): Promise<void> {
  const run = () => evaluate(build(inputs.map(nodeOf)));
  const wanted = await run();
  const got = await onGpu(tile, run);
  for (const [at, values] of got.entries())
    assertClose(values, Float64Array.from(wanted[at]), `${tile}, result ${at}`, TOLERANCE);
}

test.run();
