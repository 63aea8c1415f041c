/** Running sums, sorting and the largest elements: ties, NaN, int32, rows of many lengths, and where gradients go. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as f from '../src/tensor/index.ts';
import { realise } from '../src/tensor/lazyValue.ts';
import * as o from './reference.ts';
import { compare, distinct } from './support.ts';

const test = suite('sorting');
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** The values of tensors, computed in one plan; 0 and -0 are the same. */
async function valuesOf(...tensors: readonly f.Tensor[]): Promise<string[]> {
  await realise(tensors);
  return Promise.all(tensors.map(async (one) => Array.from(await one.data(), (value) => String(value + 0)).join(' ')));
}

test('running sums pass NaN and infinity on, and only onward', async () => {
  const x = f.tensor([1, inf, 2, nan, 3]);
  const whole = f.tensor(Int32Array.of(16777216, 1, 1, 2 ** 31 - 1));
  assert.equal(
    await valuesOf(
      f.cumsum(x),
      f.cumsum(x, 0, { exclusive: true }),
      f.cumsum(x, 0, { reverse: true }),
      f.cumsum(whole),
      f.cumsum(f.tensor(new Uint8Array([200, 100, 1]))),
    ),
    [
      '1 Infinity Infinity NaN NaN',
      '0 1 Infinity Infinity NaN',
      'NaN NaN NaN NaN 3',
      `16777216 16777217 16777218 ${(16777218 + 2 ** 31 - 1) | 0}`,
      '200 300 301',
    ],
  );
  assert.is(f.cumsum(whole).dtype, 'int32');
});

test('long running sums are cut into chunks, and stay exact', async () => {
  const count = 70_001;
  const [ones, back] = [f.cumsum(f.ones([count, 3]), 0), f.cumsum(f.ones([2, count]), -1, { reverse: true })];
  await realise([ones, back]);
  const [down, right] = [await ones.data(), await back.data()];
  assert.ok(down.every((value, i) => value === Math.floor(i / 3) + 1));
  assert.ok(right.every((value, i) => value === count - (i % count)));
});

test('sorting is stable; NaN come last either way; int32 are exact', async () => {
  const x = f.tensor([2, nan, -0, inf, 0, -inf, 2, -1]);
  const whole = f.tensor(Int32Array.of(16777217, -(2 ** 31), 16777216, 2 ** 31 - 1, 16777217));
  assert.equal(
    await valuesOf(
      f.sort(x),
      f.argSort(x),
      f.sort(x, { descending: true }),
      f.argSort(x, { descending: true }),
      f.sort(whole),
      f.argSort(whole, { descending: true }),
      f.sort(f.tensor(new Uint8Array([7, 250, 3]))),
    ),
    [
      '-Infinity -1 0 0 2 2 Infinity NaN',
      '5 7 2 4 0 6 3 1',
      'Infinity 2 2 0 0 -1 -Infinity NaN',
      '3 0 6 2 4 7 5 1',
      '-2147483648 16777216 16777217 16777217 2147483647',
      '3 0 4 2 1',
      '3 7 250',
    ],
  );
  assert.equal([f.sort(whole).dtype, f.argSort(x).dtype], ['int32', 'int32']);
});

test('rows of many lengths, with many ties and some NaN, against a stable sort', async () => {
  const rows = [1, 31, 32, 33, 64, 65, 100, 1000, 4099].map((width) => {
    const data = Float64Array.from({ length: 2 * width }, (_, i) => ((i * 7919) % 101 === 5 ? nan : (i * 7919) % 37));
    return { shape: [2, width], data };
  });
  const tensors = rows.map(({ shape, data }) => f.tensor(Float32Array.from(data), shape));
  const orders = tensors.flatMap((x) => [f.argSort(x), f.argSort(x, { descending: true })]);
  await realise(orders);
  for (const [at, row] of rows.entries()) {
    for (const descending of [false, true]) {
      const found = await orders[2 * at + Number(descending)].data();
      assert.equal(Array.from(found), Array.from(o.sort(row, descending).order.data), `${row.shape[1]}, ${descending}`);
    }
  }
});

test('gradients follow the elements, along any axis, and twice', async () => {
  await compare({
    inputs: [distinct([3, 40, 2])],
    gpu: (x) => f.sort(new f.Tensor(x), { axis: 1, descending: true }).node,
    oracle: (x) => o.transpose(o.sort(o.transpose(x, [0, 2, 1]), true).values, [0, 2, 1]),
  });
  await compare({
    inputs: [distinct([4, 9])],
    gpu: (x) => {
      const cube = (y: f.Tensor): f.Tensor => f.topK(y, 3).values.pow(3).mul([1, 2, 3]).sum();
      return f.grad(cube)(new f.Tensor(x))[0].node;
    },
    oracle: (x) => {
      const { order } = o.sort(x, true);
      const data = new Float64Array(36);
      for (let i = 0; i < 36; i++) {
        const from = i - (i % 9) + order.data[i];
        if (i % 9 < 3) data[from] = 3 * ((i % 9) + 1) * x.data[from] ** 2;
      }
      return { shape: x.shape, data };
    },
  });
});

test('the largest elements and where they are', async () => {
  const x = f.tensor([
    [1, 5, 5, 2],
    [nan, 7, -inf, 8],
  ]);
  const { values, indices } = f.topK(x, 3);
  const down = f.topK(x.slice([0, 1], [2, 3]), 1, { axis: 0 });
  assert.equal(await valuesOf(values, indices, down.values, down.indices), [
    '5 5 2 NaN 8 7',
    '1 2 3 0 3 1',
    '7 5 8',
    '1 0 1',
  ]);
  assert.equal([values.shape, indices.dtype, [...down.values.shape]], [[2, 3], 'int32', [1, 3]]);
  assert.throws(() => f.topK(x, 5), /topK: there are no 5 elements along axis 1 of \[2, 4\]/);
  assert.throws(() => f.topK(x, 0), /topK: .*k/);
  assert.throws(() => f.sort(1), /sort: a scalar/);
  assert.throws(() => f.sort(x, { axis: 2 }), /sort: axis 2/);
});

test.run();
