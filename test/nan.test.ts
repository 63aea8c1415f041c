/**
 * NaN and infinity pass through every operation on the adapter at hand. WGSL lets compilers assume that neither exists,
 * so this must be seen, not read off the kernels; and both for single elements and for four at a time.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import type { Node } from '../src/ir/op.ts';
import { concat } from '../src/ops/concat.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import * as e from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { fullNode } from '../src/ops/leaf.ts';
import { matmul } from '../src/ops/matmul.ts';
import { avgPool2d, maxPool2d } from '../src/ops/pool2d.ts';
import { argMax, max, mean, min, sum } from '../src/ops/reduce.ts';
import { logSoftmax, softmax, softmaxCrossEntropyPerExample } from '../src/ops/softmax.ts';
import { pad, transpose } from '../src/ops/views.ts';
import { evaluate, given, type Input, ints, nodeOf } from './support.ts';

const test = suite('NaN and infinity');
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Values as text: NaN equals NaN, and 0 equals -0. */
const text = (values: ArrayLike<number>): string => Array.from(values, (value) => String(value + 0)).join(' ');

/** Seven elements run one at a time, so many run four at a time on any adapter. The interesting values come first. */
const WIDTHS: readonly (readonly [what: string, fill: (values: readonly number[]) => Input])[] = [
  ['single', (values) => given([...values, ...new Array<number>(7 - values.length).fill(1)])],
  ['four', (values) => given([...values, ...new Array<number>(16392 - values.length).fill(1)])],
];

/** Asserts the results of the special values, in both widths. */
function elementwise(name: string, f: (x: Node) => Node, values: readonly number[], expected: readonly number[]): void {
  for (const [what, fill] of WIDTHS) {
    test(`${name}, ${what}`, async () => {
      const [y] = await evaluate([f(nodeOf(fill(values)))]);
      assert.is(text(y.subarray(0, values.length)), text(expected), `of ${text(values)}`);
    });
  }
}

const SPECIAL = [nan, inf, -inf];
const one = fullNode(1);

elementwise('neg', e.neg, SPECIAL, [nan, -inf, inf]);
elementwise('add', (x) => e.add(x, one), SPECIAL, SPECIAL);
elementwise('sub', (x) => e.sub(x, one), SPECIAL, SPECIAL);
// (x - x is not here: WGSL lets a compiler make it 0, and lavapipe does.)
elementwise('mul', (x) => e.mul(x, fullNode(-2)), SPECIAL, [nan, -inf, inf]);
elementwise('mul by zero', (x) => e.mul(x, fullNode(0)), SPECIAL, [nan, nan, nan]);
elementwise('div', (x) => e.div(one, x), [nan, inf, -inf], [nan, 0, 0]);
elementwise('div by itself', (x) => e.div(x, x), SPECIAL, [nan, nan, nan]);
elementwise('pow', (x) => e.pow(x, fullNode(2)), SPECIAL, [nan, inf, inf]);
elementwise('pow by NaN', (x) => e.pow(fullNode(2), x), [nan, 3], [nan, 8]);
elementwise('square', e.square, SPECIAL, [nan, inf, inf]);
elementwise('sqrt', e.sqrt, [nan, inf, -1], [nan, inf, nan]);
elementwise('exp', e.exp, [nan, inf, -inf, 1000], [nan, inf, 0, inf]);
elementwise('log', e.log, [nan, inf, 0, -1], [nan, inf, -inf, nan]);
elementwise('abs', e.abs, SPECIAL, [nan, inf, inf]);
elementwise('sign', e.sign, SPECIAL, [nan, 1, -1]);
elementwise('copy', e.copy, SPECIAL, SPECIAL);
elementwise('dropout', (x) => e.dropout(x, 0, 1), SPECIAL, SPECIAL);

