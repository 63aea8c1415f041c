/**
 * Functions that are made of operations, and elementwise ones that few programs use: against float64, at the edges of what
 * float32 holds, and with NaN and infinity. What can share a kernel is computed in one plan.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as f from '../src/tensor/index.ts';
import { realise } from '../src/tensor/lazyValue.ts';
import * as o from './reference.ts';
import { assertClose, compare, distinct, draw } from './support.ts';

const test = suite('functions');
const { NaN: nan, POSITIVE_INFINITY: inf } = Number;

/** Values as text: NaN equals NaN, and 0 equals -0. */
const text = (values: ArrayLike<number>): string => Array.from(values, (value) => String(value + 0)).join(' ');

/** The values of tensors, computed in one plan. */
async function valuesOf<K extends string>(tensors: Readonly<Record<K, f.Tensor>>): Promise<Record<K, string>> {
  await realise(Object.values(tensors));
  const entries = Object.entries<f.Tensor>(tensors).map(async ([name, one]) => [name, text(await one.data())]);
  return Object.fromEntries(await Promise.all(entries));
}

const of = (make: (x: f.Tensor) => f.Tensor) => (x: f.Tensor['node']) => make(new f.Tensor(x)).node;

test('softmax and logSoftmax along any axis', async () => {
  for (const axis of [0, 1, -2, -1]) {
    const order = axis === 0 ? [2, 1, 0] : axis === -1 ? [0, 1, 2] : [0, 2, 1];
    await compare({
      inputs: [draw([3, 5, 2], -4, 4)],
      gpu: of((x) => f.softmax(x, { axis }).mul(x).add(x.logSoftmax({ axis }))),
      oracle(x) {
        const turned = o.transpose(x, order);
        const [p, log] = [o.softmax(turned), o.logSoftmax(turned)].map((y) => o.transpose(y, order));
        return o.add(o.mul(p, x), log);
      },
    });
  }
  assert.throws(() => f.softmax([1, 2], { axis: 1 }), /softmax: axis 1 is out of range/);
});

test('logSumExp over any axes, of large and of infinite numbers', async () => {
  for (const [axes, keepDims] of [
    [undefined, false],
    [[0, 2], true],
    [-1, false],
  ] as const) {
    await compare({
      inputs: [draw([3, 5, 7], -40, 40)],
      gpu: of((x) => f.logSumExp(x, axes, keepDims)),
      oracle: (x) => o.logSumExp(x, axes, keepDims),
    });
  }
  const x = f.tensor([
    [1000, 1000 - Math.LN2],
    [-inf, -inf],
    [inf, 3],
    [nan, 3],
    [-inf, 3],
  ]);
  const [first, ...rest] = await f.logSumExp(x, -1).data();
  assertClose([first], [1000 + Math.log(1.5)], 'large');
  assert.is(text(rest), '-Infinity Infinity NaN 3');
  await compare({
    inputs: [draw([2, 3])],
    gpu: of((x) => f.grad((y: f.Tensor) => f.logSumExp(y, -1).square().sum())(x)[0]),
    oracle: (x) => o.mul(o.mul(o.scalar64(2), o.logSumExp(x, -1, true)), o.softmax(x)),
  });
});

test('variance and std', async () => {
  for (const [axes, keepDims, correction] of [
    [undefined, false, 0],
    [[0, 2], true, 1],
    [1, false, 0.5],
  ] as const) {
    await compare({
      inputs: [draw([3, 5, 7])],
      gpu: of((x) => x.variance(axes, keepDims, { correction }).add(f.std(x, axes, keepDims, { correction }))),
      oracle(x) {
        const y = o.variance(x, axes, keepDims, correction);
        return o.add(y, o.sqrt(y));
      },
    });
  }
  // Far from 0 next to how much they differ.
  assertClose(await f.std([10_000, 10_001, 10_002, 10_003]).data(), [Math.sqrt(1.25)], 'far from 0');
  assert.is(
    text(
      await f
        .variance(
          [
            [nan, 1],
            [2, 4],
          ],
          1,
        )
        .data(),
    ),
    'NaN 1',
  );
  await compare({
    inputs: [draw([5])],
    gpu: of((x) => f.grad((y: f.Tensor) => f.variance(y).square().sum())(x)[0]),
    oracle: (x) => o.mul(o.mul(o.scalar64(4 / 5), o.variance(x)), o.sub(x, o.mean(x))),
  });
});

