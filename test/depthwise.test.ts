/** Every way to compute a depthwise convolution and its gradients, against the float64 oracle. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Node } from '../src/ir/op.ts';
import { withChoices } from '../src/ir/target.ts';
import { depthwiseConv2d } from '../src/ops/depthwiseConv2d.ts';
import { mul } from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { sum } from '../src/ops/reduce.ts';
import * as o from './reference.ts';
import { assertSame, compare, draw, evaluate, nodeOf, oracleOf } from './support.ts';
import { type Convolution, device, offeredBy } from './variants.ts';

const test = suite('depthwise convolutions');

const OPS = ['depthwiseConv2d', 'depthwiseConv2dInputGradient', 'depthwiseConv2dKernelGradient'];
const onCpu = device.target.ways.kind === 'cpu';

async function by(name: string, work: () => Promise<void>): Promise<void> {
  const { target } = device;
  device.target = withChoices(target, new Map(OPS.map((op) => [op, name])));
  try {
    await work();
  } finally {
    device.target = target;
  }
}

const convolve = (x: Node, kernel: Node, { strides, padding, dilationRate }: Convolution): Node =>
  depthwiseConv2d(x, kernel, { strides, padding, dilationRate });

/** The convolution and its gradients. */
function nodesOf(one: Convolution): Node[] {
  const [x, kernel] = [draw(one.x), draw(one.kernel)].map(nodeOf);
  const y = convolve(x, kernel, one);
  return [y, ...gradients(sum(mul(y, y)), [x, kernel])];
}

const SAME: Convolution = { x: [2, 7, 11, 3], kernel: [3, 3, 3, 1], padding: 'same' };

/** Each with which of the three go down the columns on the CPU. */
const CASES: readonly (readonly [Convolution, ...boolean[]])[] = [
  [SAME, true, true, true],
  // One result a row; fewer than a thread takes; a row; rows that all lie outside for some results.
  [{ x: [1, 5, 3, 1], kernel: [3, 3, 1, 1] }, true, true, true],
  [{ x: [3, 1, 5, 2], kernel: [3, 2, 2, 1], padding: 'same' }, true, true, true],
  [
    {
      x: [1, 4, 9, 5],
      kernel: [2, 3, 5, 1],
      padding: [
        [3, 0],
        [0, 4],
      ],
    },
    true,
    true,
    true,
  ],
  // By fours, in strips; several strips a thread, where the results are not one tile.
  [{ x: [5, 33, 31, 4], kernel: [3, 3, 4, 1], padding: 'same' }, true, true, true],
  [{ x: [9, 17, 6, 300], kernel: [3, 3, 300, 1], padding: 'same' }, true, true, true],
  [{ x: [2, 9, 8, 2], kernel: [5, 5, 2, 1], padding: 'same' }, true, true, true],
  // Steps, down rows that no result sees as well; multipliers.
  [{ x: [2, 21, 13, 3], kernel: [3, 3, 3, 1], strides: 2, padding: 'same' }, true, true, true],
  [{ x: [1, 12, 9, 3], kernel: [2, 3, 3, 1], strides: [1, 3] }, true, true, true],
  [{ x: [5, 34, 33, 4], kernel: [3, 3, 4, 1], strides: [3, 4], padding: 2 }, true, true, true],
  [{ x: [2, 8, 9, 2], kernel: [3, 3, 2, 4], padding: 1 }, true, false, true],
  [{ x: [1, 9, 10, 3], kernel: [2, 3, 3, 3], strides: [2, 1] }, true, false, true],
  // Rows that are skipped, spread, too many or alone.
  [{ x: [1, 9, 9, 2], kernel: [2, 2, 2, 1], strides: 3 }, false, false, false],
  [{ x: [1, 9, 9, 2], kernel: [3, 3, 2, 1], dilationRate: 2 }, false, false, false],
  [{ x: [1, 9, 11, 1], kernel: [6, 5, 1, 1] }, false, false, false],
  [{ x: [1, 5, 9, 3], kernel: [1, 3, 3, 1] }, false, false, false],
];

const describe = ({ x, kernel, strides = 1 }: Convolution): string => `[${x}] [${kernel}] stride ${strides}`;

if (onCpu) {
  test('down the columns is the default on the CPU where rows of pixels are shared', () => {
    for (const [one, ...columns] of CASES) {
      const defaults = nodesOf(one).map((node) => offeredBy(node)[0].name === 'columns');
      assert.equal(defaults, columns, describe(one));
    }
  });
}

for (const name of onCpu ? ['columns', 'tiles'] : ['tiles']) {
  for (const [one, offered] of CASES) {
    if (name === 'columns' && !offered) continue;
    test(`${name}: ${describe(one)}`, () =>
      by(name, () =>
        compare({
          inputs: [draw(one.x), draw(one.kernel)],
          gpu: (x, kernel) => convolve(x, kernel, one),
          oracle: (x, kernel) => o.depthwiseConv2d(x, kernel, one),
        }),
      ));
  }

  test(`${name}: NaN reaches what depends on it, and nothing else`, () =>
    by(name, async () => {
      // 3 results a row and a right edge that only the last of them sees.
      const one: Convolution = { x: [2, 6, 8, 4], kernel: [3, 3, 4, 1] };
      const [x, kernel] = [draw(one.x), draw(one.kernel)];
      const last = x.values.length - 4;
      x.values[last] = Number.NaN;
      const inputs = [x, kernel].map(nodeOf);
      const y = convolve(inputs[0], inputs[1], one);
      const [values, dkernel] = await evaluate([y, ...gradients(sum(y), [inputs[1]])]);
      const expected = o.depthwiseConv2d(oracleOf(x), oracleOf(kernel), one).data;
      assert.is(expected.filter(Number.isNaN).length, 1);
      values.forEach((value, i) => {
        assert.is(Number.isNaN(value), Number.isNaN(expected[i]), `result ${i} is ${value}`);
      });
      // The last pixel meets the last tap alone.
      dkernel.forEach((value, i) => {
        assert.is(Number.isNaN(value), i === dkernel.length - 4, `gradient ${i} is ${value}`);
      });
    }));

  test(`${name}: an infinite gradient at an edge reaches no tap whose row lies outside`, () =>
    by(name, async () => {
      const [x, kernel] = [draw([1, 4, 5, 1]), draw([3, 3, 1, 1])].map(nodeOf);
      const y = convolve(x, kernel, { ...SAME });
      const upstream = draw(y.shape);
      upstream.values[2] = Number.POSITIVE_INFINITY;
      const [, dkernel] = await evaluate(gradients(sum(mul(y, nodeOf(upstream))), [x, kernel]));
      dkernel.forEach((value, i) => {
        assert.is(Number.isFinite(value), i < 3, `gradient ${i} is ${value}`);
      });
    }));

  test(`${name}: the same inputs give the same bits`, () =>
    by(name, async () => {
      const nodes = nodesOf(CASES[4][0]);
      const [first, again] = [await evaluate(nodes), await evaluate(nodes)];
      first.forEach((values, at) => {
        assertSame(again[at], values, nodes[at].op.name);
      });
    }));
}

test.run();
