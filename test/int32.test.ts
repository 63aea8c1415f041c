/** int32 beyond 2^24, which float32 rounds: every function takes them as they are or refuses them. */

import { inspect } from 'node:util';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as w from '../src/index.ts';
import type * as functions from '../src/tensor/index.ts';

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

test('are compared with plain numbers and float32, too, and neither is rounded', async () => {
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
      w.greater(a, [2 ** 31, 16777216, 2147483520, -3]),
      w.greater([2 ** 31, 16777218, -(2 ** 31), -2.5], a),
      w.less(a, [16777216, 0.5, 1e20, Number.NaN]),
      w.equal([16777216, 16777216, 2 ** 31, -3], a),
    ]),
    [
      [1, 0, 0, 0],
      [0, 1, 0, 0],
      [0, 0, 1, 0],
      [1, 0, 1, 0],
      [0, 0, 0, 1],
      [1, 1, 1, 1],
      [0, 0, 0, 1],
      [0, 0, 0, 0],
      [1, 1, 1, 1],
      [0, 0, 1, 0],
      [1, 1, 0, 1],
      [0, 0, 1, 0],
      [0, 1, 0, 1],
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

test('take bytes and whole numbers as int32', async () => {
  const a = ints([1, MOST]);
  const bytes = w.tensor(new Uint8Array([4, 255]));
  const all = [a.maximum(bytes), a.sub(bytes), bytes.sub(a), w.where(a, bytes, a), a.sub(16777217), w.sub(-1, a)];
  for (const one of all) assert.is(one.dtype, 'int32');
  assert.equal(await lists(all), [
    [4, MOST],
    [-3, MOST - 255],
    [3, 255 - MOST],
    [4, 255],
    [-16777216, MOST - 16777217],
    [-2, LEAST],
  ]);
  assert.equal(await lists([a.equal(bytes), a.greater(bytes)]), [
    [0, 0],
    [0, 1],
  ]);
  assert.is(w.where(a, 1, 0).dtype, 'float32');
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
      .maximum(ints([2, 9]).cast('float32'))
      .square()
      .sum(),
  )([3, 4]);
  assert.equal(await mixed.array(), [6, 0]);
});

/** The 32 bits of a whole number, as int32. */
const wrapped = (value: bigint): number => Number(BigInt.asIntN(32, value));
type Whole = (...values: readonly bigint[]) => bigint;
const each = (of: Whole, ...lists: readonly (readonly number[])[]): number[] =>
  lists[0].map((_, i) => wrapped(of(...lists.map((list) => BigInt(list[i])))));
const folded = (of: Whole, list: readonly number[]): number[] => [wrapped(list.map(BigInt).reduce((x, y) => of(x, y)))];
const rising = (list: readonly number[]): number[] => [...list].sort((x, y) => x - y);
const sign = (value: bigint): bigint => (value > 0n ? 1n : value < 0n ? -1n : 0n);
const floored = (x: bigint, y: bigint): bigint => (y === 0n ? 0n : (x - (((x % y) + y) % y)) / y);
const rest = (x: bigint, y: bigint): bigint => (y === 0n ? 0n : ((x % y) + y) % y);
const running = (list: readonly number[]): number[] => {
  let total = 0n;
  return list.map((value) => {
    total += BigInt(value);
    return wrapped(total);
  });
};

/** Tensors, and what they hold. */
type Pairs = readonly (readonly [w.Tensor, readonly number[]])[];
/** What a function makes of int32; or a call that it refuses; or why it takes none. */
type Row = (() => Pairs) | { readonly refuses: () => unknown } | string;

const [a, b] = [ints(A), ints(B)];
const square = a.reshape([2, 4]);
const columns = [0, 4, 1, 5, 2, 6, 3, 7].map((i) => A[i]);
const refuses = (call: () => unknown): Row => ({ refuses: call });
const unary = (of: (x: w.Tensor) => unknown): Row => refuses(() => of(a));