test('any, all, argMin and argMax over axes, with NaN and equal numbers', async () => {
  const x = f.tensor([
    [0, 0, 0, 0],
    [0, nan, 0, 0],
    [3, -1, -1, 5],
    [2, nan, 7, 7],
  ]);
  const whole = f.tensor(Int32Array.of(16777217, -(2 ** 31), 16777216, 2 ** 31 - 1), [2, 2]);
  assert.equal(
    await valuesOf({
      any: f.any(x, 1),
      all: f.all(x, 1),
      anyOfAll: f.any(x),
      allKept: f.all(x, [0, 1], true),
      argMax: x.argMax(),
      argMin: f.argMin(x),
      down: f.argMin(x.slice([2, 0], [1, 4]), 1, true),
      overAll: f.argMin(x.slice([2, 0], [1, 4]), null),
      kept: f.argMax(x.slice([2, 0], [1, 4]), null, true),
      wholeMin: f.argMin(whole, null),
      wholeMax: f.argMax(whole, 0),
      wholeMinima: f.argMin(whole, -1),
      wholeClose: f.argMin(Int32Array.of(16777217, 16777216)),
    }),
    {
      any: '0 1 1 1',
      all: '0 0 1 1',
      anyOfAll: '1',
      allKept: '0',
      argMax: '0 1 3 1',
      argMin: '0 1 1 1',
      down: '1',
      overAll: '1',
      kept: '3',
      wholeMin: '1',
      wholeMax: '0 1',
      wholeMinima: '1 0',
      wholeClose: '1',
    },
  );
  assert.equal(
    [f.argMin(x, 0, true), f.argMax(x, 1, true), f.argMax(x, null, true), f.argMin(x, null), f.all(x, 0, true)].map(
      ({ shape }) => [...shape],
    ),
    [[1, 4], [4, 1], [1, 1], [], [1, 4]],
  );
  await compare({
    inputs: [distinct([5, 3, 7])],
    gpu: of((y) => f.argMin(y, 1, true).cast('float32').add(y)),
    oracle: (y) => o.add(o.argMax(o.neg(y), 1, true), y),
  });
});

test('prod with NaN and infinity, and its gradient at zeros', async () => {
  const x = f.tensor([
    [nan, 0, 1],
    [inf, 2, 3],
    [inf, 0, 3],
  ]);
  assert.is(text(await f.prod(x, 1).data()), 'NaN Infinity NaN');
  const slopes = f.grad((y) => f.prod(y, -1).sum())([
    [2, 3, 4],
    [0, 3, 4],
    [0, 3, 0],
  ])[0];
  assert.is(text(await slopes.data()), '12 8 6 12 0 0 0 0 0');
});

/** Of one, and of four neighbours at a time on any adapter. */
const WIDTHS = [7, 16392];

