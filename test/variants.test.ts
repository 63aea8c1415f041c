/** The ways to compute products and convolutions that the adapter chooses by itself (variants.ts). */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import type { Target } from '../src/ir/op.ts';
import { cpuLanes } from '../src/ir/target.ts';
import { cpuTarget, gpuTarget } from '../src/ops/targets.ts';
import { BEST, build, device, kindOf, offeredBy, product, TRANSPOSES, testVariant, variants } from './variants.ts';

const test = suite('kernel variants');

test('the adapter offers every kind of variant that it can run', () => {
  const kinds = new Set([...variants].map(kindOf));
  const wanted = cpuLanes(device.target) > 0 ? ['registerTile', 'subgroupTile'] : ['registerTile'];
  assert.equal([...kinds].sort(), device.target.ways.kind === 'cpu' ? wanted : ['workgroupTile']);
  const [first] = offeredBy(build(product(64, 64, 64, [false, false])));
  assert.is(kindOf(first.name), BEST);
});

test('a variant that the adapter cannot run is not offered', () => {
  const node = build(product(64, 64, 64, [false, false]));
  const small = { subgroups: null, workgroup: { threads: 128, bytes: 8000 } };
  const namesFor = (target: Target): string[] => offeredBy(node, target).map(({ name }) => name);
  assert.equal(namesFor(cpuTarget(small)), ['registerTile 4x4', 'registerTile 8x4', 'registerTile 4x8']);
  assert.equal(
    namesFor(gpuTarget(small)).sort(),
    ['32x32', '64x12', '64x16', '64x32'].map((tile) => `workgroupTile ${tile}`),
  );
});

test('on a GPU the tile follows the shape, and there are always several to measure', () => {
  const namesOf = (m: number, k: number, n: number, flags: readonly boolean[] = [false, false]): string[] => {
    return offeredBy(build(product(m, k, n, flags)), gpuTarget()).map(({ name }) => name);
  };
  assert.is(namesOf(1024, 256, 1024)[0], 'workgroupTile 128x128');
  assert.is(namesOf(8192, 64, 64)[0], 'workgroupTile 128x64');
  assert.is(namesOf(8192, 64, 10)[0], 'workgroupTile 64x12');
  assert.is(namesOf(8192, 64, 16)[0], 'workgroupTile 64x16');
  assert.is(namesOf(20, 30, 40)[0], 'workgroupTile 32x32');
  for (const flags of TRANSPOSES) {
    const names = namesOf(96, 40, 100, flags);
    assert.ok(names.length > 3 && new Set(names).size === names.length, `${names}`);
  }
});

for (const name of variants) if (kindOf(name) === BEST) testVariant(test, name);

test.run();
