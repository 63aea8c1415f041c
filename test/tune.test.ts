/** Choices among kernel variants: how the schedule takes them, how they are measured, and where they are kept. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import { VERSION } from '../src/base/version.ts';
import { ALL_PASSES } from '../src/compiler/rewrite/passes.ts';
import { schedule } from '../src/compiler/schedule.ts';
import type { Node } from '../src/ir/op.ts';
import type { Target } from '../src/ir/target.ts';
import { dataNode } from '../src/ops/leaf.ts';
import { matmul } from '../src/ops/matmul.ts';
import { tuningPath } from '../src/platform/node/tuningFile.ts';
import { openDevice } from '../src/runtime/defaultDevice.ts';
import { Plan } from '../src/runtime/plan.ts';
import { tuneGraph } from '../src/runtime/tuning/tuning.ts';
import { readChoices, writeChoices } from '../src/runtime/tuning/tuningStore.ts';
import { bundleProgram } from './bundleProgram.ts';

const test = suite('tuning');
const ADAPTER = 'Some Adapter (Vulkan 1.3)';
const KEY = 'matmul [8, 16] [16, 12]';
const SOFTWARE: Target = { subgroupSize: 8, maxStorageBuffers: 8, software: true };

const leaf = (...shape: number[]): Node => dataNode(new Float32Array(sizeOf(shape)), shape);
const product = (m: number, k: number, n: number): Node => matmul(leaf(m, k), leaf(k, n));

/** The text that tells variants apart: how many threads a workgroup has. */
const sourceOf = (node: Node, target: Target): string => schedule([node], target, ALL_PASSES).kernels[0].source;
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
  assert.match(sourceOf(node, withChoices({ [KEY]: 'workgroupTile 32' })), 'strip_a');
  assert.match(sourceOf(node, withChoices({ matmul: 'workgroupTile 32' })), 'strip_a');
  assert.is(sourceOf(node, withChoices({ matmul: 'workgroupTile 32', [KEY]: 'subgroupTile 1x1' })), standard);
  assert.is(sourceOf(product(8, 16, 16), withChoices({ [KEY]: 'workgroupTile 32' })).includes('strip_a'), false);
});

test('a choice that is not offered is ignored', () => {
  const node = product(8, 16, 12);
  assert.is(sourceOf(node, withChoices({ [KEY]: 'noSuchTile 3x3' })), sourceOf(node, SOFTWARE));
  const without: Target = { ...withChoices({ [KEY]: 'subgroupTile 1x1' }), subgroupSize: 0 };
  assert.is(sourceOf(node, without).includes('subgroupBroadcast'), false);
});

test('a real GPU gets the workgroup’s tile', () => {
  const shapes: Shape[] = [
    [256, 256, 256],
    [32, 8192, 100],
  ];
  for (const [m, k, n] of shapes) {
    assert.match(sourceOf(product(m, k, n), { ...SOFTWARE, subgroupSize: 0, software: false }), 'strip_a');
  }
});

test('a plan knows what can be tuned', () => {
  const node = product(8, 16, 12);
  assert.equal(schedule([node], SOFTWARE, ALL_PASSES).tunable, [node]);
  assert.equal(schedule([leaf(3)], SOFTWARE, ALL_PASSES).tunable, []);
});

// The file

test('winners are kept beside older ones, in a file of the adapter and the version, written whole', async () => {
  const path = tuningPath(ADAPTER);
  assert.is(path, join(folder, 'wgrad', `tuning-some-adapter-vulkan-1.3-${VERSION}.json`));
  assert.is((await readChoices(ADAPTER)).size, 0);
  assert.is(await writeChoices(ADAPTER, new Map([[KEY, 'subgroupTile 1x1']])), path);
  await writeChoices(ADAPTER, new Map([['other', 'registerTile 8x4']]));
  assert.equal([...(await readChoices(ADAPTER))].sort(), [
    [KEY, 'subgroupTile 1x1'],
    ['other', 'registerTile 8x4'],
  ]);
  assert.equal(readdirSync(dirname(path)).length, 1, 'no temporary file is left');
  assert.equal(warnings, []);
});

