/** `npm run bench:isa`: reading machine code, what bounds a loop, two runs side by side, and a kernel from WGSL to its figures. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { boundOf, cyclesOf, waveOf } from '../bench/isa/bound.ts';
import { compareRows, differenceLines, renewed } from '../bench/isa/compare.ts';
import { type Compiled, parseReport } from '../bench/isa/compile.ts';
import { FAMILIES } from '../bench/isa/families.ts';
import { readRows, writeRows } from '../bench/isa/kept.ts';
import { look } from '../bench/isa/look.ts';
import {
  blocksOf,
  bytesOf,
  countsOf,
  innermostLoops,
  loopAround,
  loopsOf,
  scalarRegistersIn,
  sumsOfProducts,
} from '../bench/isa/machineCode.ts';
import { KEPT, readIsaFlags } from '../bench/isa/options.ts';
import { plannedTarget, StepPlanner } from '../bench/isa/plannedKernels.ts';
import { type Figures, figuresOf, type KernelRow, rowsOf } from '../bench/isa/row.ts';
import { numbered, plannedSubjects, type Subject } from '../bench/isa/subject.ts';
import { tables } from '../bench/isa/table.ts';
import { findRadv, findTools, MissingTools, NEEDS } from '../bench/isa/tools.ts';

/** A listing as Mesa prints it: labels, instructions behind a tab, their encoding behind a semicolon. */
const listing = (...lines: readonly string[]): string =>
  `${lines.map((line) => (line.endsWith(':') ? line : `\t${line.padEnd(60)}; be800003`)).join('\n')}\n`;

/** A product: a loop over tiles around a loop over k. */
const RDNA3 = listing(
  'BB0:',
  's_load_b128 s[4:7], s[2:3], null',
  'v_mov_b32_e32 v1, 0',
  'BB1:',
  'buffer_load_b64 v[8:9], v0, s[4:7], 0 offen',
  's_barrier',
  'BB2:',
  's_cmp_ge_u32 s8, s9',
  's_cbranch_scc1 BB4',
  'BB3:',
  's_waitcnt lgkmcnt(0)',
  'ds_load_b128 v[4:7], v2',
  'ds_load_2addr_b32 v[10:11], v3 offset1:1',
  'v_dual_fmac_f32 v1, v4, v10 :: v_dual_fmac_f32 v12, v5, v11',
  'v_fmac_f32_e32 v13, v6, v10',
  'v_mul_lo_u32 v14, v15, s10',
  's_add_u32 s8, s8, 1',
  's_branch BB2',
  'BB4:',
  's_cbranch_scc0 BB1',
  'BB5:',
  'buffer_store_b32 v1, v0, s[12:15], 0 offen',
  's_endpgm',
);

const code = suite('isa: machine code');

code('blocks, and loops within loops', () => {
  const blocks = blocksOf(RDNA3);
  assert.equal(
    blocks.map(({ name, instructions }) => [name, instructions.length]),
    [
      ['BB0', 2],
      ['BB1', 2],
      ['BB2', 2],
      ['BB3', 8],
      ['BB4', 1],
      ['BB5', 2],
    ],
  );
  assert.is(blocks[1].instructions[0], 'buffer_load_b64 v[8:9], v0, s[4:7], 0 offen');
  const loops = loopsOf(blocks);
  assert.equal(loops, [
    { first: 2, last: 3 },
    { first: 1, last: 4 },
  ]);
  assert.equal(innermostLoops(loops), [loops[0]]);
  assert.equal([loopAround(loops[0], loops), loopAround(loops[1], loops)], [loops[1], null]);
  assert.is(scalarRegistersIn(blocks), 16);
});

