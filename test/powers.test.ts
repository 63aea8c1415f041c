/** Powers and their gradients: whole exponents, 0, 1, infinities, negative bases, and bases near 1. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { grad, type Tensor, tensor } from '../src/tensor/index.ts';

const test = suite('powers');
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

const SMALLEST = 2 ** -126;
/** With a tensor of exponents: a number may take a shorter way. */
const power = (x: readonly number[], y: readonly number[]): Promise<ArrayLike<number>> =>
  tensor(x).pow(tensor(y)).data();
/** NaN equals NaN, and 0 is not -0. */
const text = (values: ArrayLike<number>): string[] =>
  Array.from(values, (value) => (Object.is(value, -0) ? '-0' : String(value)));

/** IEEE 754-2008, 9.2.1; JavaScript has NaN for 1^NaN and (±1)^±∞. */
function ieee(x: number, y: number): number {
  if (x === 1 || (x === -1 && Math.abs(y) === inf)) return 1;
  return x ** y;
}

test('whole powers that float32 holds are exact, for tensors and for numbers', async () => {
  const pairs: [number, number][] = [];
  for (let base = 2; base <= 4096; base = base < 50 ? base + 1 : Math.ceil(base * 1.03)) {
    for (let exponent = 1; base ** exponent <= 2 ** 24; exponent++) pairs.push([base, exponent], [-base, exponent]);
  }
  for (let exponent = -126; exponent <= 127; exponent++)
    pairs.push([2, exponent], [-0.5, exponent > -127 ? -exponent : 1]);
  const wanted = pairs.map(([x, y]) => x ** y);
  const got = await power(
    pairs.map(([x]) => x),
    pairs.map(([, y]) => y),
  );
  assert.equal(Array.from(got), wanted);
  for (const y of [0, 1, 2, 3, 4, 5, 6, 7, -1]) {
    const x = [3, -5, 10, -2000, 0.5];
    const expected = x.map((value) => Math.fround(value ** y));
    assert.equal(Array.from(await tensor(x).pow(y).data()), expected, `to the ${y}`);
  }
  assert.equal(Array.from(await tensor([5, 7, 11]).pow(2).cast('int32').data()), [25, 49, 121]);
});

test('the nearest float32, but for the last place, up to the largest powers', async () => {
  const x: number[] = [];
  const y: number[] = [];
  for (let i = 0; i < 20_000; i++) {
    // Irregular but the same in every run.
    const base = Math.fround(2 ** (24 * Math.sin(i * 1.7 + 1)));
    const most = 126 / Math.abs(Math.log2(base));
    x.push(base);
    y.push(Math.fround(most * Math.sin(i * 2.3)));
  }
  x.push(0.9999999, 0.999, 10, 1.0000001, 1 + 2 ** -23);
  y.push(2 ** 24, 80_000, 38, 2 ** 25, 5e8);
  const got = await power(x, y);
  let worst = 0;
  for (let i = 0; i < x.length; i++) {
    const expected = Math.fround(x[i]) ** y[i];
    if (expected < SMALLEST) continue;
    worst = Math.max(worst, Math.abs(got[i] - expected) / 2 ** (Math.floor(Math.log2(expected)) - 23));
  }
  assert.ok(worst < 1, `${worst} units of the last place`);
});

test('0, 1, infinity and NaN as IEEE 754 has it', async () => {
  const special = [0, -0, 1, -1, 0.5, -0.5, 2, -2, -3, inf, -inf, nan];
  const exponents = [0, -0, 1, -1, 2, -2, 3, -3, 0.5, -0.5, 2.5, 16777215, 16777216, -16777217, 1e30, inf, -inf, nan];
  const x = special.flatMap((base) => exponents.map(() => base));
  const y = special.flatMap(() => exponents);
  const got = text(await power(x, y));
  const wanted = text(x.map((base, i) => Math.fround(ieee(base, Math.fround(y[i])))));
  x.forEach((base, i) => {
    assert.is(got[i], wanted[i], `${base}^${y[i]}`);
  });
});

test('powers of numbers below 2^-126', async () => {
  const x = Float32Array.from([1e-40, 1e-45, 3e-42]);
  const y = [-0.5, -0.75, 0.25];
  const got = await tensor(x).pow(tensor(y)).data();
  for (let i = 0; i < y.length; i++) assert.ok(Math.abs(got[i] / x[i] ** y[i] - 1) < 1e-7, `${got[i]}`);
});

test('gradients to the base', async () => {
  const slope = async (x: readonly number[], y: number | Tensor): Promise<string[]> =>
    text(await grad((x) => x.pow(y).sum())(tensor(x))[0].data());
  assert.equal(await slope([3, -7, 0], 2), ['6', '-14', '0']);
  assert.equal(await slope([3, -7, 0], 3), ['27', '147', '0']);
  assert.equal(await slope([3, -7, 0], 4), ['108', '-1372', '0']);
  assert.equal(await slope([3, -7, 0], 1), ['1', '1', '1']);
  assert.equal(await slope([3, -7, 0], 0), ['0', '0', '0']);
  assert.equal(await slope([3, -7, 0], tensor([0, 0, 0])), ['0', '0', '0'], 'x^0 by a tensor');
  assert.equal(await slope([0], 0.5), ['Infinity']);
  assert.equal(await slope([0], tensor([0.5])), ['Infinity']);
  assert.equal(await slope([2, -4], -1), ['-0.25', '-0.0625']);
  assert.equal(await slope([0, 5, 2], tensor([1, 2, 3])), ['1', '10', '12']);
});

test('gradients to the exponent, first and second, at base 0', async () => {
  const f =
    (x: readonly number[]) =>
    (y: Tensor): Tensor =>
      tensor(x).pow(y).sum();
  const first = (x: readonly number[], y: readonly number[]): Promise<ArrayLike<number>> =>
    grad(f(x))(tensor(y))[0].data();
  assert.equal(text(await first([0, 0, 0, 1], [2, 0, 0.5, 3])), ['0', '0', '0', '0']);
  assert.equal(text(await first([0], [-1])), ['-Infinity']);
  const second = grad((y) => grad(f([0, 2, 0]))(y)[0].sum())([2, 2, 0])[0];
  const [zero, four, one] = await second.data();
  assert.is(zero, 0);
  assert.is(one, 0);
  assert.ok(Math.abs(four - 4 * Math.LN2 ** 2) < 1e-6);
});

test('a division by 0 in a normalisation is seen', async () => {
  const norm = tensor([
    [0, 0],
    [3, 4],
  ])
    .square()
    .sum(1, true);
  assert.equal(text(await norm.pow(-0.5).data()), ['Infinity', '0.20000000298023224']);
  assert.equal(text(await norm.pow(tensor([-0.5])).data()), ['Infinity', '0.20000000298023224']);
  assert.equal(text(await tensor([0, -0]).pow(-1).data()), ['Infinity', '-Infinity']);
});

test.run();