test('writers at once lose nothing of each other', async () => {
  const keys = Array.from({ length: 30 }, (_, at) => `key ${at}`);
  await Promise.all(keys.map((key) => writeChoices(ADAPTER, new Map([[key, 'subgroupTile 1x1']]))));
  assert.equal([...(await readChoices(ADAPTER)).keys()].sort(), [...keys].sort());
  assert.equal(readdirSync(dirname(tuningPath(ADAPTER))).length, 1, 'no lock is left');
  assert.equal(warnings, []);
});

test('processes that write at once lose nothing of each other', async () => {
  const text = `
    import { writeChoices } from '../src/runtime/tuning/tuningStore.ts';
    const [, , adapter, first] = process.argv;
    for (let at = 0; at < 15; at++) await writeChoices(adapter, new Map([[\`\${first} \${at}\`, 'subgroupTile 1x1']]));
  `;
  const program = await bundleProgram({ text, outDir: join(folder, 'program'), platform: 'node' });
  await Promise.all(['a', 'b', 'c'].map((first) => once(spawn(process.execPath, [program, ADAPTER, first]), 'close')));
  assert.is((await readChoices(ADAPTER)).size, 45);
});

test('the version is that of package.json', () => {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
  assert.is(VERSION, version);
});

test('a corrupt or foreign file is ignored, with a warning that says what to do', async () => {
  const path = tuningPath(ADAPTER);
  await writeChoices(ADAPTER, new Map([[KEY, 'subgroupTile 1x1']]));
  const good = readFileSync(path, 'utf8');
  const texts = [
    good.slice(0, 40),
    '[]',
    '{"format":"something else"}',
    good.replace(VERSION, '0.0.0'),
    good.replace(ADAPTER, 'another'),
    good.replace('"subgroupTile 1x1"', '7'),
  ];
  for (const text of texts) {
    writeFileSync(path, text);
    warnings = [];
    assert.is((await readChoices(ADAPTER)).size, 0, text);
    assert.is(warnings.length, 1, text);
    assert.match(warnings[0], /is ignored: .*\. Delete it, or measure anew with openDevice\(\{ tune: true \}\)\.$/);
  }
  warnings = [];
  await writeChoices(ADAPTER, new Map([[KEY, 'subgroupTile 2x2']]));
  assert.is((await readChoices(ADAPTER)).get(KEY), 'subgroupTile 2x2');
});

test('WGRAD_TUNING=off neither reads nor writes', async () => {
  await writeChoices(ADAPTER, new Map([[KEY, 'subgroupTile 1x1']]));
  process.env.WGRAD_TUNING = 'off';
  assert.is((await readChoices(ADAPTER)).size, 0);
  assert.is(await writeChoices(ADAPTER, new Map([[KEY, 'x']])), null);
  assert.match(readFileSync(tuningPath(ADAPTER), 'utf8'), 'subgroupTile 1x1');
});

// Measuring

test('a device measures what it has no winner for, keeps it, and the next device starts with it', async () => {
  const node = product(8, 16, 12);
  const first = await openDevice({ tune: true });
  try {
    assert.is(first.choices.size, 0);
    const plan = await Plan.compile(first, [node]);
    plan.dispose();
    const winner = first.choices.get(KEY);
    assert.ok(winner !== undefined);
    const [tuned] = await tuneGraph(first, [node], { again: true });
    assert.is(tuned.key, KEY);
    assert.ok(tuned.candidates.length >= 2);
    assert.ok(tuned.candidates[0].ms !== null, 'the default is always measured');
    assert.ok(tuned.candidates.some(({ name }) => name === tuned.winner));
    assert.ok(tuned.gain === 1 || tuned.gain >= 1 / 0.95);
    assert.equal(await tuneGraph(first, [node]), [], 'what has a winner is not measured again');
    assert.ok(existsSync(tuningPath(first.info.name)));
    const second = await openDevice();
    try {
      assert.equal([...second.choices], [...first.choices]);
      assert.is(second.prepare, null);
      assert.is(second.target.choices, second.choices);
    } finally {
      second.close();
    }
  } finally {
    first.close();
  }
});

test.run();
