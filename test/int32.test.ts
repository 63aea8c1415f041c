/** int32 beyond 2^24, which float32 rounds: what compares or picks values takes them as they are. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as w from '../src/index.ts';

const test = suite('int32');

const ints = (values: readonly number[], shape?: w.Shape): w.Tensor => w.tensor(Int32Array.from(values), shape);
const [LEAST, MOST] = [-(2 ** 31), 2 ** 31 - 1];

/** Neighbours that are one float32, and the ends of the range. */
const A = [16777217, 16777216, MOST, LEAST, -16777217, 5, 0, LEAST];
const B = [16777216, 16777217, MOST - 1, LEAST + 1, -16777216, 5, -1, MOST];

const compared = (a: readonly number[], b: readonly number[]): number[][] => [
  a.map((one, i) => Number(one === b[i])),
  a.map((one, i) => Number(one > b[i])),
  a.map((one, i) => Number(one < b[i])),
];

async function lists(tensors: readonly w.Tensor[]): Promise<number[][]> {
  const results: number[][] = [];
  for (const one of tensors) results.push(Array.from(await one.data()));
  return results;
}

test('are compared as they are: in ones, in fours, broadcast, of an expression', async () => {
  const [a, b] = [ints(A), ints(B)];
  assert.equal(await lists([w.equal(a, b), w.greater(a, b), w.less(a, b)]), compared(A, B));
  const [five, other] = [A.slice(0, 5), B.slice(0, 5)];
  assert.equal(
    await lists([ints(five).equal(ints(other)), ints(five).greater(ints(other))]),
    compared(five, other).slice(0, 2),
  );
  const column = ints([16777217, 16777219, -1], [3, 1]);
  const row = ints([16777216, 16777217, 16777218, 16777219]);
  const grid = [16777217, 16777219, -1].map((one) =>
    [16777216, 16777217, 16777218, 16777219].map((two) => Number(one > two)),
  );
  assert.equal(await column.greater(row).array(), grid);
  const moved = a.gather([1, 0, 2]);
  assert.equal(await lists([moved.reshape([3]).equal(ints([16777216, 16777217, MOST]))]), [[1, 1, 1]]);
  assert.is((await w.equal(a, b).data()).constructor, Float32Array);
});

test('are compared with plain whole numbers as they are, and with all else as float32', async () => {
  const a = ints([16777217, 16777216, MOST, -3]);
  assert.equal(
    await lists([
      a.equal(16777217),
      w.equal(16777216, a),
      a.greater(MOST - 1),
      w.less(16777216, a),
      a.equal(-3),
      a.greater(-3.5),
      a.equal(w.tensor([16777216, 0, 0, -3])),
      a.less(Number.NaN),
      a.less(Number.POSITIVE_INFINITY),
    ]),
    [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [1, 0, 1, 0],
      [0, 0, 0, 1],
      [1, 1, 1, 1],
      [1, 0, 0, 1],
      [0, 0, 0, 0],
      [1, 1, 1, 1],
    ],
  );
});

test('are picked as they are, and stay int32', async () => {
  const [a, b] = [ints(A), ints(B)];
  const picked = {
    maximum: [w.maximum(a, b), A.map((one, i) => Math.max(one, B[i]))],
    minimum: [w.minimum(a, b), A.map((one, i) => Math.min(one, B[i]))],
    'maximum with a number': [a.maximum(16777217), A.map((one) => Math.max(one, 16777217))],
    'where of float32': [
      w.where([1, 0, Number.NaN, 0, 1, -1, 0, 0.5], a, b),
      [0, 1, 0, 1, 0, 0, 1, 0].map((c, i) => (c ? B : A)[i]),
    ],
    'where of int32': [w.where(a, a, -7), A.map((one) => one || -7)],
    clip: [a.clip(16777216, 16777217), A.map((one) => Math.min(Math.max(one, 16777216), 16777217))],
    max: [a.max(), [MOST]],
    min: [a.min(), [LEAST]],
    'max of rows': [a.reshape([2, 4]).max(1), [MOST, 5]],
    'min of columns': [a.reshape([2, 4]).min(0, true), [-16777217, 5, 0, LEAST]],
    'max of axes that are no neighbours': [a.reshape([2, 2, 2]).max([0, 2]), [16777217, MOST]],
  } as const;
  for (const [name, [result, expected]] of Object.entries(picked)) {
    assert.is(result.dtype, 'int32', name);
    const values = await result.data();
    assert.instance(values, Int32Array, name);
    assert.equal(Array.from(values), [...expected], name);
  }
  // And serve as ids.
  assert.equal(
    await w
      .tensor([7, 8, 9])
      .gather(ints([0, 5]).minimum(2))
      .array(),
    [7, 9],
  );
});

test('with float32 or uint8 the result is float32, as of all arithmetic', async () => {
  const a = ints([1, 5]);
  const mixed = [
    a.maximum(2.5),
    a.clip(2.5, Number.POSITIVE_INFINITY),
    a.minimum(w.tensor([3, 3])),
    a.maximum(w.tensor(new Uint8Array([4, 4]))),
    w.where(a, a, [0.5, 0.5]),
  ];
  for (const one of [...mixed, a.sum(), a.mean(), a.add(1), w.where(a, 1, 0)]) assert.is(one.dtype, 'float32');
  assert.equal(await lists(mixed), [
    [2.5, 5],
    [2.5, 5],
    [1, 3],
    [4, 5],
    [1, 5],
  ]);
});

test('argMax finds the first largest, whatever float32 makes of the values', async () => {
  assert.equal(await lists([w.argMax(ints([16777216, 16777217])), ints([LEAST, MOST - 1, MOST, MOST]).argMax()]), [
    [1],
    [2],
  ]);
  assert.equal(await ints(A, [2, 4]).argMax(0).array(), [0, 0, 0, 0]);
  assert.equal(await ints(B, [4, 2]).argMax(0).array(), [1, 3]);
  // NaN still counts as largest among floats.
  assert.equal(await lists([w.argMax([1, Number.NaN, 3])]), [[1]]);
});

test('gradients pass by comparisons of int32 as ever', async () => {
  const [slope] = w.grad((x) => w.where(ints([1, 0]).greater(0), x, 2).sum())([3, 4]);
  assert.equal(await slope.array(), [1, 0]);
  const [mixed] = w.grad((x) =>
    x
      .maximum(ints([2, 9]))
      .square()
      .sum(),
  )([3, 4]);
  assert.equal(await mixed.array(), [6, 0]);
});

test.run();
