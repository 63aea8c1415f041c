/** Sums of very many terms stay near their float64 value, whoever adds them up. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { full, grad, type Tensor, tensor, variable } from '../src/tensor/index.ts';

const test = suite('long sums');

const TENTH = Math.fround(0.1);
/** Relative; a single running total of as many terms is off by 1e-3 and more. */
const TOLERANCE = 1e-5;

function near(actual: number, expected: number, what: string): void {
  const error = Math.abs(actual / expected - 1);
  assert.ok(error <= TOLERANCE, `${what}: ${actual}, not ${expected}: off by ${error}`);
}

/** Logits of one class with probability 1 / z and many others, and z. */
function unlike(classes: number): { logits: Tensor; z: number; low: number } {
  const values = new Float32Array(classes).fill(Math.log(0.1));
  const [, low] = values;
  values[0] = 0;
  return { logits: tensor(values, [1, classes]), z: 1 + (classes - 1) * Math.exp(low), low };
}

test('softmax and its logarithm over long rows', async () => {
  for (const classes of [50_001, 300_000]) {
    const { logits, z } = unlike(classes);
    near(await logits.softmax().max().item(), 1 / z, `softmax of ${classes}`);
    near(await logits.logSoftmax().max().item(), -Math.log(z), `logSoftmax of ${classes}`);
  }
});

test('cross-entropy over long rows: by id, by rows, smoothed, clipped; and its gradient', async () => {
  const classes = 300_000;
  const { logits, z, low } = unlike(classes);
  const id = tensor(new Int32Array(1));
  near(await logits.softmaxCrossEntropy(id).item(), Math.log(z), 'by id');
  const smoothed = Math.log(z) - (0.5 * low * (classes - 1)) / classes;
  near(await logits.softmaxCrossEntropy(id, { labelSmoothing: 0.5 }).item(), smoothed, 'smoothed');
  const rows = full([1, classes], 1 / classes);
  near(await logits.softmaxCrossEntropy(rows).item(), Math.log(z) - (low * (classes - 1)) / classes, 'by rows');
  near(
    await logits.softmaxCrossEntropy(rows, { clip: 1e-7 }).item(),
    Math.log(z) - (low * (classes - 1)) / classes,
    'clipped',
  );
  // p_0 Σ y - y_0, the labels adding up to 0.1 · 300,000.
  const [slope] = grad((x) => x.softmaxCrossEntropy(full([1, classes], 0.1)))(logits);
  near(await slope.max().item(), (TENTH * classes) / z - TENTH, 'gradient');
});

test('means of large windows, and gradients of windows that overlap often', async () => {
  for (const channels of [1, 4]) {
    const x = full([1, 600, 700, channels], 0.1);
    near(
      await x
        .avgPool2d({ poolSize: [600, 700] })
        .max()
        .item(),
      TENTH,
      `mean, ${channels} channels`,
    );
  }
  const y = (x: Tensor): Tensor => x.avgPool2d({ poolSize: [1, 4001], strides: 1 }).sum();
  near(
    await grad(y)(full([1, 1, 12_003, 1], 1))[0]
      .max()
      .item(),
    1,
    'gradient',
  );
});

test('the gradient of a row that is gathered very often', async () => {
  const ids = tensor(new Int32Array(300_000));
  const [slope] = grad((x) => x.gather(ids).mul(0.1).sum())(tensor([1, 2]));
  near(await slope.max().item(), TENTH * 300_000, 'gradient');
});

test('many sums side by side, each in one thread', async () => {
  const x = variable(full([16_384, 1028], 0.1));
  near(await x.sum(0).max().item(), TENTH * 16_384, 'sum');
  x.dispose();
});

test('the mean of equal numbers is that number', async () => {
  for (const count of [3, 41, 47, 55, 61, 82, 1000])
    assert.is(await full([count], 1).mean().item(), 1, `${count} ones`);
});

test.run();