test('rounding, remainders and what bits tell, of special numbers', async () => {
  for (const width of WIDTHS) {
    const filled = (values: readonly number[]): f.Tensor =>
      f.tensor([...values, ...new Array<number>(width - values.length).fill(1)]);
    const special = filled([nan, inf, -inf, -0.5, 1.5]);
    const x = filled([5, -5, 5.5, -1e-20, 1, 0]);
    const y = filled([3, 3, -2, 3, 0, 0]);
    const long = await valuesOf({
      floor: f.floor(special),
      ceil: f.ceil(special),
      round: f.round(special),
      halves: f.round(filled([0.5, -2.5, 3.5, 8388607.5, 16777217])),
      isNaN: f.isNaN(special),
      isFinite: f.isFinite(special),
      isInf: f.isInf(special),
      mod: f.mod(x, y),
      floorDivide: f.floorDivide(x, y),
      byInfinity: f.mod(x, filled([inf, inf, -inf, 1e30, nan])),
      throughInfinity: f.floorDivide(x, filled([inf, inf, -inf, 1e30, nan])),
      ofInfinity: f.mod(special, filled([2, 2, 2, 2])),
      tenths: f.floorDivide(filled([1, 0.3, 1e7, 2 ** 30, -7]), filled([0.1, 0.1, 0.7, 3, 2])),
    });
    const first = (name: keyof typeof long, count: number): string => long[name].split(' ').slice(0, count).join(' ');
    assert.is(first('floor', 5), 'NaN Infinity -Infinity -1 1');
    assert.is(first('ceil', 5), 'NaN Infinity -Infinity 0 2');
    assert.is(first('round', 5), 'NaN Infinity -Infinity 0 2');
    assert.is(first('halves', 5), '0 -2 4 8388608 16777216');
    assert.is(first('isNaN', 5), '1 0 0 0 0');
    assert.is(first('isFinite', 5), '0 0 0 1 1');
    assert.is(first('isInf', 5), '0 1 1 0 0');
    assert.is(first('mod', 6), '2 1 -0.5 3 NaN NaN');
    assert.is(first('floorDivide', 6), '1 -2 -3 -1 Infinity NaN');
    assert.is(first('byInfinity', 5), `5 Infinity -Infinity ${Math.fround(1e30)} NaN`);
    assert.is(first('throughInfinity', 5), '0 -1 -1 -1 NaN');
    assert.is(first('ofInfinity', 4), 'NaN NaN NaN 1.5');
    // In float32 0.1 is more than a tenth, 0.3 more than three of them, 0.7 less than 0.7.
    const tenths = [
      [1, 0.1],
      [0.3, 0.1],
      [1e7, 0.7],
    ].map(([a, b]) => Math.floor(Math.fround(a) / Math.fround(b)));
    assert.is(first('tenths', 5), [...tenths, Math.fround(Math.floor(2 ** 30 / 3)), -4].join(' '));
  }
});

test('int32 are rounded, divided and taken modulo exactly', async () => {
  const x = f.tensor(Int32Array.of(16777217, -16777217, 7, -(2 ** 31), 5));
  const y = f.tensor(Int32Array.of(2, 2, -3, 10, 0));
  const [m, d] = [f.mod(x, y), f.floorDivide(x, y)];
  assert.equal(
    [m.dtype, d.dtype, f.floor(x).dtype, f.mod(x, 2).dtype, f.mod(x.cast('float32'), 0.5).dtype].join(' '),
    'int32 int32 int32 int32 float32',
  );
  assert.equal(await valuesOf({ m, d, same: f.round(x).add(0), floor: f.floor(x).maximum(x) }), {
    m: '1 1 -2 2 0',
    d: '8388608 -8388609 -3 -214748365 0',
    same: '16777217 -16777217 7 -2147483648 5',
    floor: '16777217 -16777217 7 -2147483648 5',
  });
});

test('mod and floorDivide against float64, and the gradients of mod', async () => {
  const both = (x: f.TensorLike, y: f.TensorLike): f.Tensor => f.mod(x, y).add(f.floorDivide(x, y).mul(0.01));
  for (const [shape, most, wrt] of [
    [[7, 13], 1000, [0]],
    [[5, 8, 16], 9, [0, 1]],
  ] as const) {
    await compare({
      inputs: [draw(shape, -most, most), draw(shape.slice(-1), 1, 3)],
      wrt,
      gpu: (x, y) => both(new f.Tensor(x), new f.Tensor(y)).node,
      oracle: (x, y) => o.add(o.mod(x, y), o.mul(o.floorDivide(x, y), o.scalar64(0.01))),
    });
  }
});

