/** Ties of max and min share the gradient equally, whichever axes are reduced. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as e from '../src/ops/elementwise.ts';
import { max, min } from '../src/ops/reduce.ts';
import { grad, type Tensor, tensor } from '../src/tensor/index.ts';
import * as o from './reference.ts';
import { compare, distinct } from './support.ts';

const test = suite('ties');

const THIRD = Math.fround(1 / 3);
const slope = async (f: (x: Tensor) => Tensor, x: Tensor): Promise<number[]> =>
  Array.from(await grad((x) => f(x).sum())(x)[0].data());

test('axes that are no neighbours', async () => {
  const x = tensor([[[5, 5]], [[5, 0]]]);
  const expected = [THIRD, THIRD, THIRD, 0];
  assert.equal(await slope((x) => x.max(), x), expected);
  assert.equal(await slope((x) => x.max([0, 2]), x), expected);
  assert.equal(await slope((x) => x.max([-1, 0], true), x), expected);
  assert.equal(await slope((x) => x.neg().min([0, 2]).neg(), x), expected);
});

test('three runs of axes, each kept result by itself', async () => {
  // [2, 1, 2, 2, 2]: the largest of axes 0, 2 and 4 for both places of axis 3.
  const x = tensor([1, 7, 3, 3, 7, 7, 3, 0, 7, 0, 3, 2, 6, 7, 1, 3], [2, 1, 2, 2, 2]);
  const values = await x.data();
  const largest = [7, 3];
  const place = (i: number): number => (i >> 1) % 2;
  const counts = largest.map((top, at) => values.filter((value, i) => place(i) === at && value === top).length);
  const expected = Array.from(values, (value, i) =>
    value === largest[place(i)] ? Math.fround(1 / counts[place(i)]) : 0,
  );
  assert.equal(Array.from(await x.max([0, 2, 4]).data()), largest);
  assert.equal(await slope((x) => x.max([0, 2, 4]), x), expected);
  assert.equal(x.max([0, 2, 4], true).shape, [1, 1, 1, 2, 1]);
  assert.equal(x.max([0, 2, 4]).shape, [1, 2]);
});

test('NaN is the largest of all axes, and its gradient is NaN', async () => {
  const x = tensor([[[5, Number.NaN]], [[5, 0]]]);
  assert.equal(Array.from(await x.max([0, 2]).data(), String), ['NaN']);
  assert.ok((await slope((x) => x.max([0, 2]), x)).every(Number.isNaN));
});

test('values and gradients without ties', async () => {
  for (const axes of [
    [0, 2],
    [0, 3],
    [1, 3],
    [0, 1, 3],
  ]) {
    for (const [f, f64] of [
      [max, o.max],
      [min, o.min],
    ] as const) {
      await compare({
        inputs: [distinct([3, 4, 5, 2])],
        gpu: (x) => f(e.exp(x), axes, true),
        oracle: (x) => f64(o.exp(x), axes, true),
      });
    }
  }
});

test.run();