elementwise('maximum, NaN first', (x) => e.maximum(x, one), SPECIAL, [nan, inf, 1]);
elementwise('maximum, NaN second', (x) => e.maximum(one, x), SPECIAL, [nan, inf, 1]);
elementwise('minimum, NaN first', (x) => e.minimum(x, one), SPECIAL, [nan, 1, -inf]);
elementwise('minimum, NaN second', (x) => e.minimum(one, x), SPECIAL, [nan, 1, -inf]);
elementwise('clip', (x) => e.clip(x, -1, 2), SPECIAL, [nan, 2, -1]);
elementwise('equal', (x) => e.equal(x, x), SPECIAL, [0, 1, 1]);
elementwise('equal to NaN', (x) => e.equal(x, fullNode(nan)), SPECIAL, [0, 0, 0]);
elementwise('greater', (x) => e.greater(x, one), SPECIAL, [0, 1, 0]);
elementwise('greater than NaN', (x) => e.greater(one, x), SPECIAL, [0, 0, 1]);
elementwise('less', (x) => e.less(x, one), SPECIAL, [0, 0, 1]);
// NaN is not 0, so it chooses the first; the other branch's NaN does not leak.
elementwise('where by NaN', (x) => e.where(x, fullNode(5), fullNode(6)), [nan, inf, 0], [5, 5, 6]);
elementwise('where chooses', (x) => e.where(e.greater(x, one), x, fullNode(6)), SPECIAL, [6, inf, 6]);

elementwise('relu', e.relu, SPECIAL, [nan, inf, 0]);
elementwise('leakyRelu', (x) => e.leakyRelu(x, 0.5), SPECIAL, SPECIAL);
elementwise('elu', (x) => e.elu(x, 2), SPECIAL, [nan, inf, -2]);
elementwise('gelu', e.gelu, [nan, inf], [nan, inf]);
elementwise('normalCdf', e.normalCdf, SPECIAL, [nan, 1, 0]);
elementwise('sigmoid', e.sigmoid, SPECIAL, [nan, 1, 0]);
elementwise('tanh', e.tanh, [...SPECIAL, 1000], [nan, 1, -1, 1]);
elementwise('softplus', e.softplus, SPECIAL, [nan, inf, 0]);
elementwise('silu', e.silu, [nan, inf], [nan, inf]);

/** What NaN does to a gradient, with an upstream gradient of ones. */
const slope =
  (f: (x: Node) => Node) =>
  (x: Node): Node =>
    gradients(sum(f(x)), [x])[0];

elementwise('gradient of relu', slope(e.relu), [nan, inf, -inf], [1, 1, 0]);
elementwise('gradient of tanh', slope(e.tanh), [nan, 0], [nan, 1]);
elementwise('gradient of sigmoid', slope(e.sigmoid), [nan, 0], [nan, 0.25]);
elementwise('gradient of square', slope(e.square), [nan, inf, 3], [nan, inf, 6]);
elementwise('upstream NaN through relu', (x) => e.reluGradient(x, one), SPECIAL, SPECIAL);
elementwise('upstream NaN where relu was off', (x) => e.reluGradient(x, fullNode(0)), SPECIAL, [0, 0, 0]);

/** Ones with one special value at a flat index. */
function marked(shape: Shape, at: number, value: number): Node {
  const values = new Float32Array(sizeOf(shape)).fill(1);
  values[at] = value;
  return nodeOf({ shape, values });
}