code('counts of a turn: pairs, slow instructions, what the scalar unit does', () => {
  const blocks = blocksOf(RDNA3);
  const counts = countsOf(blocks, { first: 2, last: 3 });
  assert.is(counts.multiplyAdds, 3);
  // A pair is one instruction, a product of whole numbers takes four times as long.
  assert.is(counts.vector, 1 + 1 + 4);
  assert.is(counts.workgroupBytes, 16 + 8);
  assert.is(counts.workgroupAccesses, 2);
  // Compare, branch, add, branch: waiting is none.
  assert.is(counts.scalar, 4);
  const whole = countsOf(blocks, { first: 0, last: 5 });
  assert.equal(
    [whole.loads, whole.loadBytes, whole.stores, whole.storeBytes, whole.barriers, whole.scalarLoadBytes],
    [1, 8, 1, 4, 1, 16],
  );
});

code('bytes a lane by the names of every generation', () => {
  const bytes = {
    ds_read_b32: 4,
    ds_read_b128: 16,
    ds_read2_b32: 8,
    ds_read2st64_b64: 16,
    ds_write_b8: 1,
    ds_write_b8_d16_hi: 1,
    ds_load_2addr_stride64_b32: 8,
    ds_store_b96: 12,
    buffer_load_dword: 4,
    buffer_load_dwordx3: 12,
    global_load_dwordx4: 16,
    buffer_load_ubyte: 1,
    buffer_store_short: 2,
    buffer_load_b96: 12,
    buffer_load_u8: 1,
    global_load_d16_b16: 2,
    buffer_load_d16_hi_u8: 1,
    s_load_dwordx16: 64,
    s_buffer_load_b512: 64,
    global_atomic_add_u32: 4,
  };
  for (const [op, expected] of Object.entries(bytes)) assert.is(bytesOf(op), expected, op);
});

code('the same loop in the words of GCN and RDNA 2', () => {
  const older = blocksOf(
    listing(
      'BB0:',
      'ds_read_b128 v[4:7], v2',
      'buffer_load_dwordx2 v[8:9], v0, s[4:7], 0 offen',
      'v_mac_f32_e32 v1, v4, v8',
      'v_fma_f32 v12, v5, v9, v12',
      'v_mad_u32_u24 v3, v3, v4, v5',
      'v_mul_f32_e32 v20, v6, v8',
      'v_add_f32_e32 v21, v20, v21',
      's_cbranch_vccnz BB0',
    ),
  );
  assert.equal(loopsOf(older), [{ first: 0, last: 0 }]);
  const counts = countsOf(older, { first: 0, last: 0 });
  // Two fused ones, and one that was left apart; none of whole numbers.
  assert.is(counts.multiplyAdds, 3);
  assert.equal([counts.vector, counts.workgroupBytes, counts.loadBytes], [5, 16, 8]);
  assert.is(sumsOfProducts(older, { first: 0, last: 0 }), 3);
});

code('only sums of products count as such', () => {
  const sums = (...lines: readonly string[]): number => {
    const blocks = blocksOf(listing('BB0:', 'buffer_load_b32 v4, v0, s[4:7], 0 offen', ...lines, 's_branch BB0'));
    return sumsOfProducts(blocks, { first: 0, last: 0 });
  };
  assert.is(sums('v_fmac_f32_e32 v1, v4, v5'), 1);
  // Addition alone, as in a mean.
  assert.is(sums('v_add_f32_e32 v1, v4, v1'), 0);
  // A polynomial in a longer loop: what it adds to was made in the same turn.
  const filler = Array.from({ length: 9 }, (_, at) => `v_mov_b32_e32 v${30 + at}, 0`);
  assert.is(sums('v_mul_f32_e32 v1, v4, v5', 'v_fmac_f32_e32 v1, v4, v4', ...filler), 0);
  // Most of what a turn does.
  assert.is(sums('v_mov_b32_e32 v1, 0', 'v_fmac_f32_e32 v1, v4, v4', 'v_fmac_f32_e32 v1, v5, v4'), 2);
  assert.is(sums('v_exp_f32_e32 v4, v4', 'v_fmac_f32_e32 v1, v4, v5'), 0);
  const nothingRead = blocksOf(listing('BB0:', 'v_fmac_f32_e32 v1, v1, v1', 's_branch BB0'));
  assert.is(sumsOfProducts(nothingRead, { first: 0, last: 0 }), 0);
});

