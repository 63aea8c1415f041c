/**
 * Operations that share a kernel give the very bits that each of them gives in a kernel of its own. WGSL lets a driver
 * simplify across operations as if numbers were real and finite ((a + b) - b, x - x, √a √a, a b + a c), and drivers do; so
 * this is tried over pairs of operations, with operands in common, on numbers where such a step changes the value.
 */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { HostArray } from '../src/base/dtype.ts';
import type { Node } from '../src/ir/op.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import * as e from '../src/ops/elementwise.ts';
import { gather } from '../src/ops/gather.ts';
import { dataNode, fullNode } from '../src/ops/leaf.ts';
import { matmul } from '../src/ops/matmul.ts';
import { avgPool2d, maxPool2d } from '../src/ops/pool2d.ts';
import { max, mean, sum } from '../src/ops/reduce.ts';
import { reshape } from '../src/ops/reshape.ts';
import { logSoftmax, softmax } from '../src/ops/softmax.ts';
import { slice, transpose } from '../src/ops/views.ts';
import { evaluate } from './support.ts';

const test = suite('fused bits');

type Unary = (x: Node) => Node;
type Binary = (a: Node, b: Node) => Node;
/** Gives a node back as it is, to be fused, or its value in memory. */
type Read = (node: Node) => Promise<Node>;
/** An expression whose inner results pass through `read`. */
type Expression = (read: Read) => Promise<Node>;

const { NaN: nan, POSITIVE_INFINITY: inf } = Number;
/** Not finite, zeros of both signs, sums that round (12582912 is 1.5 · 2²³), products that overflow, and plain ones. */
const SPECIAL = [nan, inf, -inf, 0, -0, 1, 3.7, -2.5, 1e10, 12582912, 3e38, -3e38, 1e-30];
const TUPLES = SPECIAL.flatMap((a, i) => SPECIAL.map((b, j) => [a, b, SPECIAL[(5 * i + 3 * j + 1) % SPECIAL.length]]));
/** Software adapters take up to 16,384 elements one at a time, more of them four at a time. */
const WIDTHS = { single: TUPLES.length, four: 16392 };
type Width = keyof typeof WIDTHS;

const operand = (width: Width, which: number): Float32Array =>
  Float32Array.from({ length: WIDTHS[width] }, (_, i) => TUPLES[i % TUPLES.length][which]);
const OPERANDS = {
  single: [operand('single', 0), operand('single', 1), operand('single', 2)],
  four: [operand('four', 0), operand('four', 1), operand('four', 2)],
};

const unary: Readonly<Record<string, Unary>> = {
  neg: e.neg,
  square: e.square,
  sqrt: e.sqrt,
  exp: e.exp,
  log: e.log,
  abs: e.abs,
  relu: e.relu,
  tanh: e.tanh,
  'plus 1': (x) => e.add(x, fullNode(1)),
  '1 minus': (x) => e.sub(fullNode(1), x),
  'times 0': (x) => e.mul(x, fullNode(0)),
  '1 over': (x) => e.div(fullNode(1), x),
  dropout: (x) => e.dropout(x, 0.5, 3),
};
const binary: Readonly<Record<string, Binary>> = {
  add: e.add,
  sub: e.sub,
  mul: e.mul,
  div: e.div,
  maximum: e.maximum,
  equal: e.equal,
  greater: e.greater,
  where: (a, b) => e.where(a, b, a),
};
const entries = Object.entries;

const fused: Read = (node) => Promise.resolve(node);
const apart: Read = async (node) => {
  const [values] = await evaluate([node]);
  return dataNode(values, node.shape);
};

/** Each beside its name. */
type Named = readonly [what: string, expression: Expression];

const valuesOf = async (expressions: readonly Named[], read: Read): Promise<HostArray[]> =>
  evaluate(await Promise.all(expressions.map(([, expression]) => expression(read))));

/** Of zeros of both signs the greater one is either. */
const sameBut = (zeros: boolean) => (a: number, b: number) => Object.is(a, b) || (zeros && a === b);