for (const [what, inner] of [
  ['single', 3],
  ['four', 4],
] as const) {
  test(`reductions over the first axis, ${what}`, async () => {
    const expectColumn = async (f: (x: Node) => Node, value: number, expected: number, rest: number): Promise<void> => {
      // Long enough to be split over workgroups, the special value first, in the middle and last.
      for (const row of [0, 150, 299]) {
        const [y] = await evaluate([f(marked([300, inner], row * inner + 1, value))]);
        assert.is(text(y), text(Array.from({ length: inner }, (_, c) => (c === 1 ? expected : rest))), `row ${row}`);
      }
    };
    await expectColumn((x) => sum(x, 0), nan, nan, 300);
    await expectColumn((x) => mean(x, 0), inf, inf, 1);
    await expectColumn((x) => max(x, 0), nan, nan, 1);
    await expectColumn((x) => max(x, 0), inf, inf, 1);
    await expectColumn((x) => max(x, 0), -inf, 1, 1);
    await expectColumn((x) => min(x, 0), nan, nan, 1);
    await expectColumn((x) => min(x, 0), -inf, -inf, 1);
  });

  test(`pooling, ${what}`, async () => {
    // Tiling windows (one kernel) and overlapping ones (another); the NaN is first, in the middle or last in its window.
    for (const options of [{ poolSize: 2 }, { poolSize: 2, strides: 1 }] as const) {
      for (const pixel of [0, 1, 4, 5]) {
        const x = marked([1, 4, 4, inner], pixel * inner, nan);
        const y = maxPool2d(x, options);
        const [value, average, slopes] = await evaluate([
          y,
          avgPool2d(x, options),
          slope((z) => maxPool2d(z, options))(x),
        ]);
        assert.ok(Number.isNaN(value[0]), `maximum with a NaN at ${pixel}`);
        assert.is(value[1], 1, 'the next channel');
        assert.ok(Number.isNaN(average[0]), 'mean');
        assert.is(average[1], 1);
        assert.ok(slopes[pixel * inner] >= 1, 'the NaN takes the gradient');
      }
      const low = marked([1, 4, 4, inner], 0, -inf);
      const [value] = await evaluate([maxPool2d(low, options)]);
      assert.is(value[0], 1);
    }
    const x = nodeOf(
      given(
        Array.from({ length: 16 * inner }, (_, i) => i),
        [1, 4, 4, inner],
      ),
    );
    const y = maxPool2d(x, { poolSize: 2 });
    const upstream = marked([1, 2, 2, inner], 0, nan);
    const [slopes] = await evaluate(gradients(sum(e.mul(y, upstream)), [x]));
    assert.is(Array.from(slopes).filter(Number.isNaN).length, 1, 'a NaN gradient reaches one pixel');
    assert.ok(Number.isNaN(slopes[5 * inner]));
  });

  test(`batches of rows: transpose, pad, concat, ${what}`, async () => {
    const x = marked([3, inner], 1, nan);
    const [a, b, c] = await evaluate([
      transpose(x),
      pad(
        x,
        [
          [1, 0],
          [0, 0],
        ],
        inf,
      ),
      concat([x, x], 0),
    ]);
    assert.ok(Number.isNaN(a[3]));
    assert.is(text(b.subarray(0, inner)), text(new Array(inner).fill(inf)));
    assert.ok(Number.isNaN(b[inner + 1]));
    assert.ok(Number.isNaN(c[1]) && Number.isNaN(c[3 * inner + 1]));
  });
}

test('argMax: a NaN counts as largest, infinities as numbers', async () => {
  const [a, b, c] = await evaluate([
    argMax(nodeOf(given([1, nan, inf, nan]))),
    argMax(nodeOf(given([1, -inf, inf, 5]))),
    argMax(nodeOf(given([nan, inf]))),
  ]);
  assert.equal([...a, ...b, ...c], [1, 2, 0]);
});

for (const [m, k, n] of [
  [3, 5, 7],
  [20, 8, 12],
  [17, 1030, 4],
]) {
  test(`matmul ${m}×${k}×${n}: a NaN reaches its row or column and no other`, async () => {
    for (const [row, at] of [
      [0, 0],
      [m - 1, k - 1],
    ]) {
      for (const value of [nan, inf]) {
        const a = marked([m, k], row * k + at, value);
        const b = marked([k, n], at * n, value);
        const ones = (shape: Shape): Node => marked(shape, 0, 1);
        const [left, right] = await evaluate([matmul(a, ones([k, n])), matmul(ones([m, k]), b)]);
        const expectRow = Array.from({ length: m * n }, (_, i) => (Math.floor(i / n) === row ? value : k));
        const expectColumn = Array.from({ length: m * n }, (_, i) => (i % n === 0 ? value : k));
        assert.is(text(left), text(expectRow));
        assert.is(text(right), text(expectColumn));
      }
    }
  });
}