code.run();

const COMPILED: Compiled = {
  wave: 64,
  threads: 256,
  vectorRegisters: 60,
  spilled: 0,
  scratchBytes: 0,
  waves: 24,
  workgroupMemoryBytes: 8704,
  codeBytes: 1000,
  assembly: RDNA3,
};

const bounds = suite('isa: what bounds a loop');

/** 16 multiply-adds of 20 vector instructions, two vec4f of workgroup memory, one of the cache. */
const LOOP = countsOf(
  blocksOf(
    listing(
      'BB0:',
      ...Array.from({ length: 2 }, (_, at) => `ds_load_b128 v[${4 * at}:${4 * at + 3}], v30`),
      'buffer_load_b128 v[8:11], v31, s[4:7], 0 offen',
      ...Array.from({ length: 16 }, (_, at) => `v_fmac_f32_e32 v${40 + at}, v${at % 4}, v${4 + (at % 4)}`),
      ...Array.from({ length: 4 }, (_, at) => `v_add_nc_u32_e32 v${60 + at}, 1, v1`),
    ),
  ),
  { first: 0, last: 0 },
);

const FULL = waveOf(64, 256);

bounds('the cycles of every part', () => {
  // Of two units of 32 lanes: 64 lanes take two cycles an instruction, and their 2048 bytes 16 of the 32 that the other unit's wait.
  assert.equal(cyclesOf(LOOP, FULL, FAMILIES.navi31), {
    'vector unit': 40,
    'workgroup memory': 32,
    cache: 32,
    'scalar unit': 0,
    'scalar cache': 0,
  });
  // Of four units of 16 lanes.
  assert.equal(cyclesOf(LOOP, FULL, FAMILIES.vega10), {
    'vector unit': 80,
    'workgroup memory': 64,
    cache: 64,
    'scalar unit': 0,
    'scalar cache': 0,
  });
});

bounds('the busiest part bounds, and the next one is told', () => {
  const bound = boundOf(LOOP, FULL, FAMILIES.navi31);
  assert.equal([bound?.share, bound?.by], [0.8, 'vector unit']);
  assert.is(bound?.next.share, 1);
  const greedy = boundOf({ ...LOOP, workgroupBytes: 2 * LOOP.workgroupBytes }, waveOf(32, 32), FAMILIES.navi21);
  assert.equal([greedy?.share, greedy?.by, greedy?.next.by], [0.5, 'workgroup memory', 'vector unit']);
  // A GCN unit has the scalar one every fourth cycle only.
  assert.is(boundOf({ ...LOOP, scalar: 40 }, FULL, FAMILIES.vega10)?.by, 'scalar unit');
  assert.is(boundOf({ ...LOOP, multiplyAdds: 0 }, FULL, FAMILIES.navi31), null);
});

bounds('lanes without a thread do nothing, and take the vector unit all the same', () => {
  assert.equal(
    [waveOf(32, 8), waveOf(64, 96)].map(({ active }) => active),
    [8, 48],
  );
  const bound = boundOf(LOOP, waveOf(32, 8), FAMILIES.navi31);
  assert.equal([bound?.share, bound?.by], [0.2, 'vector unit']);
});

