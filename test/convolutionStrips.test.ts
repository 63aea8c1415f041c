/** Convolutions of 3×3 taps computed along strips of images (cpu/convolutionByStrips.ts), against the float64 oracle. */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Pair, sizeOf } from '../src/base/shape.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import type { Node } from '../src/ir/op.ts';
import { cpuLanes } from '../src/ir/target.ts';
import { add, mul, relu } from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { sum } from '../src/ops/reduce.ts';
import { slice } from '../src/ops/views.ts';
import * as o from './reference.ts';
import { assertClose, assertSame, compare, draw, evaluate, type Input, nodeOf, oracleOf } from './support.ts';
import { type Convolution, convolve, device, forced, offeredBy } from './variants.ts';

const test = suite('convolutions by strips');

const names = (node: Node): string[] => offeredBy(node).map(({ name }) => name);

/** The convolution and its gradients. */
function nodesOf({ x, kernel, ...options }: Convolution): Node[] {
  const inputs = [draw(x), draw(kernel)].map(nodeOf);
  const y = convolve(inputs[0], inputs[1], { x, kernel, ...options });
  return [y, ...gradients(sum(mul(y, y)), inputs)];
}

const same = (x: readonly number[], kernel: readonly number[], strides?: Pair): Convolution => ({
  x,
  kernel,
  strides,
  padding: 'same',
});

/** One row and many; several blocks of filters; channels in one, two and three passes; a chunk of strips that ends within an image. */
const WHOLE: readonly Convolution[] = [
  same([3, 5, 8, 16], [3, 3, 16, 16]),
  same([1, 7, 16, 16], [3, 3, 16, 32]),
  same([2, 1, 32, 32], [3, 3, 32, 16]),
  same([1, 3, 4, 64], [3, 3, 64, 64]),
  same([2, 3, 4, 48], [3, 3, 48, 16]),
  same([29, 3, 28, 16], [3, 3, 16, 16]),
];
/** Widths that are odd, and channels or filters that are no multiple of 16: only some of the three go by strips. */
const PARTLY: readonly (readonly [Convolution, ...boolean[]])[] = [
  [same([2, 5, 7, 16], [3, 3, 16, 16]), true, true, false],
  [same([3, 2, 1, 16], [3, 3, 16, 32]), true, true, false],
  [same([1, 3, 8, 16], [3, 3, 16, 20]), false, true, false],
  [same([1, 3, 8, 4], [3, 3, 4, 16]), true, false, false],
  [same([1, 2, 8, 80], [3, 3, 80, 48]), true, true, true],
  [same([1, 2, 8, 44], [3, 3, 44, 16]), false, false, false],
];

const halved = (x: readonly number[], kernel: readonly number[], padding: Convolution['padding']): Convolution => ({
  x,
  kernel,
  strides: 2,
  padding,
});

/**
 * Of stride 2 the gradients alone go by strips: with padding before and without, in two passes, of one pixel, with a row of taps behind the
 * last one of positions; those to the kernel where positions come by fours.
 */
const STRIDED: readonly (readonly [Convolution, boolean])[] = [
  [halved([3, 8, 6, 16], [3, 3, 16, 32], 'same'), false],
  [halved([2, 7, 9, 32], [3, 3, 32, 64], 'same'), false],
  [halved([1, 1, 1, 16], [3, 3, 16, 4], 'same'), false],
  [halved([2, 6, 8, 16], [3, 3, 16, 16], 1), true],
  [halved([2, 8, 11, 16], [3, 3, 16, 16], 'valid'), false],
  [halved([19, 9, 7, 16], [3, 3, 16, 32], 'same'), true],
  [halved([2, 2, 16, 32], [3, 3, 32, 16], 'same'), true],
  [halved([3, 9, 9, 16], [3, 3, 16, 16], 'valid'), true],
];