/**
 * Compares expressions that are computed in one plan, several to a kernel of which each is a part of its own: that takes less
 * time to compile.
 */
async function expectSameBits(expressions: readonly Named[], operands: readonly Float32Array[]): Promise<void> {
  const together = await valuesOf(expressions, fused);
  for (const [at, [what, expression]] of expressions.entries()) {
    const [separate] = await valuesOf([[what, expression]], apart);
    const same = sameBut(what.includes('maximum'));
    const wrong = together[at].findIndex((value, i) => !same(value, separate[i]));
    if (wrong < 0) continue;
    const of = operands.map((values) => values[wrong % values.length]).join(', ');
    assert.unreachable(`${what} of ${of}: fused ${together[at][wrong]}, apart ${separate[wrong]}`);
  }
}

/** Every way in which `f` may follow an operation on operands that they have in common. */
function pairsWith(f: Binary, name: string, [x, y, z]: readonly Node[]): Named[] {
  const unaries = entries(unary).flatMap(([inner, g]): Named[] => [
    [`${name}(${inner} x, x)`, async (read) => f(await read(g(x)), x)],
    [`${name}(x, ${inner} x)`, async (read) => f(x, await read(g(x)))],
    [`${inner} of ${name}(x, y)`, async (read) => g(await read(f(x, y)))],
  ]);
  const binaries = entries(binary).flatMap(([inner, g]): Named[] => [
    [`${name}(${inner}(x, y), y)`, async (read) => f(await read(g(x, y)), y)],
    [`${name}(x, ${inner}(x, y))`, async (read) => f(x, await read(g(x, y)))],
    [`${name}(${inner}(x, y), ${inner}(x, z))`, async (read) => f(await read(g(x, y)), await read(g(x, z)))],
    [`${name}(${inner}(x, y), ${inner}(y, x))`, async (read) => f(await read(g(x, y)), await read(g(y, x)))],
  ]);
  return [[`${name}(x, x)`, async (read) => f(x, await read(e.copy(x)))], ...unaries, ...binaries];
}

for (const [name, f] of entries(binary)) {
  test(`${name} and another operation`, async () => {
    const operands = OPERANDS.single;
    const nodes = operands.map((values) => dataNode(values, [values.length]));
    await expectSameBits(pairsWith(f, name, nodes), operands);
  });
}

test('one function of another', async () => {
  const [values] = OPERANDS.single;
  const x = dataNode(values, [values.length]);
  const pairs = entries(unary).flatMap(([outer, f]) =>
    entries(unary).map(([inner, g]): Named => [`${outer} of ${inner}`, async (read) => f(await read(g(x)))]),
  );
  await expectSameBits(pairs, [values]);
});