/** Every function of tensors: what is forgotten does not compile. */
const TABLE: { readonly [Name in keyof typeof functions]: Row } = {
  // Made of numbers
  full: 'float32',
  normal: 'float32',
  ones: 'float32',
  uniform: 'float32',
  zeros: 'float32',
  linspace: 'float32',
  eye: 'float32',
  tensor: () => [
    [w.tensor([16777217, LEAST], [2], { dtype: 'int32' }), [16777217, LEAST]],
    [w.tensor([[16777217], Int32Array.of(MOST)], [2], { dtype: 'int32' }), [16777217, MOST]],
  ],
  arange: () => [
    [w.arange(16777215, 16777220, 2, { dtype: 'int32' }), [16777215, 16777217, 16777219]],
    [w.arange(MOST, MOST + 1, 1, { dtype: 'int32' }), [MOST]],
  ],
  fullLike: () => [[w.fullLike(a, 16777217), A.map(() => 16777217)]],
  onesLike: () => [[w.onesLike(a), A.map(() => 1)]],
  zerosLike: () => [[w.zerosLike(a), A.map(() => 0)]],
  Tensor: () => [[new w.Tensor(a.node).cast('int32'), A]],
  Variable: refuses(() => new w.Variable(a.node)),
  variable: refuses(() => w.variable(a)),

  // Arithmetic
  add: () => [
    [w.add(a, b), each((x, y) => x + y, A, B)],
    [a.add(16777217), each((x) => x + 16777217n, A)],
    [w.add(square, ints([MOST, 1], [2, 1])), each((x, y) => x + y, A, [MOST, MOST, MOST, MOST, 1, 1, 1, 1])],
  ],
  sub: () => [
    [w.sub(a, b), each((x, y) => x - y, A, B)],
    [w.sub(1, a), each((x) => 1n - x, A)],
  ],
  mul: () => [
    [w.mul(a, b), each((x, y) => x * y, A, B)],
    [a.mul(3), each((x) => x * 3n, A)],
  ],
  neg: () => [[w.neg(a), each((x) => -x, A)]],
  abs: () => [[w.abs(a), each((x) => (x < 0n ? -x : x), A)]],
  square: () => [[w.square(a), each((x) => x * x, A)]],
  sign: () => [[w.sign(a), each(sign, A)]],
  pow: () => [
    [w.pow(a, 1), A],
    [w.pow(a, 2), each((x) => x * x, A)],
    [w.pow(a, 3), each((x) => x * x * x, A)],
  ],
  floorDivide: () => [
    [w.floorDivide(a, 10), each((x) => floored(x, 10n), A)],
    [w.floorDivide(a, b), each(floored, A, B)],
  ],
  mod: () => [
    [w.mod(a, 10), each((x) => rest(x, 10n), A)],
    [w.mod(a, -7), each((x) => rest(x, -7n), A)],
  ],
  floor: () => [[w.floor(a), A]],
  ceil: () => [[w.ceil(a), A]],
  round: () => [[w.round(a), A]],
  div: refuses(() => a.div(2)),

  // Comparison and choice
  equal: () => [
    [w.equal(a, b), A.map((x, i) => Number(x === B[i]))],
    [w.equal(a, 5 + 1e-12), A.map(() => 0)],
    [w.equal(a, 2 ** 31), A.map(() => 0)],
    [w.equal(a, [16777216, 16777216, 0, -(2 ** 31), 0, 5, 0, 0]), [0, 1, 0, 1, 0, 1, 1, 0]],
  ],
  greater: () => [
    [w.greater(a, b), A.map((x, i) => Number(x > B[i]))],
    [w.greater([16777216, 2 ** 31, 2 ** 31, -Infinity, 0, 5.5, 0, 0], a), [0, 1, 1, 0, 1, 1, 0, 1]],
  ],
  less: () => [
    [w.less(a, b), A.map((x, i) => Number(x < B[i]))],
    [w.less(a, 16777216.5), A.map((x) => Number(x < 16777216.5))],
    [w.less(16777216.5, a), A.map((x) => Number(x > 16777216.5))],
    [w.greater(a, LEAST - 0.5), A.map(() => 1)],
    [w.less(a, 5 + 1e-12), A.map((x) => Number(x <= 5))],
    [w.less(a, MOST + 1), A.map(() => 1)],
  ],
  maximum: () => [[w.maximum(a, b), A.map((x, i) => Math.max(x, B[i]))]],
  minimum: () => [[w.minimum(a, 16777216), A.map((x) => Math.min(x, 16777216))]],
  clip: () => [
    [w.clip(a, -16777217, 16777217), A.map((x) => Math.min(Math.max(x, -16777217), 16777217))],
    [w.clip(a, 16777217, Infinity), A.map((x) => Math.max(x, 16777217))],
    [w.clip(a, -Infinity, 16777217), A.map((x) => Math.min(x, 16777217))],
  ],
  where: () => [[w.where(a.greater(0), a, b), A.map((x, i) => (x > 0 ? x : B[i]))]],
  isFinite: () => [[w.isFinite(a), A.map(() => 1)]],
  isInf: () => [[w.isInf(a), A.map(() => 0)]],
  isNaN: () => [[w.isNaN(a), A.map(() => 0)]],

  // Reductions
  sum: () => [
    [w.sum(a), folded((x, y) => x + y, A)],
    [square.sum(0), each((x, y) => x + y, A.slice(0, 4), A.slice(4))],
    [
      a.reshape([2, 2, 2]).sum([0, 2]),
      [
        [0, 1, 4, 5],
        [2, 3, 6, 7],
      ].map(
        (at) =>
          folded(
            (x, y) => x + y,
            at.map((i) => A[i]),
          )[0],
      ),
    ],
  ],
  prod: () => [
    [w.prod(ints([16777217, 3, -5])), [wrapped(16777217n * -15n)]],
    [w.prod(ints(A, [4, 2]), 1), [0, 2, 4, 6].map((i) => folded((x, y) => x * y, A.slice(i, i + 2))[0])],
  ],
  cumsum: () => [[w.cumsum(a), running(A)]],
  max: () => [[w.max(a), [MOST]]],
  min: () => [[w.min(square, 1), [LEAST, LEAST]]],
  any: () => [[w.any(square, 1), [1, 1]]],
  all: () => [[w.all(square, 1), [1, 0]]],
  argMax: () => [[w.argMax(ints([16777216, 16777217, 16777216])), [1]]],
  argMin: () => [[w.argMin(ints([16777217, 16777216, 16777217])), [1]]],
  mean: unary(w.mean),
  variance: unary(w.variance),
  std: unary(w.std),
  logSumExp: unary(w.logSumExp),
  sort: () => [
    [w.sort(a), rising(A)],
    [w.sort(a, { descending: true }), rising(A).reverse()],
  ],
  argSort: () => [[w.argSort(ints([16777217, 16777216, MOST, LEAST])), [3, 1, 0, 2]]],
  topK: () => {
    const { values, indices } = w.topK(a, 3);
    return [
      [values, [MOST, 16777217, 16777216]],
      [indices, [2, 0, 1]],
    ];
  },

  // Shape
  reshape: () => [[a.reshape([4, 2]), A]],
  transpose: () => [[square.transpose(), columns]],
  slice: () => [[a.slice([1], [3]), A.slice(1, 4)]],
  pad: () => [[a.pad([[1, 2]], 16777217), [16777217, ...A, 16777217, 16777217]]],
  padEdge: () => [[w.padEdge(a, [[2, 1]]), [A[0], A[0], ...A, A[7]]]],
  padReflect: () => [[w.padReflect(a, [[1, 0]]), [A[1], ...A]]],
  broadcastTo: () => [
    [a.broadcastTo([2, 8]), [...A, ...A]],
    [ints([16777217]).broadcastTo([3]), [16777217, 16777217, 16777217]],
  ],
  tile: () => [[w.tile(a, [2]), [...A, ...A]]],
  concat: () => [[w.concat([a, b]), [...A, ...B]]],
  stack: () => [[w.stack([a, b]), [...A, ...B]]],
  unstack: () => w.unstack(square).map((row, at) => [row, A.slice(4 * at, 4 * at + 4)]),
  split: () => w.split(a, 2).map((part, at) => [part, A.slice(4 * at, 4 * at + 4)]),
  squeeze: () => [[w.squeeze(a.reshape([8, 1])), A]],
  expandDims: () => [[w.expandDims(a), A]],
  flip: () => [[w.flip(a), [...A].reverse()]],
  stridedSlice: () => [[w.stridedSlice(a, [1], [], [3]), [A[1], A[4], A[7]]]],
  stopGradient: () => [[w.stopGradient(a), A]],
  gather: () => [[a.gather([3, 0]), [A[3], A[0]]]],
  oneHot: () => [[w.oneHot(ints([1, 16777217, LEAST]), 2), [0, 1, 0, 0, 0, 0]]],

  // Products
  einsum: () => [
    [w.einsum('i,j->ij', ints([16777217, 2]), ints([3, -1])), [50331651, -16777217, 6, -2]],
    [w.einsum('ij->j', square), each((x, y) => x + y, A.slice(0, 4), A.slice(4))],
    [w.einsum('ii->i', ints([16777217, 1, 2, MOST], [2, 2])), [16777217, MOST]],
  ],
  matmul: refuses(() => square.matmul(square.transpose())),
  dense: refuses(() => square.dense(w.zeros([4, 2]))),
  conv2d: refuses(() => a.reshape([1, 2, 4, 1]).conv2d(w.zeros([1, 1, 1, 1]))),
  maxPool2d: refuses(() => a.reshape([1, 2, 4, 1]).maxPool2d({ poolSize: 2 })),
  avgPool2d: refuses(() => a.reshape([1, 2, 4, 1]).avgPool2d({ poolSize: 2 })),
  depthwiseConv2d: refuses(() => w.depthwiseConv2d(a.reshape([1, 2, 4, 1]), w.zeros([1, 1, 1, 1]))),
  separableConv2d: refuses(() =>
    w.separableConv2d(a.reshape([1, 2, 4, 1]), w.zeros([1, 1, 1, 1]), w.zeros([1, 1, 1, 1])),
  ),
  conv2dTranspose: refuses(() => w.conv2dTranspose(a.reshape([1, 2, 4, 1]), w.zeros([1, 1, 1, 1]))),
  conv1d: refuses(() => w.conv1d(a.reshape([1, 8, 1]), w.zeros([1, 1, 1]))),
  maxPool1d: refuses(() => w.maxPool1d(a.reshape([1, 8, 1]), { poolSize: 2 })),
  avgPool1d: refuses(() => w.avgPool1d(a.reshape([1, 8, 1]), { poolSize: 2 })),
  batchNorm: refuses(() => w.batchNorm(square, w.ones([4]), w.zeros([4]))),
  dropout: refuses(() => w.dropout(a, 0.5, { seed: 1 })),
  crossEntropy: refuses(() => w.crossEntropy(a.reshape([2, 4]), [0, 1])),
  softmaxCrossEntropy: refuses(() => w.softmaxCrossEntropy(w.zeros([2, 4]), square)),

  // Of float32 alone
  acos: unary(w.acos),
  asin: unary(w.asin),
  atan: unary(w.atan),
  atan2: refuses(() => w.atan2(a, b)),
  cos: unary(w.cos),
  cosh: unary(w.cosh),
  elu: unary(w.elu),
  erf: unary(w.erf),
  exp: unary(w.exp),
  gelu: unary(w.gelu),
  leakyRelu: unary(w.leakyRelu),
  log: unary(w.log),
  logSoftmax: unary(w.logSoftmax),
  relu: unary(w.relu),
  sigmoid: unary(w.sigmoid),
  silu: unary(w.silu),
  sin: unary(w.sin),
  sinh: unary(w.sinh),
  softmax: unary(w.softmax),
  softplus: unary(w.softplus),
  sqrt: unary(w.sqrt),
  tan: unary(w.tan),
  tanh: unary(w.tanh),
  grad: refuses(() => w.grad((x) => x.cast('float32').sum())(a)),
  valueAndGrad: refuses(() => w.valueAndGrad((x) => x.cast('int32').sum())([1])),
  vjp: refuses(() => w.vjp((x) => x.cast('int32'))([1])),
};

