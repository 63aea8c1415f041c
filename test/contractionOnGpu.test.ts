/** Products and convolutions by the very texts that GPUs run, on an adapter that runs on the CPU (variants.ts). */

import { suite } from 'uvu';
import * as o from './reference.ts';
import { assertClose, draw, evaluate, nodeOf, oracleOf } from './support.ts';
import {
  build,
  type Convolution,
  convolve,
  expected,
  forced,
  product,
  testVariant,
  variantsOfGpus,
} from './variants.ts';

const test = suite('products on a GPU');

for (const name of variantsOfGpus) testVariant(test, name);

if (variantsOfGpus.size > 0)
  test('pixels of few channels are read as one run under the patches of a tile', () =>
    forced('workgroupTile 32x32', async () => {
      const one: Convolution = { x: [2, 9, 11, 3], kernel: [3, 3, 3, 5], padding: 'same' };
      const inputs = [draw(one.x), draw(one.kernel)];
      const [x, kernel] = inputs.map(nodeOf);
      const [values] = await evaluate([convolve(x, kernel, one)]);
      const [x64, kernel64] = inputs.map(oracleOf);
      assertClose(values, o.conv2d(x64, kernel64, one).data, 'value');
    }));

if (variantsOfGpus.size > 0)
  test('a narrow tile stores the products of groups side by side, by fours and one by one', () =>
    forced('workgroupTile 64x12', async () => {
      for (const filters of [16, 10]) {
        const one: Convolution = { x: [1, 5, 7, 8], kernel: [2, 3, 4, filters], groups: 2 };
        const inputs = [draw(one.x), draw(one.kernel)];
        const [x, kernel] = inputs.map(nodeOf);
        const [values] = await evaluate([convolve(x, kernel, one)]);
        const [x64, kernel64] = inputs.map(oracleOf);
        assertClose(values, o.conv2d(x64, kernel64, one).data, `${filters} filters`);
      }
    }));

if (variantsOfGpus.size > 0) {
  test('rows of odd lengths are read by threads side by side, and stored as they lie', async () => {
    for (const [tile, n] of [
      ['128x64', 71],
      ['64x32', 37],
      ['64x12', 10],
    ] as const) {
      await forced(`workgroupTile ${tile}`, async () => {
        const one = product(67, 101, n, [false, true], [2]);
        const [values] = await evaluate([build(one)]);
        assertClose(values, expected(one).data, tile);
      });
    }
  });

  test('the products of groups side by side are stored as their rows lie', () =>
    forced('workgroupTile 32x32', async () => {
      const one: Convolution = { x: [1, 5, 7, 8], kernel: [2, 3, 4, 14], groups: 2 };
      const inputs = [draw(one.x), draw(one.kernel)];
      const [x, kernel] = inputs.map(nodeOf);
      const [values] = await evaluate([convolve(x, kernel, one)]);
      const [x64, kernel64] = inputs.map(oracleOf);
      assertClose(values, o.conv2d(x64, kernel64, one).data, 'value');
    }));
}

test.run();