bounds('a kernel is told by the loop that sums up products', () => {
  const figures = figuresOf(COMPILED, 'navi31');
  assert.is(figures.loop?.multiplyAdds, 3);
  assert.is(figures.whole.stores, 1);
  assert.is(figures.around, 0);
  const tiled = RDNA3.replace('\ts_barrier', '\tv_mov_b32_e32 v9, 0\n\ts_barrier');
  assert.is(figuresOf({ ...COMPILED, assembly: tiled }, 'navi31').around, 1);
  // As the driver counts them, whatever the unit's width.
  assert.is(figures.waves, COMPILED.waves);
  assert.is(figuresOf(COMPILED, 'vega10').waves, COMPILED.waves);
  const mover = listing('BB0:', 'buffer_load_b32 v4, v0, s[4:7], 0 offen', 'buffer_store_b32 v4, v0, s[8:11], 0 offen');
  const moves = figuresOf({ ...COMPILED, assembly: mover }, 'navi31');
  assert.equal([moves.bound, moves.loop, moves.turn], [null, null, null]);
  const mean = listing('BB0:', 'v_mov_b32_e32 v1, 0', 'BB1:', 'buffer_load_b64 v[4:5], v0, s[4:7], 0 offen');
  const summed = `${mean}${listing('v_add_f32_e32 v1, v4, v1', 's_cbranch_scc1 BB1')}`;
  const sums = figuresOf({ ...COMPILED, assembly: summed }, 'navi31');
  assert.equal([sums.loop, sums.turn?.loadBytes, sums.turn?.vector, sums.whole.vector], [null, 8, 1, 2]);
});

bounds('a line of the program that asks the driver', () => {
  const statistics = {
    VGPRs: 12,
    'Spilled VGPRs': 1,
    'Spilled SGPRs': 2,
    'Scratch size': 16,
    'Subgroups per SIMD': 10,
    'LDS size': 512,
    'Code size': 60,
  };
  const line = JSON.stringify({ file: 'a', subgroupSize: 64, threads: 8, statistics, assembly: 'BB0:\n' });
  const told = parseReport(line);
  assert.ok(!('error' in told));
  assert.equal([told.spilled, told.scratchBytes, told.waves, told.vectorRegisters, told.threads], [3, 16, 10, 12, 8]);
  assert.equal(parseReport('{"file":"a","error":"it was not compiled"}'), { error: 'it was not compiled' });
  const { VGPRs: _, ...fewer } = statistics;
  const short = JSON.stringify({ file: 'a', subgroupSize: 64, threads: 8, statistics: fewer, assembly: '' });
  assert.throws(() => parseReport(short), /no 'VGPRs'.*adapt compile\.ts/);
});

bounds.run();

const planned = suite('isa: planned kernels and their rows');

planned('every kernel of a step has a name of its own, with subgroups and without', async () => {
  const planner = await StepPlanner.open();
  try {
    const subjects = await plannedSubjects(planner, ['study'], [3], 'navi21');
    const names = subjects.map(({ shader: _, fused: __, ...name }) => JSON.stringify(name));
    assert.is(new Set(names).size, names.length);
    const matmul = subjects.find(({ label, direction }) => label === 'matmul' && direction === 'backward');
    assert.is(matmul?.layer, 'dense_1');
    assert.ok(subjects.some(({ label, direction }) => label === 'optimizer' && direction === 'update'));
    const kernels = await planner.kernels('vgg', 5, plannedTarget(null));
    assert.ok(kernels.some(({ label, layer }) => label.startsWith('conv2d') && layer === 'conv2d_4'));
    for (const { kernel } of kernels) assert.match(kernel.source, '@compute');
    // A target as it was before classes had ways of their own.
    const { target, limits } = plannedTarget(null);
    const { ways: _, ...bare } = target;
    let said: unknown = null;
    // @ts-expect-error: the types say it, too.
    await planner.kernels('study', 3, { target: bare, limits }).catch((error) => {
      said = error;
    });
    assert.match(`${said}`, /^ArgumentError: scheduleStep: .+ Take cpuTarget\(\) or gpuTarget\(\) of wgrad\/graph\.$/);
  } finally {
    planner.close();
  }
});

const subject = (changes: Partial<Subject> = {}): Subject => ({
  by: 'wgrad',
  network: 'study',
  batch: 32,
  subgroups: 'without',
  direction: 'forward',
  layer: 'dense',
  label: 'matmul',
  nth: 1,
  fused: ['add'],
  shader: { code: 'a' },
  workgroups: 4,
  ...changes,
});
const FIGURES = figuresOf(COMPILED, 'navi31');