/** The kinds of error, where an operation passes its inputs on to another one. */
const CALLED: Readonly<Record<string, string>> = {
  dense: 'matmul',
  Variable: 'variable',
  valueAndGrad: 'grad',
  vjp: 'grad',
};

for (const [name, row] of Object.entries<Row>(TABLE)) {
  if (typeof row === 'string') continue;
  test(`${name}: int32 are exact, or an error with a remedy`, async () => {
    if (typeof row === 'function') {
      const pairs = row();
      const values = await lists(pairs.map(([one]) => one));
      assert.equal(
        values,
        pairs.map(([, expected]) => [...expected]),
      );
      return;
    }
    try {
      row.refuses();
    } catch (error) {
      if (!(error instanceof w.WgradError)) throw error;
      assert.match(error.message, new RegExp(`^${CALLED[name] ?? name}\\b.*int32.*cast\\('float32'\\)`));
      return;
    }
    assert.unreachable('not refused');
  });
}

test('beside float32 arithmetic and choice are refused', () => {
  const float = w.tensor(A.map(() => 1));
  for (const call of [
    () => a.add(0.5),
    () => a.sub(float),
    () => w.mul(float, a),
    () => a.maximum(float),
    () => a.minimum(2.5),
    () => a.clip(0.5, 3),
    () => a.add(2 ** 31),
    () => w.mod(a, 0.5),
    () => w.floorDivide(float, a),
    () => w.where(a, a, float),
    () => a.pow(0.5),
    () => a.pow(4),
    () => w.einsum('i,i->', a, b),
  ]) {
    assert.throws(call, /int32.*cast\('float32'\)/);
  }
});

