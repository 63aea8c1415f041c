/** Choices among kernel variants: how the schedule takes them, how they are measured, and where they are kept. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { KernelError } from '../src/base/errors.ts';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import { VERSION } from '../src/base/version.ts';
import { passesFor } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import { createNode, type KernelTemplate, type KernelVariants, type Node, type Op, type Target } from '../src/ir/op.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import { gradients } from '../src/ops/gradients.ts';
import { dataNode } from '../src/ops/leaf.ts';
import { matmul } from '../src/ops/matmul.ts';
import { sum } from '../src/ops/reduce.ts';
import { cpuTarget, gpuTarget } from '../src/ops/targets.ts';
import { tuningPath } from '../src/platform/node/tuningFile.ts';
import { openDevice } from '../src/runtime/defaultDevice.ts';
import { Plan } from '../src/runtime/plan.ts';
import { scheduleWithin } from '../src/runtime/scheduleWithin.ts';
import { scheduleAs, tuneGraph } from '../src/runtime/tuning/tuning.ts';
import { readChoices, writeChoices } from '../src/runtime/tuning/tuningStore.ts';
import { bundleProgram } from './bundleProgram.ts';

const test = suite('tuning');
const ADAPTER = 'Some Adapter (Vulkan 1.3)';
const DEVICE = { name: ADAPTER, subgroupSize: 8 };
const KEY = 'matmul [8, 16] [16, 12]';
const SOFTWARE = cpuTarget({ lanes: 8 });

const leaf = (...shape: number[]): Node => dataNode(new Float32Array(sizeOf(shape)), shape);
const product = (m: number, k: number, n: number): Node => matmul(leaf(m, k), leaf(k, n));

/** The text that tells variants apart: how many threads a workgroup has. */
const sourceOf = (node: Node, target: Target): string => schedule([node], target, passesFor).kernels[0].source;
const withChoices = (choices: Readonly<Record<string, string>>): Target => ({
  ...SOFTWARE,
  choices: new Map(Object.entries(choices)),
});

let folder = '';
let warnings: string[] = [];
const { warn } = console;
const before = { XDG_CACHE_HOME: process.env.XDG_CACHE_HOME, WGRAD_TUNING: process.env.WGRAD_TUNING };

test.before.each(() => {
  folder = mkdtempSync(join(tmpdir(), 'wgrad-tune-'));
  process.env.XDG_CACHE_HOME = folder;
  process.env.WGRAD_TUNING = 'on';
  warnings = [];
  console.warn = (text: string) => warnings.push(text);
});

test.after.each(() => {
  console.warn = warn;
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
  rmSync(folder, { recursive: true, force: true });
});

// Choices in the schedule

test('the first variant is the default; a choice by shape or by name is taken, by shape first', () => {
  const node = product(8, 16, 12);
  const standard = sourceOf(node, SOFTWARE);
  assert.match(standard, 'subgroupBroadcast');
  assert.not.match(sourceOf(node, withChoices({ [KEY]: 'registerTile 8x4' })), 'subgroupBroadcast');
  assert.not.match(sourceOf(node, withChoices({ matmul: 'registerTile 8x4' })), 'subgroupBroadcast');
  assert.is(sourceOf(node, withChoices({ matmul: 'registerTile 8x4', [KEY]: 'subgroupTile 1x1' })), standard);
  assert.match(sourceOf(product(8, 16, 16), withChoices({ [KEY]: 'registerTile 8x4' })), 'subgroupBroadcast');
});

test('a choice that is not offered is ignored', () => {
  const node = product(8, 16, 12);
  assert.is(sourceOf(node, withChoices({ [KEY]: 'noSuchTile 3x3' })), sourceOf(node, SOFTWARE));
  const without: Target = { ...withChoices({ [KEY]: 'subgroupTile 1x1' }), subgroups: null };
  assert.is(sourceOf(node, without).includes('subgroupBroadcast'), false);
});

test('a real GPU gets the workgroup’s tile', () => {
  const shapes: Shape[] = [
    [256, 256, 256],
    [32, 8192, 100],
  ];
  for (const [m, k, n] of shapes) {
    assert.match(sourceOf(product(m, k, n), gpuTarget()), 'strip_a');
  }
});

test('a plan knows what can be tuned', () => {
  const node = product(8, 16, 12);
  assert.equal(schedule([node], SOFTWARE, passesFor).tunable, [node]);
  assert.equal(schedule([leaf(3)], SOFTWARE, passesFor).tunable, []);
});

// The file