planned('batches and plans that share their text share a row', () => {
  const subjects = [
    subject(),
    subject({ subgroups: 'with' }),
    subject({ batch: 128, subgroups: 'with', shader: { code: 'b' } }),
    subject({ batch: 128, workgroups: 16 }),
    subject({ batch: 512, workgroups: 64 }),
    subject({ label: 'sum' }),
  ];
  const rows = rowsOf(subjects, 'navi31', () => FIGURES);
  assert.equal(
    rows.map(({ label, subgroups, batches, workgroups }) => [label, subgroups, batches, workgroups]),
    [
      ['matmul', 'either', [32], [4]],
      ['matmul', 'without', [128, 512], [16, 64]],
      ['matmul', 'with', [128], [4]],
      ['sum', 'without', [32], [4]],
    ],
  );
  const twice = numbered([subject(), subject(), subject({ batch: 1 })]);
  assert.equal(
    twice.map(({ nth }) => nth),
    [1, 2, 1],
  );
});

planned('tables have a line a kernel, and say what was not compiled', () => {
  const rows = rowsOf([subject(), subject({ label: 'broken' })], 'navi31', ({ label }) =>
    label === 'broken' ? { error: 'no float16\nat line 1' } : FIGURES,
  );
  const text = tables(rows).join('\n');
  assert.match(text, /navi31 \(RDNA 3\) · wgrad · study: sums of products/);
  assert.match(text, /^matmul +add +dense +forward +32, no subgroups +4 +256 +64 +60 /m);
  assert.match(text, /^broken 32: no float16$/m);
  assert.not.match(text, 'at line 1');
});

planned.run();

const compared = suite('isa: two runs');

const rowOf = (result: Figures, changes: Partial<KernelRow> = {}): KernelRow => ({
  family: 'navi31',
  by: 'wgrad',
  network: 'study',
  batches: [32, 128],
  workgroups: [4, 16],
  subgroups: 'either',
  direction: 'backward',
  layer: 'dense',
  label: 'matmul',
  nth: 1,
  fused: [],
  result,
  ...changes,
});
const withShare = (share: number, rest: Partial<Figures> = {}): Figures => ({
  ...FIGURES,
  bound: { share, by: 'workgroup memory', next: { share: 1, by: 'vector unit' } },
  ...rest,
});

compared('what allows more of the peak is better, what spills is worse whatever else', () => {
  const [better] = compareRows([rowOf(withShare(0.48))], [rowOf(withShare(0.97, { waves: 6 }))]);
  assert.is(better.verdict, 'better');
  assert.is(better.kernel, 'navi31 study backward dense matmul, batch 32 128');
  assert.equal(better.what, ['of peak 0.48 → 0.97', 'waves 24 → 6']);
  const [worse] = compareRows([rowOf(withShare(0.48))], [rowOf(withShare(0.97, { spilled: 3 }))]);
  assert.is(worse.verdict, 'worse');
  const [changed] = compareRows([rowOf(withShare(0.5))], [rowOf(withShare(0.505, { codeBytes: 2000 }))]);
  assert.equal([changed.verdict, changed.what], ['changed', ['code bytes 1000 → 2000']]);
  assert.equal(compareRows([rowOf(withShare(0.5))], [rowOf(withShare(0.5))]), []);
  const [grown] = compareRows([rowOf(FIGURES)], [rowOf(FIGURES, { workgroups: [4, 32] })]);
  assert.equal([grown.kernel, grown.what], ['navi31 study backward dense matmul, batch 128', ['workgroups 16 → 32']]);
  assert.equal(differenceLines([]), ['no kernel differs']);
});