test('what lies in memory beyond the inner extent of a product does not leak in', async () => {
  // Of a [7, 5] operand the loads of four reach into the next row, and past the last row into the buffer's padding, which
  // the pool has filled with NaN.
  for (const [flagA, flagB] of [
    [false, false],
    [true, false],
    [false, true],
    [true, true],
  ]) {
    for (let i = 0; i < 6; i++) await evaluate([e.add(fullNode(nan, [36]), nodeOf(given([0])))]);
    const dirty = (shape: Shape): Node => e.add(marked(shape, 0, 1), marked([1], 0, 1));
    const [y] = await evaluate([matmul(dirty(flagA ? [5, 7] : [7, 5]), dirty(flagB ? [7, 5] : [5, 7]), flagA, flagB)]);
    assert.is(text(y), text(new Array(49).fill(20)), `transposes ${flagA} ${flagB}`);
  }
  // A row whose neighbour is all NaN: the load across the boundary must be masked.
  const values = new Float32Array(10).fill(1).fill(nan, 5);
  const a = nodeOf({ values, shape: [2, 5] });
  const [y] = await evaluate([matmul(a, marked([5, 3], 0, 1))]);
  assert.is(text(y), text([5, 5, 5, nan, nan, nan]));
});

for (const [channels, filters] of [
  [3, 5],
  [4, 8],
]) {
  test(`conv2d ${channels} to ${filters}: a NaN reaches the windows that hold it and no other`, async () => {
    const kernel = marked([3, 3, channels, filters], 0, 1);
    const x = marked([2, 5, 6, channels], (1 * 6 + 1) * channels, nan);
    const y = conv2d(x, kernel, { padding: 'same' });
    const dy = marked(y.shape, 0, 1);
    const [value, dx, dw] = await evaluate([y, ...gradients(sum(e.mul(y, dy)), [x, kernel])]);
    for (let pixel = 0; pixel < 60; pixel++) {
      const near = pixel < 30 && Math.floor(pixel / 6) <= 2 && pixel % 6 <= 2;
      for (let c = 0; c < filters; c++) assert.is(Number.isNaN(value[pixel * filters + c]), near, `pixel ${pixel}`);
    }
    assert.not(Array.from(dx).some(Number.isNaN), 'the gradient of the image does not depend on the image');
    for (let i = 0; i < dw.length; i++) {
      const channel = Math.floor(i / filters) % channels;
      assert.is(Number.isNaN(dw[i]), channel === 0, `kernel gradient ${i}`);
    }
    // A NaN weight reaches every output of its filter.
    const [poisoned] = await evaluate([
      conv2d(marked(x.shape, 0, 1), marked(kernel.shape, (4 * channels + 1) * filters, nan)),
    ]);
    for (let i = 0; i < poisoned.length; i++) assert.is(Number.isNaN(poisoned[i]), i % filters === 0);
  });

  test(`conv2d ${channels} to ${filters}: a NaN upstream gradient reaches its window`, async () => {
    const kernel = marked([3, 3, channels, filters], 0, 1);
    const x = marked([1, 4, 5, channels], 0, 1);
    const y = conv2d(x, kernel);
    const [dx, dw] = await evaluate(gradients(sum(e.mul(y, marked(y.shape, 0, nan))), [x, kernel]));
    for (let i = 0; i < dx.length; i++) {
      const pixel = Math.floor(i / channels);
      assert.is(Number.isNaN(dx[i]), Math.floor(pixel / 5) < 3 && pixel % 5 < 3, `image gradient ${i}`);
    }
    for (let i = 0; i < dw.length; i++) assert.is(Number.isNaN(dw[i]), i % filters === 0, `kernel gradient ${i}`);
  });
}