test('winners are kept beside older ones, in a file of the adapter and the version, written whole', async () => {
  const path = tuningPath(ADAPTER);
  assert.is(path, join(folder, 'wgrad', `tuning-some-adapter-vulkan-1.3-${VERSION}.json`));
  assert.is((await readChoices(DEVICE)).size, 0);
  assert.is(await writeChoices(DEVICE, new Map([[KEY, 'subgroupTile 1x1']])), path);
  await writeChoices(DEVICE, new Map([['other', 'registerTile 8x4']]));
  assert.equal([...(await readChoices(DEVICE))].sort(), [
    [KEY, 'subgroupTile 1x1'],
    ['other', 'registerTile 8x4'],
  ]);
  assert.equal(readdirSync(dirname(path)).length, 1, 'no temporary file is left');
  assert.equal(warnings, []);
});

test('writers at once lose nothing of each other', async () => {
  const keys = Array.from({ length: 30 }, (_, at) => `key ${at}`);
  await Promise.all(keys.map((key) => writeChoices(DEVICE, new Map([[key, 'subgroupTile 1x1']]))));
  assert.equal([...(await readChoices(DEVICE)).keys()].sort(), [...keys].sort());
  assert.equal(readdirSync(dirname(tuningPath(ADAPTER))).length, 1, 'no lock is left');
  assert.equal(warnings, []);
});

test('processes that write at once lose nothing of each other', async () => {
  const text = `
    import { writeChoices } from '../src/runtime/tuning/tuningStore.ts';
    const [, , adapter, first] = process.argv;
    const on = { name: adapter, subgroupSize: 8 };
    for (let at = 0; at < 15; at++) await writeChoices(on, new Map([[\`\${first} \${at}\`, 'subgroupTile 1x1']]));
  `;
  const program = await bundleProgram({ text, outDir: join(folder, 'program'), platform: 'node' });
  await Promise.all(['a', 'b', 'c'].map((first) => once(spawn(process.execPath, [program, ADAPTER, first]), 'close')));
  assert.is((await readChoices(DEVICE)).size, 45);
});

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  assert.is(VERSION, version);
});

