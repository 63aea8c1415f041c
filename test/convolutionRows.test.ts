/** Convolutions of three taps a row computed by rows of pixels (cpu/contractionByRows.ts), against the float64 oracle. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Pair } from '../src/base/shape.ts';
import type { Node } from '../src/ir/op.ts';
import { cpuLanes } from '../src/ir/target.ts';
import { mul, relu } from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { sum } from '../src/ops/reduce.ts';
import * as o from './reference.ts';
import { assertSame, compare, draw, evaluate, nodeOf, oracleOf } from './support.ts';
import { type Convolution, convolve, device, forced, offeredBy } from './variants.ts';

const test = suite('convolutions by rows');

const names = (node: Node): string[] => offeredBy(node).map(({ name }) => name);

/** The convolution and its gradient to the kernel. */
function nodesOf({ x, kernel, ...options }: Convolution): Node[] {
  const inputs = [draw(x), draw(kernel)].map(nodeOf);
  const y = convolve(inputs[0], inputs[1], { x, kernel, ...options });
  return [y, ...gradients(sum(mul(y, y)), [inputs[1]])];
}

const same = (x: readonly number[], kernel: readonly number[], strides?: Pair): Convolution => ({
  x,
  kernel,
  strides,
  padding: 'same',
});

/** Rows of 8, 16 and 32 pixels; halves of a subgroup (16 filters) and all of it; more parts than rows; 64 KiB and more of weights. */
const WHOLE: readonly Convolution[] = [
  same([3, 5, 8, 16], [3, 3, 16, 16]),
  same([1, 7, 16, 16], [3, 3, 16, 32]),
  same([2, 1, 32, 32], [1, 3, 32, 16]),
  same([1, 3, 8, 64], [5, 3, 64, 64]),
];

if (cpuLanes(device.target) === 8) {
  test('it is offered where no lane of a subgroup is without work, and first where the product is large', () => {
    for (const one of WHOLE) for (const node of nodesOf(one)) assert.ok(names(node).includes('rows'), node.op.name);
    for (const node of nodesOf(same([16, 8, 8, 64], [3, 3, 64, 64]))) assert.is(names(node)[0], 'rows', node.op.name);
    const others = [
      same([1, 8, 8, 16], [3, 3, 16, 16], 2),
      same([1, 8, 8, 16], [3, 5, 16, 16]),
      same([1, 8, 7, 16], [3, 3, 16, 16]),
      same([1, 8, 8, 3], [3, 3, 3, 16]),
      { x: [1, 8, 8, 16], kernel: [3, 3, 16, 16] },
      { ...same([1, 8, 8, 32], [3, 3, 16, 32]), groups: 2 },
      { ...same([1, 8, 8, 16], [3, 3, 16, 16]), dilationRate: [1, 2] as Pair },
    ];
    for (const one of others) {
      const [y, dkernel] = nodesOf(one);
      assert.not(names(y).includes('rows'), JSON.stringify(one));
      assert.not(names(dkernel).includes('rows'), JSON.stringify(one));
    }
  });

  test('values and gradients', () =>
    forced('rows', async () => {
      for (const one of WHOLE) {
        await compare({
          inputs: [draw(one.x), draw(one.kernel)],
          gpu: (x, kernel) => relu(convolve(x, kernel, one)),
          oracle: (x, kernel) => o.relu(o.conv2d(x, kernel, one)),
        });
      }
    }));

  test('a NaN pixel reaches every result and every gradient to a tap that sees it, and nothing else', () =>
    forced('rows', async () => {
      const [one] = WHOLE;
      const [x, kernel] = [draw(one.x), draw(one.kernel)];
      // The last channel of the first image's last pixel.
      x.values[5 * 8 * 16 - 1] = Number.NaN;
      const inputs = [x, kernel].map(nodeOf);
      const y = convolve(inputs[0], inputs[1], one);
      const upstream = nodeOf(draw(y.shape, 0.5, 1.5));
      const roots = [y, ...gradients(sum(mul(y, upstream)), inputs)];
      const [values, dx, dkernel] = await evaluate(roots);
      const sees = o.conv2d(oracleOf(x), oracleOf(kernel), one).data;
      values.forEach((value, i) => {
        assert.is(Number.isNaN(value), Number.isNaN(sees[i]), `output ${i} is ${value}`);
      });
      assert.ok(dx.every((value) => Number.isFinite(value)));
      dkernel.forEach((value, i) => {
        const [tap, channel] = [Math.floor(i / 256), Math.floor(i / 16) % 16];
        const meets = channel === 15 && Math.floor(tap / 3) > 0 && tap % 3 > 0;
        assert.is(Number.isNaN(value), meets, `tap ${tap}, channel ${channel} is ${value}`);
      });
      const again = await evaluate(roots);
      assertSame(again[0], values, 'again');
    }));
}

test.run();
