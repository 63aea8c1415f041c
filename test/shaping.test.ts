/** Functions that put elements elsewhere, sums by an equation, ranges, and tensors like others: against float64. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import * as f from '../src/tensor/index.ts';
import * as o from './reference.ts';
import { type Comparison, compare, draw, nodeOf, oracleOf } from './support.ts';

const test = suite('shaping');

type Tensors = (...x: f.Tensor[]) => f.Tensor;
const of =
  (make: Tensors): Comparison['gpu'] =>
  (...nodes) =>
    make(...nodes.map((node) => new f.Tensor(node))).node;

/** int32 beyond 2^24 and uint8, in a shape. */
const whole = (...shape: number[]): f.Tensor =>
  f.tensor(
    Int32Array.from({ length: o.sizeOf(shape) }, (_, i) => 16777217 + i),
    shape,
  );
const from = (x: f.Tensor): Promise<number[]> =>
  x.data().then((values) => Array.from(values, (value) => value - 16777217));

test('stack, unstack and split', async () => {
  for (const axis of [0, 1, -1]) {
    await compare({
      inputs: [draw([3, 5]), draw([3, 5])],
      gpu: of((a, b) => f.stack([a, b, a.mul(b)], axis)),
      oracle(a, b) {
        const shape = axis === 0 ? [1, 3, 5] : axis === 1 ? [3, 1, 5] : [3, 5, 1];
        return o.concat(
          [a, b, o.mul(a, b)].map((one) => o.reshape(one, shape)),
          axis,
        );
      },
    });
  }
  await compare({
    inputs: [draw([3, 5])],
    gpu: of((x) => {
      const [a, b, c] = f.unstack(x);
      const columns = f.unstack(x, 1);
      return f
        .stack([c, a.mul(b)], 1)
        .matmul(f.stack([columns[4], columns[0]], 1).transpose())
        .matmul(f.split(x, [2, 3])[0]);
    }),
    oracle(x) {
      const row = (i: number): o.Array64 => o.reshape(o.slice(x, [i, 0], [1, 5]), [5]);
      const column = (i: number): o.Array64 => o.slice(x, [0, i], [3, 1]);
      const left = o.concat(
        [row(2), o.mul(row(0), row(1))].map((one) => o.reshape(one, [5, 1])),
        1,
      );
      return o.matmul(o.matmul(left, o.transpose(o.concat([column(4), column(0)], 1))), o.slice(x, [0, 0], [3, 2]));
    },
  });
  assert.equal(await from(f.stack(f.unstack(whole(3, 2)).reverse())), [4, 5, 2, 3, 0, 1]);
  assert.equal(
    f.split(f.zeros([6, 4]), 3, 0).map(({ shape }) => [...shape]),
    [
      [2, 4],
      [2, 4],
      [2, 4],
    ],
  );
  for (const parts of [4, 0, [1, 2], [6, 0], Number.NaN, 2.5])
    assert.throws(() => f.split(f.zeros([6]), parts), /split: .*6 elements/);
  assert.throws(() => f.stack([]), /no tensors/);
  assert.throws(() => f.stack([1, [1]]), /differ/);
});

test('tile, squeeze and expandDims', async () => {
  for (const [shape, repetitions] of [
    [
      [3, 1, 5],
      [2, 3, 1],
    ],
    [[4], [2, 3]],
    [[2, 3], [2]],
    [[], [3]],
  ] as const) {
    await compare({
      inputs: [draw(shape)],
      gpu: of((x) => f.tile(x, repetitions)),
      oracle(x) {
        const rank = Math.max(shape.length, repetitions.length);
        const aligned = o.reshape(x, [...new Array<number>(rank - shape.length).fill(1), ...shape]);
        return repetitions.reduceRight(
          (y, times, at) => o.concat(new Array(times).fill(y), at + rank - repetitions.length),
          aligned,
        );
      },
    });
  }
  const tiled = f.tile(whole(2), [2]);
  assert.equal([tiled.dtype, ...(await from(tiled))], ['int32', 0, 1, 0, 1]);
  const x = f.zeros([1, 3, 1]);
  assert.equal(
    [
      f.squeeze(x),
      f.squeeze(x, 0),
      f.squeeze(x, -1),
      f.expandDims(x),
      f.expandDims(x, -1),
      f.expandDims(x, 2),
      f.expandDims(7),
    ].map(({ shape }) => shape.join()),
    ['3', '3,1', '1,3', '1,1,3,1', '1,3,1,1', '1,3,1,1', '1'],
  );
  assert.throws(() => f.squeeze(x, 1), /squeeze: axis 1 of \[1, 3, 1\] is longer/);
  assert.throws(() => f.expandDims(x, 4), /expandDims: axis 4/);
  assert.throws(() => f.tile(x, [0]), /tile: expected whole numbers/);
});

