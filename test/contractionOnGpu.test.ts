/** Products and convolutions by the very texts that GPUs run, on an adapter that runs on the CPU (variants.ts). */

import { suite } from 'uvu';
import * as o from './reference.ts';
import { assertClose, draw, evaluate, nodeOf, oracleOf } from './support.ts';
import { type Convolution, convolve, forced, testVariant, variantsOfGpus } from './variants.ts';

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

test.run();
