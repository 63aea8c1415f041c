/**
 * Elementwise functions over dense grids against float64: near 0 and 1, in their tails, for the smallest and the largest
 * numbers. Errors are counted in units of the last place of float32.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { grad, type Tensor, tensor } from '../src/tensor/index.ts';
import { erfc } from './reference.ts';

const test = suite('accuracy of elementwise functions');
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** The smallest number that every adapter keeps: some take what is smaller for 0, in inputs as in results. */
const SMALLEST = 2 ** -126;

const evenly = (low: number, high: number, count = 20_001): Float32Array =>
  Float32Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
/** As many from each power of ten. */
const byMagnitude = (low: number, high: number, count = 20_001): Float32Array =>
  evenly(Math.log(low), Math.log(high), count).map(Math.exp);
const negative = (values: Float32Array): Float32Array => values.map((value) => -value);

/** The largest error, as a multiple of the last place of the result, and where it is; results below SMALLEST may be 0. */
function worst(x: ArrayLike<number>, y: ArrayLike<number>, exact: (value: number) => number): [number, string] {
  let largest = 0;
  let where = '';
  for (let i = 0; i < x.length; i++) {
    const expected = exact(x[i]);
    if (Object.is(Math.fround(expected), Math.fround(y[i]))) continue;
    if (Math.abs(expected) < SMALLEST && Math.abs(y[i]) < 2 * SMALLEST) continue;
    const lastPlace = 2 ** (Math.max(Math.floor(Math.log2(Math.abs(expected))), -126) - 23);
    const error = Math.abs(y[i] - expected) / lastPlace;
    if (!(error <= largest)) [largest, where] = [error, `f(${x[i]}) = ${y[i]}, not ${expected}`];
  }
  return [largest, where];
}

interface Grid {
  readonly f: (x: Tensor) => Tensor;
  readonly exact: (x: number) => number;
  readonly grids: readonly Float32Array[];
  /** Most units of the last place. */
  readonly units: number;
}

const slopeOf =
  (f: (x: Tensor) => Tensor) =>
  (x: Tensor): Tensor =>
    grad((x) => f(x).sum())(x)[0];

const sigmoid = (x: number): number => 1 / (1 + Math.exp(-x));
const share = (x: number): number => 0.5 * erfc(-x / Math.SQRT2);
const density = (x: number): number => Math.exp((-x * x) / 2) / Math.sqrt(2 * Math.PI);
const small = byMagnitude(1e-37, 1);

const GRIDS: Readonly<Record<string, Grid>> = {
  exp: { f: (x) => x.exp(), exact: Math.exp, grids: [evenly(-87, 88.7), evenly(-1, 1), small], units: 1 },
  log: {
    f: (x) => x.log(),
    exact: Math.log,
    grids: [byMagnitude(SMALLEST, 3.4e38), evenly(0.99, 1.01), evenly(0.4, 2.1), evenly(1 - 1e-5, 1 + 1e-5, 301)],
    units: 1,
  },
  'log of subnormal numbers': { f: (x) => x.log(), exact: Math.log, grids: [byMagnitude(1.5e-45, SMALLEST)], units: 1 },
  sigmoid: { f: (x) => x.sigmoid(), exact: sigmoid, grids: [evenly(-87, 87), evenly(-1, 1)], units: 3 },
  tanh: { f: (x) => x.tanh(), exact: Math.tanh, grids: [evenly(-12, 12), small, negative(small)], units: 3 },
  softplus: {
    f: (x) => x.softplus(),
    exact: (x) => Math.max(x, 0) + Math.log1p(Math.exp(-Math.abs(x))),
    grids: [evenly(-87, 87), evenly(-1, 1)],
    units: 3,
  },
  silu: {
    f: (x) => x.silu(),
    exact: (x) => x * sigmoid(x),
    grids: [evenly(-80, 87), small, negative(small)],
    units: 4,
  },
  elu: { f: (x) => x.elu(), exact: Math.expm1, grids: [evenly(-87, 0), negative(small)], units: 2 },
  'slope of elu': {
    f: slopeOf((x) => x.elu(1.5)),
    exact: (x) => 1.5 * Math.exp(x),
    grids: [evenly(-80, -1e-3)],
    units: 2,
  },
  gelu: {
    f: (x) => x.gelu(),
    exact: (x) => x * share(x),
    grids: [evenly(-12.5, 9), small, negative(small)],
    units: 6,
  },
  'slope of gelu in its tail': {
    f: slopeOf((x) => x.gelu()),
    exact: (x) => share(x) + x * density(x),
    grids: [evenly(-12.5, -2)],
    units: 12,
  },
};

for (const [name, { f, exact, grids, units }] of Object.entries(GRIDS)) {
  test(`${name}: at most ${units} units of the last place`, async () => {
    for (const grid of grids) {
      const [error, where] = worst(grid, await f(tensor(grid)).data(), exact);
      assert.ok(error <= units, `${error.toFixed(1)} units: ${where}`);
    }
  });
}

test('one by one as four at a time', async () => {
  const x = [-1e-40, -0, 0, 1e-45, 0.9999999, 1, nan];
  const read = async (f: (x: Tensor) => Tensor): Promise<string[]> => {
    const single = Array.from(await f(tensor(x)).data(), String);
    assert.equal(Array.from(await f(tensor([...x, 2])).data(), String).slice(0, 7), single);
    return single;
  };
  const log = (value: number): string => String(Math.fround(Math.log(Math.fround(value))));
  assert.equal(await read((x) => x.log()), ['NaN', '-Infinity', '-Infinity', log(1e-45), log(0.9999999), '0', 'NaN']);
});

test('limits at infinity', async () => {
  const x = tensor([-inf, inf]);
  const limits: readonly (readonly [Tensor, readonly number[]])[] = [
    [x.exp(), [0, inf]],
    [x.log(), [nan, inf]],
    [x.sigmoid(), [0, 1]],
    [x.tanh(), [-1, 1]],
    [x.softplus(), [0, inf]],
    [x.elu(2), [-2, inf]],
    [slopeOf((x) => x.elu(2))(x), [0, 1]],
  ];
  for (const [y, expected] of limits) assert.equal(Array.from(await y.data()), expected);
});

test('the second derivative of elu where e^x would overflow', async () => {
  const second = grad((x) => slopeOf((x) => x.elu())(x).sum())([-1, 5, 100])[0];
  const [below, ...above] = await second.data();
  assert.ok(Math.abs(below - Math.exp(-1)) < 1e-7);
  assert.equal(above, [0, 0]);
});

test.run();
