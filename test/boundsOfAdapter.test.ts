/** No kernel of the adapter's plans reads or writes outside of its arrays (bounds.ts). */

import { suite } from 'uvu';
import { ADAPTER, testBounds, testTraining } from './bounds.ts';

const test = suite('bounds');
testBounds(test, ADAPTER);
testTraining(test);
test.run();