test("flip and Python's slices", async () => {
  await compare({
    inputs: [draw([3, 5, 4])],
    gpu: of((x) => f.flip(x, [0, -1]).add(f.flip(x).mul(2))),
    oracle: (x) =>
      o.add(
        o.stridedSlice(x, [2, 0, 3], [3, 5, 4], [-1, 1, -1]),
        o.mul(o.scalar64(2), o.stridedSlice(x, [2, 4, 3], [3, 5, 4], [-1, -1, -1])),
      ),
  });
  const x = f.arange(0, 10, 1, { dtype: 'int32' });
  const slices: readonly (readonly [number | null, number | null, number | null, string])[] = [
    [null, null, 3, '0 3 6 9'],
    [null, null, -3, '9 6 3 0'],
    [-3, null, null, '7 8 9'],
    [null, -8, null, '0 1'],
    [-2, 2, -2, '8 6 4'],
    [-99, 99, 4, '0 4 8'],
    [99, -99, -5, '9 4'],
    [4, null, -1, '4 3 2 1 0'],
    [2, 8, 1, '2 3 4 5 6 7'],
  ];
  for (const [begin, end, stride, expected] of slices) {
    const y = f.stridedSlice(x, [begin], [end], [stride]);
    assert.equal([y.dtype, (await y.data()).join(' ')], ['int32', expected], `${begin} ${end} ${stride}`);
  }
  await compare({
    inputs: [draw([7, 9, 4])],
    gpu: of((y) => f.stridedSlice(y, [null, -2, 1], [5, null], [2, -3])),
    oracle: (y) => o.stridedSlice(y, [0, 7, 1], [3, 3, 3], [2, -3, 1]),
  });
  await compare({
    inputs: [draw([5, 7])],
    gpu: of((y) => y.slice([-2, -5], [2, -1])),
    oracle: (y) => o.slice(y, [3, 2], [2, 5]),
  });
  assert.throws(() => f.stridedSlice(x, [5], [5]), /nothing is left of \[10\]/);
  assert.throws(() => f.stridedSlice(x, [0], [5], [0]), /no stride of 0/);
  assert.throws(() => f.stridedSlice(x, [0, 0]), /up to 1 whole numbers/);
  assert.throws(() => x.slice([-11], [1]), /slice: begin/);
  assert.throws(() => f.gather([1, 2], [-1]), /id -1/);
});

test('padding by mirroring and by edges', async () => {
  const places = (extent: number, [before, after]: readonly [number, number], mode: string): number[] =>
    Array.from({ length: before + extent + after }, (_, i) => {
      const at = i - before;
      if (mode === 'edge') return Math.min(Math.max(at, 0), extent - 1);
      const turned = Math.abs(at);
      return turned >= extent ? 2 * (extent - 1) - turned : turned;
    });
  for (const padding of [
    [
      [2, 1],
      [0, 4],
      [0, 0],
    ],
    [
      [1, 0],
      [3, 3],
      [0, 1],
    ],
  ] as const) {
    for (const [mode, pad] of [
      ['reflect', f.padReflect],
      ['edge', f.padEdge],
    ] as const) {
      await compare({
        inputs: [draw([3, 5, 4])],
        gpu: of((x) => pad(x, padding)),
        oracle: (x) =>
          padding.reduce((y: o.Array64, pair, axis) => {
            const ids = places(x.shape[axis], pair, mode);
            return o.gather(y, o.array64(ids, [ids.length]), axis);
          }, x),
      });
    }
  }
  assert.equal(await from(f.padEdge(whole(2), [[1, 2]])), [0, 0, 1, 1, 1]);
  assert.equal(await from(f.padReflect(whole(3), [[2, 2]])), [2, 1, 0, 1, 2, 1, 0]);
  assert.throws(() => f.padReflect([1, 2], [[2, 0]]), /padReflect: .*below its extent/);
  assert.throws(() => f.padEdge([1, 2], [[0, -1]]), /padEdge: .*at least 0/);
});

