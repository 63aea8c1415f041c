/** The ways to compute products and convolutions that the adapter chooses by itself (variants.ts). */

import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { cpuLanes } from '../src/ir/target.ts';
import { BEST, build, device, kindOf, offeredBy, product, TRANSPOSES, testVariant, variants } from './variants.ts';

const test = suite('kernel variants');

test('the adapter offers every kind of variant that it can run', () => {
  const kinds = new Set([...variants.keys()].map(kindOf));
  const wanted = cpuLanes(device.target) > 0 ? ['registerTile', 'subgroupTile'] : ['registerTile'];
  assert.equal([...kinds].sort(), [...(device.target.software ? wanted : []), 'workgroupTile']);
  const [first] = offeredBy(build(product(64, 64, 64, [false, false])));
  assert.is(kindOf(first.name), BEST);
});

test('a variant that the adapter cannot run is not offered', () => {
  const node = build(product(64, 64, 64, [false, false]));
  const { lowering } = node.op;
  if (lowering.kind !== 'kernel' || lowering.variants === undefined) throw new Error('matmul has no variants');
  const small = { ...device.target, subgroups: null, workgroup: { threads: 128, bytes: 8000 } };
  const offered = lowering.variants.offered(node, small).map(({ name }) => name);
  assert.equal(
    offered.filter((name) => name.startsWith('subgroupTile')),
    [],
  );
  assert.equal(
    offered.filter((name) => name.startsWith('workgroupTile')),
    ['workgroupTile 64x32', 'workgroupTile 64x16', 'workgroupTile 64x12', 'workgroupTile 32x32'],
  );
});

test('on a GPU the tile follows the shape, and there are always several to measure', () => {
  const gpu = { subgroups: null, maxStorageBuffers: 8, software: false };
  const namesOf = (m: number, k: number, n: number, flags: readonly boolean[] = [false, false]): string[] => {
    const { lowering } = build(product(m, k, n, flags)).op;
    if (lowering.kind !== 'kernel' || lowering.variants === undefined) throw new Error('matmul has no variants');
    return lowering.variants.offered(build(product(m, k, n, flags)), gpu).map(({ name }) => name);
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

for (const name of variants.keys()) if (kindOf(name) === BEST) testVariant(test, name);

test.run();
