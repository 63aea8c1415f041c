/** The ways to compute products and convolutions that the adapter can run, but does not choose by itself (variants.ts). */

import { suite } from 'uvu';
import { BEST, kindOf, testVariant, variants } from './variants.ts';

const test = suite('other kernel variants');

for (const name of variants) if (kindOf(name) !== BEST) testVariant(test, name);

test.run();