test('a graph of int32 is exact as a whole: fused, in fours and in ones, of values that were read before', async () => {
  for (const size of [1, 7, 8, 300]) {
    const values = Array.from({ length: size }, (_, i) => 16777217 + i * 7919);
    const x = ints(values);
    const y = x.mul(3).sub(x.square()).add(w.floorDivide(x, 5)).neg();
    const expected = each((n) => -(n * 3n - n * n + floored(n, 5n)), values);
    assert.equal(await lists([y, y.sum()]), [expected, folded((p, q) => p + q, expected)]);
    assert.equal(await lists([y.add(1), y.maximum(x).sum()]), [
      each((n) => n + 1n, expected),
      folded(
        (p, q) => p + q,
        expected.map((n, i) => Math.max(n, values[i])),
      ),
    ]);
  }
});

test('what is read is exact: data, array, item, the text, and casts within float32', async () => {
  const x = ints([16777217, MOST]);
  assert.match(inspect(x), /16777217, 2147483647/);
  assert.equal(Array.from(await x.add(0).data()), [16777217, MOST]);
  assert.equal(await x.array(), [16777217, MOST]);
  assert.is(await x.max().item(), MOST);
  assert.equal(await x.cast('float32').array(), [16777216, 2147483648]);
});

test('files hold them as they are', () => {
  const values = Int32Array.from(A);
  assert.equal(w.decodeNpy(w.encodeNpy(values)).data, values);
  const file = w.encodeSafetensors([{ name: 'ids', shape: [A.length], data: values }]);
  assert.equal(w.decodeSafetensors(file).tensors.get('ids')?.data, values);
});

test('models refuse int32 that their float32 would round', async () => {
  const model = new w.Sequential([new w.Dense(1)]).compile({ optimizer: 'sgd', loss: 'mse' });
  const [good, wide] = [ints([1, 2], [2, 1]), ints([1, 16777217], [2, 1])];
  for (const call of [
    () => model.fit(wide, good, { verbose: 0 }),
    () => model.fit(good, wide, { verbose: 0 }),
    () => model.evaluate(wide, good),
    () => model.predict(wide),
    async () => model.call(wide),
  ]) {
    try {
      await call();
      assert.unreachable('not refused');
    } catch (error) {
      if (!(error instanceof w.DataError)) throw error;
      assert.match(error.message, /example 1: 16777217 .*cast\('float32'\)/);
    }
  }
  await model.fit(good, good, { verbose: 0 });
  model.dispose();
});

test.run();