test('einsum by the equation', async () => {
  /** Every sum by its definition; letters only. */
  const sums = (equation: string, operands: readonly o.Array64[]): o.Array64 => {
    const [inputs, output] = equation.split('->');
    const terms = inputs.split(',');
    const extents = new Map<string, number>();
    terms.forEach((term, at) => {
      for (const [d, letter] of [...term].entries())
        extents.set(letter, Math.max(extents.get(letter) ?? 1, operands[at].shape[d]));
    });
    const letters = [...extents.keys()];
    const shape = [...output].map((letter) => extents.get(letter) ?? 0);
    const data = new Float64Array(o.sizeOf(shape));
    const count = o.sizeOf([...extents.values()]);
    for (let i = 0; i < count; i++) {
      let rest = i;
      const at = new Map(
        letters.map((letter) => {
          const extent = extents.get(letter) ?? 1;
          const place = rest % extent;
          rest = Math.floor(rest / extent);
          return [letter, place];
        }),
      );
      const index = (term: string, of: readonly number[]): number =>
        [...term].reduce((sum, letter, d) => sum * of[d] + (of[d] === 1 ? 0 : (at.get(letter) ?? 0)), 0);
      const product = terms.reduce(
        (total, term, which) => total * operands[which].data[index(term, operands[which].shape)],
        1,
      );
      data[index(output, shape)] += product;
    }
    return { shape, data };
  };
  const cases: readonly (readonly [equation: string, letters: string | null, ...shapes: (readonly number[])[]])[] = [
    ['ij,jk->ik', null, [3, 5], [5, 2]],
    ['bij,bkj->kbi', null, [2, 3, 5], [2, 4, 5]],
    ['bqhd,bkhd->bhqk', null, [2, 3, 2, 5], [2, 7, 2, 5]],
    ['i,j->ji', null, [3], [5]],
    ['ij->j', null, [3, 5]],
    ['ii->i', null, [4, 4]],
    ['iji->ij', null, [3, 2, 3]],
    ['ijk,jl,kl->il', null, [2, 3, 4], [3, 5], [4, 5]],
    ['ab,ab->a', null, [2, 3], [2, 1]],
    ['b a, c a', 'ba,ca->bc', [3, 2], [4, 2]],
    ['ji', 'ji->ij', [3, 2]],
    ['...ij,...jk->...ik', 'abij,bjk->abik', [2, 3, 4, 5], [3, 5, 2]],
    ['...ij,j...->i...', 'abij,jab->iab', [2, 3, 4, 5], [5, 1, 3]],
  ];
  for (const [equation, letters, ...shapes] of cases) {
    await compare({
      inputs: shapes.map((shape) => draw(shape)),
      samples: 5,
      gpu: of((...x) => f.einsum(equation, ...x)),
      oracle: (...x) => sums(letters ?? equation, x),
    });
  }
  const beside = f.tensor([
    [1, Number.NaN],
    [Number.POSITIVE_INFINITY, 4],
  ]);
  assert.is(await f.einsum('ii', beside).item(), 5, 'what is not on a diagonal is not in its sum');
  assert.equal(await from(f.einsum('iaia->ai', whole(2, 3, 2, 3))), [0, 21, 7, 28, 14, 35]);
  const x = f.zeros([2, 3]);
  for (const [equation, operands, pattern] of [
    ['ij,jk', [x], /names 2 operands, got 1/],
    ['ijk->i', [x], /'ijk' has 3 letters for 2 axes/],
    ['ij->ik', [x], /'k' of the result/],
    ['ij->ii', [x], /twice in the result/],
    ['i1->i', [x], /no list of letters/],
    ['ij,jk->ik', [x, x], /extents 3 and 2 for 'j'/],
  ] as const) {
    assert.throws(() => f.einsum(equation, ...operands), pattern);
  }
});