/** Calls `meets` with the places, of a pixel, a weight and a result, of every product of a convolution. */
function products(
  { x, kernel: [, , channels, outs], strides = 1, padding }: Convolution,
  [, rows, columns]: readonly number[],
  meets: (pixel: number, weight: number, result: number) => void,
): void {
  const [batch, height, width] = x;
  const step = Number(strides);
  const around = (extent: number, positions: number): number => Math.max((positions - 1) * step + 3 - extent, 0);
  const [above, left] = [around(height, rows), around(width, columns)].map((all) =>
    typeof padding === 'number' ? padding : padding === 'same' ? Math.floor(all / 2) : 0,
  );
  for (let image = 0; image < batch; image++)
    for (let y = 0; y < rows; y++)
      for (let at = 0; at < columns; at++)
        for (let tap = 0; tap < 9; tap++) {
          const [py, px] = [y * step + Math.floor(tap / 3) - above, at * step + (tap % 3) - left];
          if (py < 0 || py >= height || px < 0 || px >= width) continue;
          const pixel = ((image * height + py) * width + px) * channels;
          const result = ((image * rows + y) * columns + at) * outs;
          for (let c = 0; c < channels; c++)
            for (let n = 0; n < outs; n++) meets(pixel + c, (tap * channels + c) * outs + n, result + n);
        }
}

/** The gradient to the images in float64: what each result saw, by its weight. */
function toInput(upstream: Input, convolution: Convolution, kernel: Input): Float64Array {
  const dx = new Float64Array(sizeOf(convolution.x));
  products(convolution, upstream.shape, (pixel, weight, result) => {
    dx[pixel] += upstream.values[result] * kernel.values[weight];
  });
  return dx;
}

/** The gradient to the kernel in float64. */
function toKernel(upstream: Input, convolution: Convolution, x: Input): Float64Array {
  const dkernel = new Float64Array(sizeOf(convolution.kernel));
  products(convolution, upstream.shape, (pixel, weight, result) => {
    dkernel[weight] += upstream.values[result] * x.values[pixel];
  });
  return dkernel;
}

const withNaN = (input: Input, places: readonly number[]): Input => {
  const values = Float32Array.from(input.values);
  for (const place of places) values[place] = Number.NaN;
  return { ...input, values };
};