/** The smallest number that every adapter keeps. */
const SMALLEST = 2 ** -126;

/** The largest error in units of the last place of the result, or of `least` where it is smaller. */
function worst(
  x: ArrayLike<number>,
  y: ArrayLike<number>,
  exact: (value: number) => number,
  least: number,
): [number, string] {
  let [largest, where] = [0, ''];
  for (let i = 0; i < x.length; i++) {
    const expected = exact(x[i]);
    const size = Math.max(Math.abs(expected), least);
    const error = Math.abs(y[i] - expected) / 2 ** (Math.floor(Math.log2(size)) - 23);
    if (!(error <= largest)) [largest, where] = [error, `f(${x[i]}) = ${y[i]}, not ${expected}`];
  }
  return [largest, where];
}

const evenly = (low: number, high: number, count: number): number[] =>
  Array.from({ length: count }, (_, i) => low + ((high - low) * i) / (count - 1));
const byMagnitude = (low: number, high: number, count: number): number[] =>
  evenly(Math.log(low), Math.log(high), count).map((value) => Math.exp(value));

interface Accurate {
  readonly f: (x: f.Tensor) => f.Tensor;
  readonly exact: (x: number) => number;
  /** Where it is looked at. */
  readonly within: readonly [low: number, high: number];
  readonly units: number;
  /** Results below it may err as much as those of this size. */
  readonly least?: number;
}

const ACCURATE: Readonly<Record<string, Accurate>> = {
  sin: { f: f.sin, exact: Math.sin, within: [-25, 25], units: 3, least: 1e-4 },
  cos: { f: f.cos, exact: Math.cos, within: [-25, 25], units: 3, least: 1e-4 },
  tan: { f: f.tan, exact: Math.tan, within: [-25, 25], units: 4, least: 1e-4 },
  'sin far out': { f: f.sin, exact: Math.sin, within: [-102_900, 102_900], units: 3, least: 0.25 },
  'cos far out': { f: f.cos, exact: Math.cos, within: [-102_900, 102_900], units: 3, least: 0.25 },
  asin: { f: f.asin, exact: Math.asin, within: [-1, 1], units: 3 },
  acos: { f: f.acos, exact: Math.acos, within: [-1, 1], units: 3 },
  atan: { f: f.atan, exact: Math.atan, within: [-30, 30], units: 3 },
  'atan of 1e30 x': {
    f: (x) => f.atan(x.mul(1e30)),
    exact: (x) => Math.atan(Math.fround(x * Math.fround(1e30))),
    within: [-3, 3],
    units: 2,
  },
  atan2: {
    f: (x) => f.atan2(x, x.mul(3).sub(1)),
    exact: (x) => Math.atan2(x, Math.fround(Math.fround(3 * x) - 1)),
    within: [-3, 3],
    units: 3,
  },
  sinh: { f: f.sinh, exact: Math.sinh, within: [-89, 89], units: 6 },
  cosh: { f: f.cosh, exact: Math.cosh, within: [-89, 89], units: 6 },
  erf: { f: f.erf, exact: o.erf, within: [-4.5, 4.5], units: 2 },
};

test('trigonometry and erf, in units of the last place', async () => {
  const count = 20_000;
  const small = byMagnitude(1e-37, 0.1, 500);
  const grids = Object.values(ACCURATE).map(({ within: [low, high] }) =>
    Float32Array.from([...evenly(low, high, count - 2 * small.length), ...small, ...small.map((x) => -x)]),
  );
  const results = Object.values(ACCURATE).map((one, at) => one.f(f.tensor(grids[at])));
  await realise(results);
  const wrong: string[] = [];
  for (const [at, [name, { exact, units, least = SMALLEST }]] of Object.entries(ACCURATE).entries()) {
    const [error, where] = worst(grids[at], await results[at].data(), exact, least);
    if (process.env.WGRAD_SHOW_UNITS) console.log(name, error.toFixed(2), where);
    if (!(error <= units)) wrong.push(`${name}: ${error.toFixed(1)} units: ${where}`);
  }
  assert.equal(wrong, []);
});