compared('a kernel that moves memory is judged by what it moves', () => {
  const mover: Figures = { ...FIGURES, loop: null, bound: null };
  const less: Figures = { ...mover, whole: { ...mover.whole, loadBytes: 4 } };
  const [one] = compareRows([rowOf(mover)], [rowOf(less)]);
  assert.equal([one.verdict, one.what], ['better', ['bytes moved a thread 12 → 8']]);
});

compared('new and gone ones, within what both runs have looked at', () => {
  const before = [rowOf(FIGURES), rowOf(FIGURES, { network: 'vgg' }), rowOf(FIGURES, { label: 'sum' })];
  const after = [rowOf(FIGURES, { batches: [32] }), rowOf(FIGURES, { batches: [32], label: 'max' })];
  assert.equal(
    compareRows(before, after).map(({ verdict, kernel }) => [verdict, kernel]),
    [
      ['new', 'navi31 study backward dense max, batch 32'],
      ['gone', 'navi31 study backward dense sum, batch 32'],
    ],
  );
  const broken = compareRows([rowOf(FIGURES)], [{ ...rowOf(FIGURES), result: { error: 'the driver ended' } }]);
  assert.equal(differenceLines(broken).at(-1), '1 broken');
});

compared('another run renews what it looked at, and leaves the rest', () => {
  const vgg = rowOf(FIGURES, { network: 'vgg' });
  const file = rowOf(FIGURES, { by: 'file', network: null, batches: [], workgroups: [] });
  const before = [rowOf(FIGURES), rowOf(FIGURES, { label: 'gone', batches: [32], workgroups: [4] }), vgg, file];
  const now = rowOf(withShare(0.9), { batches: [32], workgroups: [5] });
  assert.equal(renewed(before, [now]), [rowOf(FIGURES, { batches: [128], workgroups: [16] }), vgg, file, now]);
  assert.equal(renewed([], [now]), [now]);
  assert.equal(renewed(before, [now, file]).length, 4);
});