if (cpuLanes(device.target) === 8) {
  test('it is offered where no lane of a subgroup is without work, and first where the product is large', () => {
    for (const one of WHOLE) for (const node of nodesOf(one)) assert.ok(names(node).includes('strips'), node.op.name);
    for (const node of nodesOf(same([16, 8, 8, 32], [3, 3, 32, 32]))) assert.is(names(node)[0], 'strips', node.op.name);
    for (const [one, ...offered] of PARTLY) {
      const found = nodesOf(one).map((node) => names(node).includes('strips'));
      assert.equal(found, offered, JSON.stringify(one));
    }
    for (const [one, toKernel] of STRIDED) {
      const found = nodesOf(one).map((node) => names(node).includes('strips'));
      assert.equal(found, [false, true, toKernel], JSON.stringify(one));
    }
    const others = [
      same([1, 8, 8, 16], [3, 3, 16, 16], 3),
      same([1, 8, 8, 16], [3, 5, 16, 16]),
      same([1, 8, 8, 16], [1, 3, 16, 16]),
      { x: [1, 8, 8, 16], kernel: [3, 3, 16, 16] },
      { ...same([1, 8, 8, 32], [3, 3, 16, 32]), groups: 2 },
      { ...same([1, 8, 8, 16], [3, 3, 16, 16]), dilationRate: [1, 2] as Pair },
    ];
    for (const one of others) {
      for (const node of nodesOf(one))
        assert.not(names(node).includes('strips'), `${node.op.name} ${JSON.stringify(one)}`);
    }
  });

  test('values and gradients', () =>
    forced('strips', async () => {
      for (const one of [...WHOLE, ...PARTLY.map(([partly]) => partly), ...STRIDED.map(([one]) => one)]) {
        await compare({
          inputs: [draw(one.x), draw(one.kernel)],
          gpu: (x, kernel) => relu(convolve(x, kernel, one)),
          oracle: (x, kernel) => o.relu(o.conv2d(x, kernel, one)),
        });
      }
    }));

  test('all of the gradient to the images; a NaN of the upstream gradient reaches the pixels that were seen, and nothing else', () =>
    forced('strips', async () => {
      for (const one of [...WHOLE, PARTLY[1][0], ...STRIDED.map(([strided]) => strided)]) {
        const [x, kernel] = [draw(one.x), draw(one.kernel)];
        const inputs = [x, kernel].map(nodeOf);
        const y = convolve(inputs[0], inputs[1], one);
        const upstream = draw(y.shape);
        const poisoned = { ...upstream, values: Float32Array.from(upstream.values) };
        // The last position of an image in the middle of memory or at its end, and the position behind it.
        const last = sizeOf(y.shape.slice(1));
        poisoned.values[last - 1] = Number.NaN;
        if (last < poisoned.values.length) poisoned.values[last] = Number.NaN;
        const all = [upstream, poisoned];
        const values = await evaluate(all.map((dy) => gradients(sum(mul(y, nodeOf(dy))), [inputs[0]])[0]));
        const [expected, reached] = all.map((dy) => toInput(dy, one, kernel));
        assertClose(values[0], expected, JSON.stringify(one));
        values[1].forEach((value, i) => {
          assert.is(
            Number.isNaN(value),
            Number.isNaN(reached[i]),
            `${JSON.stringify(one)}: pixel element ${i} is ${value}`,
          );
        });
      }
    }));

  test('all of the gradient to the kernel; a NaN of the first or the last pixel, or of their results, reaches the taps that meet it, and no others', () =>
    forced('strips', async () => {
      for (const one of [...WHOLE, ...STRIDED.filter(([, toKernel]) => toKernel).map(([strided]) => strided)]) {
        const [x, kernel] = [draw(one.x), draw(one.kernel)];
        const y = convolve(nodeOf(x), nodeOf(kernel), one);
        const upstream = draw(y.shape);
        const pairs: readonly (readonly [Input, Input])[] = [
          [x, upstream],
          [withNaN(x, [0]), upstream],
          [withNaN(x, [x.values.length - 1]), upstream],
          [x, withNaN(upstream, [0])],
          [x, withNaN(upstream, [upstream.values.length - 1])],
        ];
        const gradientOf = ([images, dy]: readonly [Input, Input]): Node => {
          const weights = nodeOf(kernel);
          return gradients(sum(mul(convolve(nodeOf(images), weights, one), nodeOf(dy))), [weights])[0];
        };
        const [values, ...poisoned] = await evaluate(pairs.map(gradientOf));
        const [expected, ...reached] = pairs.map(([images, dy]) => toKernel(dy, one, images));
        assertClose(values, expected, JSON.stringify(one));
        poisoned.forEach((read, which) => {
          const [found, meant] = [read, reached[which]].map((all) => Array.from(all, Number.isNaN));
          assert.equal(found, meant, `${JSON.stringify(one)}, NaN ${which}`);
        });
      }
    }));

  test('what follows the gradient to the images is computed with it', () =>
    forced('strips', async () => {
      const [one] = WHOLE;
      const inputs = [draw(one.x), draw(one.kernel)];
      const begin = [0, 1, 2, 3];
      const size = [3, 3, 5, 9];
      // The gradient of a ReLU and of a shortcut, and the zeros around that of a slice.
      const block = (x: Node, kernel: Node): Node => {
        const h = relu(x);
        return add(add(convolve(h, kernel, one), h), sum(slice(h, begin, size)));
      };
      await compare({
        inputs,
        gpu: block,
        oracle: (x, kernel) => {
          const h = o.relu(x);
          const part = o.slice(h, begin, size).data.reduce((total, value) => total + value, 0);
          return o.add(o.add(o.conv2d(h, kernel, one), h), o.array64([part], [1]));
        },
        samples: 40,
      });
      const [x, kernel] = inputs.map(nodeOf);
      const [dx] = gradients(sum(block(x, kernel)), [x]);
      const labels = schedule([dx], device.target, passesFor).kernels.map(({ label }) => label);
      assert.ok(
        labels.some((label) => /conv2dInputGradient\+.*reluGradient/.test(label)),
        labels.join(', '),
      );
    }));

  test('passes of convolutions and of gradients to the images share one text, whatever their sizes are and whatever follows', () =>
    forced('strips', async () => {
      const sources = [same([1, 3, 4, 64], [3, 3, 64, 64]), same([2, 5, 8, 64], [3, 3, 64, 64])].flatMap((one) => {
        const [x, kernel] = [draw(one.x), draw(one.kernel)].map(nodeOf);
        const h = relu(x);
        const y = convolve(h, kernel, one);
        const [dx] = gradients(sum(mul(relu(y), y)), [x]);
        return schedule([y, dx], device.target, passesFor).kernels.filter(({ label }) =>
          /^conv2d.*\(parts\)/.test(label),
        );
      });
      assert.is(sources.length, 8);
      assert.is(new Set(sources.map(({ source }) => source)).size, 1);
    }));

  test('a NaN pixel reaches every result and every gradient to a tap that sees it, and nothing else', () =>
    forced('strips', async () => {
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
