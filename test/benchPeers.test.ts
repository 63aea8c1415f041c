/** `npm run bench:peers`: reading the peers' lines, watching their processes, and what is made of the numbers. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { peersChart } from '../bench/peers/chart.ts';
import { readPeerFlags } from '../bench/peers/options.ts';
import { type Outcome, runPeer } from '../bench/peers/process.ts';
import { commandFor, PEERS } from '../bench/peers/registry.ts';
import { type PeerRow, parseRow } from '../bench/peers/row.ts';
import { checkAdapters, type Measurement, summarize } from '../bench/peers/summary.ts';
import { peersTable, versionLines } from '../bench/peers/table.ts';

function row(peer: string, batch: number, changes: Partial<PeerRow> = {}): PeerRow {
  return {
    peer,
    version: '1.0.0',
    adapter: 'a GPU',
    batch,
    firstMs: null,
    stepMs: null,
    hostMs: null,
    hostTogetherMs: null,
    usPerImage: null,
    peakBytes: null,
    steps: 9,
    ...changes,
  };
}

function steps(peer: string, batch: number, usPerImage: number, round = 1): Measurement {
  const stepMs = (usPerImage * batch) / 1000;
  return { mode: 'steps', round, cold: false, row: row(peer, batch, { usPerImage, stepMs, firstMs: 10 * stepMs }) };
}

function host(peer: string, batch: number, hostMs: number, hostTogetherMs: number | null = null): Measurement {
  const nothing = row(peer, batch, { adapter: 'null-backend', hostMs, hostTogetherMs });
  return { mode: 'host', round: 1, cold: false, row: nothing };
}

const measurements: Measurement[] = [
  host('wgrad-webgpu', 32, 0.25, 0.125),
  ...[100, 90, 120].map((us, i) => steps('wgrad-webgpu', 32, us, i + 1)),
  steps('wgrad-webgpu', 128, 50),
  ...[1000, 1500].map((us, i) => steps('tfjs-webgpu', 32, us, i + 1)),
  steps('torch-cpu', 32, 80),
  host('tfjs-webgpu', 32, 40),
  {
    mode: 'fresh',
    round: 1,
    cold: true,
    row: row('tfjs-webgpu', 32, { firstMs: 20_000, peakBytes: 64 * 2 ** 20 }),
  },
];

const parsing = suite('bench:peers: rows');

parsing('a row comes back as it was printed, unknown numbers as null', () => {
  const printed = row('tfjs-cpu', 32, { stepMs: 3.5, usPerImage: 109.4 });
  assert.equal(parseRow(JSON.stringify(printed)), printed);
  const bare = parseRow('{"peer":"x","version":"1","adapter":"CPU","batch":8,"stepMs":2}');
  assert.is(bare?.stepMs, 2);
  assert.is(bare?.peakBytes, null);
});

parsing('all else a process prints is no row', () => {
  for (const line of [
    '',
    'Hi, looks like you are running TensorFlow.js in Node.js.',
    '{"peer":"tfjs-cpu","version":"4',
    '{}',
    '[1]',
    'null',
    '{"peer":1,"version":"1","adapter":"CPU","batch":8}',
    '{"peer":"x","version":"1","adapter":"CPU","batch":0}',
  ]) {
    assert.is(parseRow(line), null, line);
  }
});

parsing('numbers that cannot be measurements are unknown', () => {
  const odd = parseRow('{"peer":"x","version":"1","adapter":"CPU","batch":8,"stepMs":-1,"firstMs":"2","hostMs":0}');
  assert.equal([odd?.stepMs, odd?.firstMs, odd?.hostMs], [null, null, null]);
});

const processes = suite('bench:peers: processes');
let folder = '';
processes.before(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wgrad-peers-'));
});
processes.after(() => rm(folder, { recursive: true, force: true }));

/** Runs a made-up peer. */
async function run(script: string, timeoutMs = 20_000): Promise<Outcome> {
  const file = join(folder, 'peer.mjs');
  await writeFile(file, script);
  return await runPeer({ file: process.execPath, args: [file], env: process.env }, timeoutMs);
}

async function reasonOf(script: string, timeoutMs?: number): Promise<string> {
  const outcome = await run(script, timeoutMs);
  return 'reason' in outcome ? outcome.reason : `a row: ${JSON.stringify(outcome.row)}`;
}

const printRow = `console.log('${JSON.stringify(row('fake', 32, { stepMs: 1 }))}');`;

processes('the row is found among whatever else a peer prints', async () => {
  const outcome = await run(`console.log('{"hello"'); console.error('a warning'); ${printRow} console.log('bye');`);
  assert.equal(outcome, { row: row('fake', 32, { stepMs: 1 }) });
});

processes('a peer that fails is told with its last error', async () => {
  assert.is(
    await reasonOf("console.error('a warning'); throw new TypeError('no such backend');"),
    'ended with exit code 1: TypeError: no such backend',
  );
  assert.match(await reasonOf("await import('a-package-that-is-not-there');"), "Cannot find package 'a-package-that");
});

processes('a row does not count if the process then failed', async () => {
  assert.match(await reasonOf(`${printRow} process.exitCode = 3;`), 'ended with exit code 3');
  if (process.platform !== 'win32') {
    assert.match(await reasonOf(`${printRow} process.kill(process.pid, 'SIGKILL');`), 'crashed (SIGKILL)');
  }
});