test('a corrupt or foreign file is ignored, with a warning that says what to do', async () => {
  const path = tuningPath(ADAPTER);
  await writeChoices(DEVICE, new Map([[KEY, 'subgroupTile 1x1']]));
  const good = readFileSync(path, 'utf8');
  const texts = [
    good.slice(0, 40),
    '[]',
    '{"format":"something else"}',
    good.replace(VERSION, '0.0.0'),
    good.replace('"version": 2', '"version": 3'),
    good.replace('"version": 2', '"version": null'),
    good.replace('"choices"', '"others"'),
    good.replace(/\{\s*"matmul.*\s*\}/, '[]'),
    good.replace('"subgroupTile 1x1"', '7'),
  ];
  for (const text of texts) {
    assert.is.not(text, good);
    writeFileSync(path, text);
    warnings = [];
    assert.is((await readChoices(DEVICE)).size, 0, text);
    assert.is(warnings.length, 1, text);
    assert.match(warnings[0], /is ignored: .*\. Delete it, or measure anew with openDevice\(\{ tune: true \}\)\.$/);
  }
  warnings = [];
  await writeChoices(DEVICE, new Map([[KEY, 'subgroupTile 2x2']]));
  assert.is((await readChoices(DEVICE)).get(KEY), 'subgroupTile 2x2');
});

test('what an older format holds is ignored without a word, and replaced at the next writing', async () => {
  const path = tuningPath(ADAPTER);
  await writeChoices(DEVICE, new Map([[KEY, 'subgroupTile 1x1']]));
  const [format, choices] = ['wgrad tuning', { [KEY]: 'registerTile 4x8' }];
  for (const older of [
    { format, version: VERSION, adapter: ADAPTER, choices },
    { format, version: 1, choices },
  ]) {
    writeFileSync(path, JSON.stringify(older));
    assert.is((await readChoices(DEVICE)).size, 0);
    assert.is(await writeChoices(DEVICE, new Map([['other', 'subgroupTile 2x2']])), path);
    assert.equal([...(await readChoices(DEVICE))], [['other', 'subgroupTile 2x2']]);
    assert.is(JSON.parse(readFileSync(path, 'utf8')).version, 2);
  }
  assert.equal(warnings, []);
});

test('adapters, and the lanes that a driver takes of a CPU, are kept apart, also in one file', async () => {
  const others = [
    { ...DEVICE, subgroupSize: 4 },
    { ...DEVICE, subgroupSize: 0 },
    { ...DEVICE, name: 'some adapter vulkan 1.3' },
  ];
  for (const other of others) assert.is(tuningPath(other.name), tuningPath(ADAPTER));
  await writeChoices(DEVICE, new Map([[KEY, 'subgroupTile 1x1']]));
  for (const other of others) {
    assert.is((await readChoices(other)).size, 0);
    await writeChoices(other, new Map([[KEY, JSON.stringify(other)]]));
  }
  for (const other of others) assert.is((await readChoices(other)).get(KEY), JSON.stringify(other));
  assert.is((await readChoices(DEVICE)).get(KEY), 'subgroupTile 1x1');
  assert.equal(warnings, []);
});

test('WGRAD_TUNING=off neither reads nor writes', async () => {
  await writeChoices(DEVICE, new Map([[KEY, 'subgroupTile 1x1']]));
  process.env.WGRAD_TUNING = 'off';
  assert.is((await readChoices(DEVICE)).size, 0);
  assert.is(await writeChoices(DEVICE, new Map([[KEY, 'x']])), null);
  assert.match(readFileSync(tuningPath(ADAPTER), 'utf8'), 'subgroupTile 1x1');
});

// Measuring

const variantsOf = (node: Node): KernelVariants<unknown> => {
  const { lowering } = node.op;
  if (lowering.kind !== 'kernel' || lowering.variants === undefined) throw new Error(`${node.op.name} has no variants`);
  return lowering.variants;
};

/** What a candidate runs, as a text. */
const kernelsAs = (node: Node, name: string, target: Target): string =>
  scheduleAs(node, variantsOf(node).key(node), name, target)
    .kernels.map(({ source, grid, uniforms }) => `${source}\n${grid} ${uniforms}`)
    .join('\n');

test('every candidate runs kernels of its own', () => {
  const x = leaf(4, 8, 8, 16);
  const kernel = leaf(3, 3, 16, 16);
  const y = conv2d(x, kernel, { padding: 'same' });
  const nodes = [product(64, 64, 64), product(3, 1500, 2), y, ...gradients(sum(y), [x, kernel])];
  for (const lanes of [16, 8, 4, 0]) {
    const cpu = cpuTarget({ lanes });
    for (const target of [cpu, gpuTarget(cpu)]) {
      for (const node of nodes) {
        const names = variantsOf(node)
          .offered(node, target)
          .map(({ name }) => name);
        assert.ok(names.length >= 3, names.join());
        assert.is(new Set(names.map((name) => kernelsAs(node, name, target))).size, names.length, names.join());
      }
    }
  }
});

/** Its input, computed as `offered` says: the rounds of a loop that changes nothing, by name; null does not compile. */
function planted(label: string, offered: Readonly<Record<string, number | null>>, x: Node): Node {
  const source = (rounds: number | null): string => /* wgsl */ `
@main
  let i = global_invocation_index;
  if (i >= params.count) { return; }
  var y = x[i];
  for (var round = 0u; round < ${rounds ?? 'nothing'}; round++) { y = clamp(y, -1e9 - f32(round), 1e9 + f32(round)); }
  store(i, y);
@end`;
  const kernelsFor = (rounds: number | null): readonly KernelTemplate[] => [
    {
      label,
      source: source(rounds),
      reads: [{ name: 'x', operand: x, element: 'f32' }],
      uniforms: { count: sizeOf(x.shape) },
      grid: Math.ceil(sizeOf(x.shape) / 64),
    },
  ];
  const op: Op<null> = {
    name: label,
    infer: ([{ shape }]) => ({ shape, dtype: 'float32' }),
    gradient: () => 'none',
    lowering: {
      kind: 'kernel',
      kernels: () => kernelsFor(Object.values(offered)[0]),
      variants: {
        key: ({ shape }) => `${label} [${shape}]`,
        offered: ({ inputs: [input] }) =>
          Object.entries(offered).map(([name, rounds]) => ({
            name,
            kernels: () =>
              kernelsFor(rounds).map((kernel) => ({
                ...kernel,
                reads: [{ name: 'x', operand: input, element: 'f32' }],
              })),
          })),
      },
    },
  };
  return createNode(op, [x], null);
}

test('a default that is needlessly slow loses; plans use the winner, also those of later devices', async () => {
  const node = planted('test/slow', { slow: 20_000, fast: 1 }, leaf(64, 64));
  const key = 'test/slow [64,64]';
  const device = await openDevice();
  try {
    const {
      shapes: [tuned],
      keptIn,
    } = await tuneGraph(device, [node]);
    assert.is(tuned.winner, 'fast');
    assert.ok(tuned.gain > 2, `${tuned.gain} times as fast`);
    assert.is(keptIn, tuningPath(device.info.name));
    const plan = await Plan.compile(device, [node]);
    assert.match(plan.schedule.kernels[0].source, 'round < 1;');
    plan.dispose();
    assert.match((await scheduleWithin([node], device)).kernels[0].source, 'round < 1;');
    const later = await openDevice();
    try {
      assert.is(later.target.choices?.get(key), 'fast');
      assert.match((await scheduleWithin([node], later)).kernels[0].source, 'round < 1;');
    } finally {
      later.close();
    }
  } finally {
    device.close();
  }
});

test('a default that is as fast as the others stays', async () => {
  const device = await openDevice();
  try {
    const { shapes } = await tuneGraph(device, [
      planted('test/same', { one: 1, other: 2, slow: 20_000 }, leaf(64, 64)),
    ]);
    assert.is(shapes[0].winner, 'one');
    assert.is(shapes[0].gain, 1);
    const [one, , slow] = shapes[0].candidates;
    assert.ok(one.ms !== null);
    assert.equal(slow, { name: 'slow', ms: null, refusal: null });
  } finally {
    device.close();
  }
});

test('a candidate that does not compile is given up, and said; a default that does not is an error', async () => {
  const device = await openDevice();
  try {
    const node = planted('test/refused', { good: 1, broken: null }, leaf(64));
    const {
      shapes: [{ winner, candidates }],
    } = await tuneGraph(device, [node]);
    assert.is(winner, 'good');
    assert.is(candidates[1].ms, null);
    assert.match(candidates[1].refusal ?? '', "unresolved value 'nothing'");
    assert.is(warnings.length, 1);
    assert.match(
      warnings[0],
      /^wgrad: tuning leaves out 'broken' of 'test\/refused \[64\]'\. Kernel 'test\/refused' did not/,
    );
    const plan = await Plan.compile(device, [node]);
    plan.run();
    await device.finish();
    plan.dispose();
    const { bytes } = device.stats;
    const broken = planted('test/broken', { broken: null, good: 1 }, leaf(64));
    const error = await tuneGraph(device, [broken]).catch((reason: unknown) => reason);
    assert.instance(error, KernelError);
    assert.is(device.stats.bytes, bytes, 'what was measured with is given back');
  } finally {
    device.close();
  }
});

test('a choice that is not offered any more is measured anew', async () => {
  const device = await openDevice();
  try {
    const node = planted('test/renamed', { now: 1, slow: 4096 }, leaf(64));
    device.choose(new Map([['test/renamed [64]', 'before']]));
    const { shapes } = await tuneGraph(device, [node]);
    assert.is(shapes[0]?.winner, 'now');
    assert.is(device.target.choices?.get('test/renamed [64]'), 'now');
  } finally {
    device.close();
  }
});

test('what plans were made for stays as it was when others are chosen', async () => {
  const device = await openDevice();
  try {
    device.choose(new Map([['matmul', 'registerTile 8x4']]));
    const { target } = device;
    device.choose(new Map([[KEY, 'registerTile 4x8']]));
    assert.equal([...(target.choices ?? [])], [['matmul', 'registerTile 8x4']]);
    assert.is(device.target.choices?.size, 2);
    assert.is(device.target.choices?.get(KEY), 'registerTile 4x8');
  } finally {
    device.close();
  }
});

test('a device measures what it has no winner for, keeps it, and the next device starts with it', async () => {
  const node = product(8, 16, 12);
  const first = await openDevice({ tune: true });
  try {
    assert.is(first.target.choices?.size ?? 0, 0);
    const plan = await Plan.compile(first, [node]);
    plan.dispose();
    // One that is given up is compiled, too.
    const { kernels } = first.stats;
    const winner = first.target.choices?.get(KEY);
    assert.ok(winner !== undefined);
    const {
      shapes: [tuned],
    } = await tuneGraph(first, [node], { again: true });
    assert.is(tuned.key, KEY);
    assert.ok(tuned.candidates.length >= 2);
    assert.is(kernels, tuned.candidates.length, 'as many kernels as candidates were compiled, and none for the plan');
    assert.ok(tuned.candidates[0].ms !== null, 'the default is always measured');
    assert.ok(tuned.candidates.some(({ name }) => name === tuned.winner));
    assert.ok(tuned.gain === 1 || tuned.gain >= 1 / 0.95);
    assert.is(tuned.gain === 1, tuned.winner === tuned.candidates[0].name);
    assert.equal(
      await tuneGraph(first, [node]),
      { shapes: [], keptIn: null },
      'what has a winner is not measured again',
    );
    assert.ok(existsSync(tuningPath(first.info.name)));
    const second = await openDevice();
    try {
      assert.equal([...(second.target.choices ?? [])], [...(first.target.choices ?? [])]);
      assert.is(second.prepare, null);
    } finally {
      second.close();
    }
  } finally {
    first.close();
  }
});

test.run();