test('products of many matrices at once broadcast', async () => {
  await compare({
    inputs: [draw([2, 1, 3, 5]), draw([4, 5, 2])],
    gpu: of((a, b) => a.matmul(b)),
    oracle: o.matmul,
  });
});

test('ranges, the identity, and tensors like others', async () => {
  const array = async (x: f.Tensor): Promise<string> => `${x.dtype} ${(await x.data()).join(' ')}`;
  const tenth = Math.fround(0.1);
  assert.equal(
    await Promise.all(
      [
        f.arange(3),
        f.arange(2, -1, -1),
        f.arange(0, 0.25, 0.1),
        f.arange(16777216, 16777219, 2, { dtype: 'int32' }),
        f.linspace(0, 1, 5),
        f.linspace(3, 0, 1),
        f.linspace(-1, tenth, 3),
        f.linspace(1, 1e-20, 2),
        f.eye(2, 3),
        f.eye(3, 1),
        f.zerosLike(whole(2)),
        f.onesLike([[1], [2]]),
        f.fullLike(whole(1), -7),
        f.fullLike(f.tensor(new Uint8Array(2)), 0.5),
      ].map(array),
    ),
    [
      'float32 0 1 2',
      'float32 2 1 0',
      `float32 0 ${tenth} ${Math.fround(0.2)}`,
      'int32 16777216 16777218',
      'float32 0 0.25 0.5 0.75 1',
      'float32 3',
      `float32 -1 ${Math.fround((tenth - 1) / 2)} ${tenth}`,
      `float32 1 ${Math.fround(1e-20)}`,
      'float32 1 0 0 0 1 0',
      'float32 1 0 0',
      'int32 0 0',
      'float32 1 1',
      'int32 -7',
      'float32 0.5 0.5',
    ],
  );
  assert.throws(() => f.arange(0), /arange: .*0 numbers/);
  assert.throws(() => f.arange(0, 1, 0), /arange: /);
  assert.throws(() => f.arange(0, 2, 0.5, { dtype: 'int32' }), /0.5 is no int32/);
  assert.throws(() => f.linspace(0, 1, 0), /linspace: /);
  assert.throws(() => f.eye(2.5), /eye: /);
  assert.throws(() => f.fullLike(whole(1), 0.5), /fullLike: /);
});

test('a gradient with an upstream', async () => {
  const f_ = (x: f.Tensor, y: f.Tensor): f.Tensor => x.matmul(y).square();
  const upstream = draw([3, 2]);
  const weigh = new f.Tensor(nodeOf(upstream));
  for (const at of [0, 1]) {
    await compare({
      inputs: [draw([3, 5]), draw([5, 2])],
      gpu: of((x, y) => f.vjp(f_)(x, y)[1](weigh)[at]),
      oracle(x, y) {
        const slope = o.mul(o.mul(o.scalar64(2), o.matmul(x, y)), oracleOf(upstream));
        return at === 0 ? o.matmul(slope, o.transpose(y)) : o.matmul(o.transpose(x), slope);
      },
    });
  }
  const [value, pull] = f.vjp((x) => x.square())([1, 2, 3]);
  assert.equal(
    [await value.array(), await pull(1)[0].array()],
    [
      [1, 4, 9],
      [2, 4, 6],
    ],
  );
  assert.throws(() => pull([1, 2]), /vjp|broadcast/);
  assert.throws(() => Reflect.apply(f.vjp, undefined, [3]), /vjp: expected a function/);
});

test.run();
