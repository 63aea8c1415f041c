/** Operations and optimizers against values that PyTorch computed in float64 (see DESIGN.md, "Golden files"). */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { goldenCases } from './goldenCases.ts';
import { GOLDEN_KINDS } from './goldenChecks.ts';

const test = suite('golden files');
const cases = goldenCases();

if (cases === null) {
  test.skip('golden files');
} else {
  test('every kind of golden file is checked', () => {
    const kinds = new Set(cases.map(({ kind }) => kind));
    assert.equal([...kinds].sort(), [...GOLDEN_KINDS].sort());
  });
  for (const { file, run } of cases) test(file, run);
}

test.run();