test('the fused convolution, ReLU and pooling', async () => {
  const x = marked([1, 6, 6, 3], 0, nan);
  const kernel = marked([3, 3, 3, 8], 0, 1);
  const bias = marked([8], 0, 1);
  const y = maxPool2d(e.relu(conv2d(x, kernel, { bias, padding: 'same' })), { poolSize: 2 });
  const [value] = await evaluate([y]);
  for (let i = 0; i < value.length; i++) assert.is(Number.isNaN(value[i]), i < 8, `forward ${i}`);
  const [again, dw, db] = await evaluate([y, ...gradients(sum(y), [kernel, bias])]);
  for (let i = 0; i < again.length; i++) assert.is(Number.isNaN(again[i]), i < 8, `forward with gradient ${i}`);
  assert.ok(Array.from(dw).some(Number.isNaN), 'kernel gradient');
  assert.is(text(db), text(new Array(8).fill(9)), 'the bias gradient counts the windows');
  const upstream = marked(y.shape, 0, nan);
  const clean = marked(x.shape, 0, 1);
  const z = maxPool2d(e.relu(conv2d(clean, kernel, { bias, padding: 'same' })), { poolSize: 2 });
  const [dw2, db2] = await evaluate(gradients(sum(e.mul(z, upstream)), [kernel, bias]));
  for (let i = 0; i < dw2.length; i++) assert.is(Number.isNaN(dw2[i]), i % 8 === 0, `kernel gradient ${i}`);
  for (let i = 0; i < 8; i++) assert.is(Number.isNaN(db2[i]), i === 0, `bias gradient ${i}`);
});

for (const classes of [3, 4]) {
  test(`softmax and cross-entropy of ${classes} classes`, async () => {
    const logits = marked([3, classes], classes + 1, nan);
    const labels = nodeOf(ints([0, 0, 0]));
    const loss = softmaxCrossEntropyPerExample(logits, labels);
    const clipped = softmaxCrossEntropyPerExample(logits, labels, { clip: 1e-7 });
    const values = await evaluate([
      softmax(logits),
      logSoftmax(logits),
      loss,
      clipped,
      ...gradients(sum(loss), [logits]),
      ...gradients(sum(clipped), [logits]),
    ]);
    const names = ['softmax', 'logSoftmax', 'loss', 'clipped loss', 'gradient', 'clipped gradient'];
    values.forEach((one_, at) => {
      const width = one_.length / 3;
      for (let i = 0; i < one_.length; i++) {
        assert.is(Number.isNaN(one_[i]), Math.floor(i / width) === 1, `${names[at]} ${i}`);
      }
    });
  });

  test(`infinite logits of ${classes} classes`, async () => {
    const low = marked([1, classes], 1, -inf);
    const high = marked([1, classes], 1, inf);
    const labels = nodeOf(ints([1]));
    const other = nodeOf(ints([0]));
    const [p, missed, kept, high_] = await evaluate([
      softmax(low),
      softmaxCrossEntropyPerExample(low, labels),
      softmaxCrossEntropyPerExample(low, other),
      softmaxCrossEntropyPerExample(high, other),
    ]);
    assert.is(p[1], 0);
    assert.is(missed[0], inf);
    assert.ok(Math.abs(kept[0] - Math.log(classes - 1)) < 1e-6);
    assert.not(Number.isFinite(high_[0]));
  });
}

test('a class id out of range gives NaN, in the loss and in the gradient', async () => {
  const logits = marked([4, 3], 0, 2);
  const loss = softmaxCrossEntropyPerExample(logits, nodeOf(ints([0, 3, -1, 2])));
  const [values, slopes] = await evaluate([loss, ...gradients(sum(loss), [logits])]);
  assert.equal(Array.from(values, Number.isNaN), [false, true, true, false]);
  assert.equal(
    Array.from(slopes, Number.isNaN),
    [0, 1, 1, 0].flatMap((bad) => [bad === 1, bad === 1, bad === 1]),
  );
});

test('NaN through a chain that is fused into a product', async () => {
  for (const n of [5, 8]) {
    const a = marked([4, 6], 7, nan);
    const [y] = await evaluate([e.relu(e.add(matmul(a, marked([6, n], 0, 1)), marked([n], 0, 1)))]);
    for (let i = 0; i < y.length; i++) assert.is(Number.isNaN(y[i]), Math.floor(i / n) === 1, `element ${i}`);
  }
});

test.run();