compared('a file of rows comes back as it was', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-kept-'));
  try {
    const path = join(folder, 'deep/kept.jsonl');
    // Counts of 0 are left out and come back.
    const calm = { ...FIGURES, whole: { ...FIGURES.whole, barriers: 0 } };
    const rows = [rowOf(calm), { ...rowOf(FIGURES), result: { error: 'the driver ended' } }];
    await writeRows(path, rows);
    assert.equal(readRows(path), rows);
    writeFileSync(path, '{"format":"another"}');
    assert.throws(() => readRows(path), /begins with '\{"format":"another"\}'.*--keep/);
    assert.throws(() => readRows(join(folder, 'none.jsonl')), /cannot be read.*--keep/);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

compared('flags', () => {
  const flags = readIsaFlags(['--batch', '128,32,32', '--family', 'vega10', '--compare', '--isa', 'MATMUL']);
  assert.equal([flags.batches, flags.families, flags.compare, flags.keep], [[32, 128], ['vega10'], KEPT, null]);
  assert.ok(flags.isa?.test('forward dense matmul'));
  assert.equal(readIsaFlags(['--keep', 'a.json']).keep, 'a.json');
});

compared.run();

const tools = suite('isa: tools');

let folder = '';
tools.before(() => {
  folder = mkdtempSync(join(tmpdir(), 'wgrad-tools-'));
});
tools.after(() => rmSync(folder, { recursive: true, force: true }));

tools('what is missing is named, with the packages that bring it', () => {
  try {
    findTools(folder, { cc: join(folder, 'no-compiler'), radv: null });
    assert.unreachable();
  } catch (error) {
    assert.instance(error, MissingTools);
    if (!(error instanceof MissingTools)) return;
    assert.equal(error.missing, ['radv', 'compiler']);
    for (const name of error.missing) assert.match(error.message, NEEDS[name].what);
    assert.match(error.message, /apt-get install -y --no-install-recommends mesa-vulkan-drivers gcc\n/);
    assert.match(error.message, 'bookworm-backports');
  }
});

tools('the headers and the loader are told from each other by what the compiler says', () => {
  const says = (text: string): string => {
    const path = join(folder, 'cc');
    const script = `#!/bin/sh\nif [ "$1" = --version ]; then exit 0; fi\necho "${text}" >&2\nexit 1\n`;
    writeFileSync(path, script, { mode: 0o755 });
    return path;
  };
  const missing = (text: string): unknown => {
    try {
      return findTools(folder, { cc: says(text), radv: 'radeon_icd.json' });
    } catch (error) {
      return error instanceof MissingTools ? error.missing : error;
    }
  };
  assert.equal(missing('fatal error: vulkan/vulkan.h: No such file or directory'), ['headers']);
  assert.equal(missing('/usr/bin/ld: cannot find -lvulkan'), ['loader']);
  assert.instance(missing('something else'), Error);
});

tools('RADV is found by its manifest, that of this processor first', () => {
  assert.is(findRadv([join(folder, 'none')]), null);
  const drivers = join(folder, 'icd.d');
  mkdirSync(drivers);
  writeFileSync(join(drivers, 'lvp_icd.json'), '{}');
  assert.is(findRadv([drivers]), null);
  for (const name of ['radeon_icd.i686.json', 'radeon_icd.x86_64.json', 'radeon_icd.aarch64.json']) {
    writeFileSync(join(drivers, name), '{}');
  }
  const own = { x64: 'x86_64', arm64: 'aarch64' }[process.arch as string];
  if (own !== undefined) assert.is(findRadv([drivers]), join(drivers, `radeon_icd.${own}.json`));
});

/** Why the whole way cannot be gone here. */
function lack(): string | null {
  const tried = mkdtempSync(join(tmpdir(), 'wgrad-tried-'));
  try {
    findTools(tried);
    return null;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  } finally {
    rmSync(tried, { recursive: true, force: true });
  }
}

const reason = process.platform === 'linux' ? lack() : 'RADV is a driver for Linux';
if (reason !== null) console.log(`  skipped: no kernel is compiled for a GPU that is not there. ${reason}`);

/** Row by column, straight from memory. */
const PRODUCT = `
@group(0) @binding(0) var<uniform> size: vec4u;
@group(0) @binding(1) var<storage, read> a: array<f32>;
@group(0) @binding(2) var<storage, read> b: array<f32>;
@group(0) @binding(3) var<storage, read_write> c: array<f32>;
@compute @workgroup_size(64)
fn main(@builtin(global_invocation_id) id: vec3u) {
  var sum = 0.0;
  for (var k = 0u; k < size.x; k++) { sum += a[k * size.y + id.x] * b[k]; }
  c[id.x] = sum;
}`;

(reason === null ? tools : tools.skip)('a product from WGSL to its figures, for every generation', async () => {
  const product = subject({ shader: { code: PRODUCT } });
  const wrong = subject({
    label: 'wrong',
    shader: { code: '@compute @workgroup_size(64) fn main() { let x = nonsense; }' },
  });
  const families = ['navi31', 'vega10'] as const;
  const looked = await look(new Map(families.map((family) => [family, [product, wrong]])));
  assert.equal(
    looked.rows.map(({ family, label }) => [family, label]),
    families.flatMap((family) => [
      [family, 'matmul'],
      [family, 'wrong'],
    ]),
  );
  for (const { label, family, result } of looked.rows) {
    if (label === 'wrong') {
      assert.ok('error' in result);
      assert.match(result.error, /^line 1: .*nonsense/);
      continue;
    }
    assert.ok(!('error' in result));
    assert.is(result.wave, 64);
    assert.is(result.spilled, 0);
    assert.is(result.loop?.multiplyAdds, 1, family);
    assert.ok((result.loop?.loadBytes ?? 0) >= 4);
    assert.ok((result.bound?.share ?? 2) < 0.5);
    assert.match(looked.assemblyOf(product, family) ?? '', 's_endpgm');
  }
});

tools.run();
