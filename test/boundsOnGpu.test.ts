/** No kernel of GPUs' plans reads or writes outside of its arrays (bounds.ts). */

import { suite } from 'uvu';
import { GPUS, testBounds } from './bounds.ts';

const test = suite('bounds on a GPU');
testBounds(test, GPUS);
test.run();