processes('a peer that says nothing, hangs or cannot be started is told too', async () => {
  assert.is(await reasonOf("console.log('done');"), 'printed no result: done');
  assert.is(await reasonOf('setInterval(() => {}, 1000);', 500), 'took longer than 0.5 s');
  const outcome = await runPeer({ file: join(folder, 'nothing'), args: [], env: process.env }, 1000);
  assert.match('reason' in outcome ? outcome.reason : '', 'could not be started');
});

const summary = suite('bench:peers: summary');

summary('medians over rounds, spreads, and ratios to wgrad at the same batch', () => {
  const results = summarize(measurements);
  const brief = results.map(({ peer, batch, rounds, usPerImage, slower }) => [peer, batch, rounds, usPerImage, slower]);
  assert.equal(brief, [
    ['wgrad-webgpu', 32, 3, 100, 1],
    ['wgrad-webgpu', 128, 1, 50, 1],
    ['tfjs-webgpu', 32, 2, 1250, 12.5],
    ['torch-cpu', 32, 1, 80, 0.8],
  ]);
  assert.is(results[0].spread, 0.15);
  assert.is(results[1].spread, null);
  assert.is(results[2].spread, 0.2);
});

summary('cold first steps and the host have numbers of their own', () => {
  const [wgrad, , tfjs, torch] = summarize(measurements);
  assert.equal([wgrad.hostMs, wgrad.hostTogetherMs, wgrad.coldFirstMs], [0.25, 0.125, null]);
  assert.equal([tfjs.hostMs, tfjs.coldFirstMs, tfjs.peakBytes, tfjs.firstMs], [40, 20_000, 64 * 2 ** 20, 400]);
  assert.equal([torch.hostMs, torch.peakBytes], [null, null]);
  // Not the null backend's, though that row came first.
  assert.is(wgrad.adapter, 'a GPU');
});

summary('without wgrad there are no ratios', () => {
  assert.equal(
    summarize([steps('tfjs-webgpu', 32, 1000)]).map(({ slower }) => slower),
    [null],
  );
});

summary('different adapters are an error that names them; the null backend and the CPU are none', () => {
  checkAdapters([...measurements, { ...steps('torch-cpu', 32, 1), row: row('torch-cpu', 32, { adapter: 'CPU' }) }]);
  const other = { ...steps('jaxjs-webgpu', 32, 1), row: row('jaxjs-webgpu', 32, { adapter: 'another GPU' }) };
  assert.throws(() => checkAdapters([...measurements, other]), /wgrad-webgpu sees 'a GPU'.*jaxjs-webgpu sees 'another/);
});

const shown = suite('bench:peers: table, chart and flags');

shown('one line a peer, missing numbers as dashes, and why', () => {
  const results = summarize(measurements);
  const gaps = [
    { peer: 'tfjs-cpu', batch: null, reason: 'npm ci failed' },
    { peer: 'tfjs-webgpu', batch: 128, reason: 'took longer than 300 s' },
  ];
  const lines = peersTable(results, gaps).split('\n');
  assert.match(lines[0], /^ +µs an image +× slower than wgrad +first step, ms +cold first step, ms +host, ms a step/);
  assert.match(lines[1], /^batch +32 +128 +32 +128 +32 +128 +32 +32 +32$/);
  assert.match(lines[3], /^wgrad-webgpu +100 ±15 % +50\.0 +1\.0 +1\.0 +32\.0 +64\.0 +– +0\.250 \(0\.125\) +–$/);
  assert.match(lines[4], /^tfjs-webgpu +1,250 ±20 % +– +13 +– +400 +– +20,000 +40\.0 +64\.0$/);
  assert.ok(lines.includes('tfjs-cpu: npm ci failed'));
  assert.ok(lines.includes('tfjs-webgpu at batch 128: took longer than 300 s'));
  assert.is(peersTable([], [gaps[0]]), 'tfjs-cpu: npm ci failed');
  assert.is(versionLines(results).length, 3);
});

shown('the chart has every number and a title that follows from them', async () => {
  const svg = (await peersChart(summarize(measurements), 'on a GPU'))?.svg ?? '';
  for (const words of ['WebGPU 13 times as long as wgrad', '1,250 µs · 13×', 'PyTorch, CPU', 'batch 128']) {
    assert.match(svg, words);
  }
  assert.not.match(svg, /="[^"<>]*(NaN|Infinity|undefined)/);
  assert.is(await peersChart([], 'nothing'), null);
});

shown('flags', () => {
  const flags = readPeerFlags(['--batches', '128,32,32', '--peers', 'torch-cpu,wgrad-webgpu', '--rounds', '2']);
  assert.equal(flags.batches, [32, 128]);
  assert.equal(
    flags.peers.map(({ name }) => name),
    ['wgrad-webgpu', 'torch-cpu'],
  );
  assert.is(flags.rounds, 2);
  assert.is(readPeerFlags(['--network', 'resnet']).network, 'resnet');
  assert.is(readPeerFlags([]).peers.length, PEERS.length);
  assert.is(readPeerFlags([]).network, 'study');
});

shown('the host is measured on the null backend, cold steps without drivers’ caches', () => {
  const settings = { network: 'resnet', adapter: 'auto', batch: 32, seconds: 1 } as const;
  const nothing = commandFor(PEERS[1], { ...settings, mode: 'host', cold: false });
  assert.ok(
    typeof nothing === 'object' &&
      nothing.args.join(' ').includes('--mode host --network resnet --backend webgpu --adapter null'),
  );
  const cold = commandFor(PEERS[1], { ...settings, mode: 'fresh', cold: true });
  assert.ok(typeof cold === 'object' && cold.env.MESA_SHADER_CACHE_DISABLE === 'true');
});

parsing.run();
processes.run();
summary.run();
shown.run();