test('trigonometry and erf at their edges', async () => {
  for (const width of WIDTHS) {
    const filled = (...values: readonly number[]): f.Tensor =>
      f.tensor([...values, ...new Array<number>(width - values.length).fill(1)]);
    const x = filled(nan, inf, -inf, 0, 2, 200);
    const y = filled(0, 0, 1, inf, inf, nan);
    const z = filled(1, -1, 0, inf, -inf, 1);
    const all = await valuesOf({
      sin: f.sin(x),
      cos: f.cos(x),
      tan: f.tan(x),
      sinFar: f.sin(filled(1e6)),
      asin: f.asin(x),
      acos: f.acos(x),
      atan: f.atan(x),
      sinh: f.sinh(x),
      cosh: f.cosh(x),
      erf: f.erf(x),
      angles: f.atan2(y, z),
      below: f.atan2(filled(-0, -0, -1), filled(1, -1, 0)),
    });
    const near = (name: keyof typeof all, ...expected: readonly number[]): void => {
      const values = all[name].split(' ').slice(0, expected.length).map(Number);
      const close = values.every(
        (value, i) => Object.is(value + 0, expected[i] + 0) || Math.abs(value - expected[i]) < 3e-7,
      );
      assert.ok(close, `${name}: ${values.join(' ')}, not ${expected.join(' ')}`);
    };
    near('sin', nan, nan, nan, 0, Math.sin(2), Math.sin(200));
    near('cos', nan, nan, nan, 1, Math.cos(2), Math.cos(200));
    near('tan', nan, nan, nan, 0, Math.tan(2));
    near('sinFar', nan);
    near('asin', nan, nan, nan, 0, nan, nan);
    near('acos', nan, nan, nan, Math.PI / 2, nan, nan);
    near('atan', nan, Math.PI / 2, -Math.PI / 2, 0, Math.atan(2), Math.atan(200));
    near('sinh', nan, inf, -inf, 0, Math.fround(Math.sinh(2)), inf);
    near('cosh', nan, inf, inf, 1, Math.fround(Math.cosh(2)), inf);
    near('erf', nan, 1, -1, 0, o.erf(2), 1);
    near('angles', 0, Math.PI, Math.PI / 2, Math.PI / 4, (3 * Math.PI) / 4, nan);
    near('below', 0, -Math.PI, -Math.PI / 2);
  }
});

test('trigonometry and erf, four at a time, with their gradients', async () => {
  const gpu = (x: f.Tensor): f.Tensor =>
    [f.sin, f.cos, f.tan, f.asin, f.acos, f.atan, f.sinh, f.cosh, f.erf]
      .map((one) => one(x))
      .concat(f.atan2(x, x.add(2)), f.atan2(2, x.neg()))
      .reduce((total, one) => total.mul(0.7).add(one));
  const erf = (x: o.Array64): o.Array64 => ({ ...x, data: x.data.map(o.erf) });
  await compare({
    inputs: [draw([5, 8, 16], -0.9, 0.9)],
    gpu: of(gpu),
    oracle: (x) =>
      [o.sin, o.cos, o.tan, o.asin, o.acos, o.atan, o.sinh, o.cosh, erf]
        .map((one) => one(x))
        .concat(o.atan2(x, o.add(x, o.scalar64(2))), o.atan2(o.scalar64(2), o.neg(x)))
        .reduce((total, one) => o.add(o.mul(total, o.scalar64(0.7)), one)),
  });
});

test.run();