test('four at a time', async () => {
  const operands = OPERANDS.four;
  const nodes = operands.map((values) => dataNode(values, [values.length]));
  const arithmetic = /^(add|sub|mul)\((plus 1|neg|1 minus|add|sub|mul|x)/;
  const pairs = entries(binary)
    .flatMap(([name, f]) => pairsWith(f, name, nodes))
    .filter(([what]) => arithmetic.test(what));
  const [x] = nodes;
  await expectSameBits([...pairs, ['square of sqrt', async (read) => e.square(await read(e.sqrt(x)))]], operands);
});

/** Kernels of their own that give their input back, near enough for a driver to see through. */
const kernels: Readonly<Record<string, (x: Node, count: number) => Node>> = {
  sum: (x, n) => sum(reshape(x, [n, 1]), 1),
  mean: (x, n) => mean(reshape(x, [n, 1]), 1),
  max: (x, n) => max(reshape(x, [n, 1]), 1),
  softmax: (x, n) => reshape(softmax(reshape(x, [n, 1])), [n]),
  logSoftmax: (x, n) => reshape(logSoftmax(reshape(x, [n, 1])), [n]),
  matmul: (x, n) => reshape(matmul(reshape(x, [n, 1]), fullNode(1, [1, 1])), [n]),
  conv2d: (x, n) => reshape(conv2d(reshape(x, [1, n, 1, 1]), fullNode(1, [1, 1, 1, 1])), [n]),
  avgPool2d: (x, n) => reshape(avgPool2d(reshape(x, [1, n, 1, 1]), { poolSize: 1 }), [n]),
  maxPool2d: (x, n) => reshape(maxPool2d(reshape(x, [1, n, 1, 1]), { poolSize: 1 }), [n]),
  slice: (x, n) => slice(x, [0], [n]),
  transpose: (x, n) => reshape(transpose(reshape(x, [1, n]), [1, 0]), [n]),
  gather: (x, n) =>
    gather(
      x,
      dataNode(
        Int32Array.from({ length: n }, (_, i) => i),
        [n],
      ),
    ),
};

for (const [name, kernel] of entries(kernels)) {
  test(`${name} and what follows it in its kernel`, async () => {
    const [values] = OPERANDS.single;
    const n = values.length;
    const x = dataNode(values, [n]);
    for (const [inner, f] of [
      ['add', e.add],
      ['sub', e.sub],
      ['mul', e.mul],
      ['div', e.div],
    ] as const) {
      const y = dataNode(OPERANDS.single[1], [n]);
      const what = `${inner}(${name} x, `;
      const pairs: Named[] = [
        [`${what}x)`, async (read) => f(await read(kernel(x, n)), x)],
        [`${what}-x)`, async (read) => f(await read(kernel(x, n)), await read(e.neg(x)))],
        [
          `${what}${name} x + y)`,
          async (read) => {
            const first = await read(kernel(x, n));
            return f(await read(e.add(first, y)), first);
          },
        ],
      ];
      // Each in a plan of its own: several such kernels in one take longer to compile.
      for (const pair of pairs) await expectSameBits([pair], OPERANDS.single);
    }
  });
}

for (const [name, reduce] of entries({ sum, mean, max })) {
  test(`${name} and what runs in its loads`, async () => {
    const operands = OPERANDS.single;
    const count = operands[0].length;
    const [x, y, z] = operands.map((values) => dataNode(values, [count, 1]));
    const row = dataNode(Float32Array.of(3e38, 1, -3e38), [1, 3]);
    for (const [inner, f] of [
      ['add', e.add],
      ['sub', e.sub],
      ['mul', e.mul],
    ] as const) {
      const pairs: Named[] = [
        ['(x, y) - x', async (read) => e.sub(await read(f(x, y)), x)],
        ['(x, y) - (x, z)', async (read) => e.sub(await read(f(x, y)), await read(f(x, z)))],
        ['(x, row)', async (read) => read(f(x, row))],
      ];
      for (const [what, expression] of pairs) {
        const over = what === '(x, row)' ? 1 : 0;
        const reduced: Expression = async (read) => reduce(await read(await expression(read)), over);
        await expectSameBits([[`${name} of ${inner}${what}`, reduced]], operands);
      }
    }
  });
}

test('the examples of the documentation', async () => {
  const value = async (node: Node): Promise<string> => [...(await evaluate([node]))[0]].join(' ');
  const of = (...values: number[]): Node => dataNode(Float32Array.from(values), [values.length]);
  const x = of(nan, inf, 3);
  assert.is(await value(e.square(e.sqrt(of(-1, 9)))), 'NaN 9');
  assert.is(await value(e.sub(e.add(of(3.7), of(12582912)), of(12582912))), '4');
  assert.is(await value(e.sub(e.add(x, fullNode(1)), x)), 'NaN NaN 1');
  assert.is(await value(mean(e.square(e.sub(x, x)))), 'NaN');
  assert.is(await value(e.mul(e.greater(x, x), fullNode(nan))), 'NaN NaN NaN');
  assert.is(await value(e.sub(e.log(of(-1)), e.log(of(-1)))), 'NaN');
  // The rounding error of a sum (Knuth's two-sum), for compensated sums.
  const [a, b] = [of(1), of(2 ** -30)];
  const s = e.add(a, b);
  const t = e.sub(s, a);
  assert.is(await value(e.add(e.sub(a, e.sub(s, t)), e.sub(b, t))), String(2 ** -30));
});

test.run();
