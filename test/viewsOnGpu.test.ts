/**
 * Operations that pick elements by index, by the kernels of GPUs on the adapter at hand: permutations through workgroup
 * memory, and four neighbours at once where they stay together. Whatever is picked is the same bits.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Shape, sizeOf, stridesOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import type { Node } from '../src/ir/op.ts';
import { concat } from '../src/ops/concat.ts';
import { add, neg } from '../src/ops/elementwise.ts';
import { gather } from '../src/ops/gather.ts';
import { sum } from '../src/ops/reduce.ts';
import { gpuTarget } from '../src/ops/targets.ts';
import { pad, slice, transpose } from '../src/ops/views.ts';
import { defaultDevice } from '../src/runtime/defaultDevice.ts';
import { assertClose, assertSame, draw, evaluate, type Input, ints, nodeOf } from './support.ts';

const test = suite('views on a GPU');
const device = await defaultDevice();
const onGpu = gpuTarget({ ...device.target, subgroups: null });

async function evaluateOnGpu(nodes: readonly Node[]): ReturnType<typeof evaluate> {
  const { target } = device;
  device.target = onGpu;
  try {
    return await evaluate(nodes);
  } finally {
    device.target = target;
  }
}

const textOf = (node: Node): string => schedule([node], onGpu, passesFor).kernels[0].source;
const usesTiles = (node: Node): boolean => textOf(node).includes('var<workgroup> tile');

function permuted({ shape, values }: Input, permutation: readonly number[]): number[] {
  const from = stridesOf(shape);
  const result = permutation.map((axis) => shape[axis]);
  const to = stridesOf(result);
  return Array.from(values, (_, i) => {
    const at = permutation.reduce((sum, axis, d) => sum + (Math.floor(i / to[d]) % result[d]) * from[axis], 0);
    return values[at];
  });
}

const counted = (shape: Shape): Input => ({ shape, values: Float32Array.from({ length: sizeOf(shape) }, (_, i) => i) });

const PERMUTATIONS: readonly (readonly [shape: Shape, permutation: readonly number[]])[] = [
  [
    [37, 53],
    [1, 0],
  ],
  // Images to channels first: rows and columns of pixels are one axis.
  [
    [2, 7, 11, 33],
    [0, 3, 1, 2],
  ],
  [
    [5, 1, 6, 7, 9],
    [3, 0, 4, 1, 2],
  ],
];

test('permutations go through tiles, and what follows them is fused', async () => {
  const inputs = PERMUTATIONS.map(([shape]) => counted(shape));
  const nodes = inputs.map((input, at) => transpose(nodeOf(input), PERMUTATIONS[at][1]));
  assert.equal(nodes.map(usesTiles), [true, true, true]);
  const [whole, ...values] = await evaluateOnGpu([
    transpose(nodeOf(ints([...Array(2000).keys()], [40, 50]))),
    ...nodes,
  ]);
  assert.instance(whole, Int32Array);
  assertSame(whole, permuted(counted([40, 50]), [1, 0]), 'int32');
  values.forEach((value, at) => {
    assertSame(value, permuted(inputs[at], PERMUTATIONS[at][1]), `[${PERMUTATIONS[at]}]`);
  });
});

test('two permutations that are added: one through tiles, the other beside it', async () => {
  const [x, y] = [draw([41, 31]), draw([41, 31])];
  const both = add(neg(transpose(nodeOf(x))), transpose(nodeOf(y)));
  assert.is(schedule([both], onGpu, passesFor).kernels.length, 1);
  const [value] = await evaluateOnGpu([both]);
  const second = permuted(y, [1, 0]);
  assertSame(
    value,
    permuted(x, [1, 0]).map((one, i) => Math.fround(second[i] - one)),
    'sum',
  );
});

test('tiles are left alone where neighbours stay near, and where a reduction reads the permutation', async () => {
  const x = draw([600, 3]);
  assert.not.ok(usesTiles(transpose(nodeOf(x))));
  assert.not.ok(usesTiles(transpose(nodeOf(draw([3, 600])))));
  assert.not.ok(usesTiles(transpose(nodeOf(draw([8, 20, 16])), [1, 0, 2])));
  const total = sum(transpose(nodeOf(draw([40, 50]))), [0]);
  assert.not.ok(usesTiles(total));
  const [turned] = await evaluateOnGpu([transpose(nodeOf(x))]);
  assertSame(turned, permuted(x, [1, 0]), 'three columns');
});

test('runs of fours along the innermost axis stay whole; a run that begins elsewhere is taken one by one', async () => {
  const x = draw([3, 5, 24]);
  const narrow = draw([3, 5, 4]);
  const at = (i: number, c: number): number => x.values[i * 24 + c];
  const rows = [...Array(15).keys()];
  const nodes = [
    slice(nodeOf(x), [0, 0, 8], [3, 5, 12]),
    slice(nodeOf(x), [0, 0, 6], [3, 5, 12]),
    concat([nodeOf(narrow), nodeOf(x)]),
    pad(nodeOf(x), [
      [0, 0],
      [0, 0],
      [4, 8],
    ]),
    pad(nodeOf(x), [
      [0, 0],
      [0, 0],
      [2, 2],
    ]),
    gather(nodeOf(x), nodeOf(ints([4, 0, 7, 4])), 1),
  ];
  const fours = nodes.map((node) => /: array<vec4f>/.test(textOf(node)));
  assert.equal(fours, [true, false, true, true, false, true]);
  const values = await evaluateOnGpu(nodes);
  const range = (from: number, length: number, f: (i: number, c: number) => number): number[] =>
    rows.flatMap((i) => Array.from({ length }, (_, c) => f(i, c + from)));
  assertSame(values[0], range(8, 12, at), 'slice of fours');
  assertSame(values[1], range(6, 12, at), 'slice elsewhere');
  assertSame(
    values[2],
    range(0, 28, (i, c) => (c < 4 ? narrow.values[i * 4 + c] : at(i, c - 4))),
    'concat',
  );
  const padded = (i: number, c: number): number => (c >= 0 && c < 24 ? at(i, c) : 0);
  assertSame(values[3], range(-4, 36, padded), 'pad by fours');
  assertSame(values[4], range(-2, 28, padded), 'pad by two');
  const picked = [0, 1, 2].flatMap((outer) =>
    [4, 0, Number.NaN, 4].flatMap((row) => Array.from({ length: 24 }, (_, c) => at(outer * 5 + row, c) ?? Number.NaN)),
  );
  assertSame(values[5], picked, 'gather, with an id out of range');
});

test('a sum over a permutation is the sum', async () => {
  const x = draw([40, 50]);
  const [value] = await evaluateOnGpu([sum(transpose(nodeOf(x)), [1])]);
  const expected = Array.from({ length: 50 }, (_, c) =>
    Array.from({ length: 40 }, (_, r) => x.values[r * 50 + c]).reduce((a, b) => a + b, 0),
  );
  assertClose(value, expected, 'sum');
});

test.run();
