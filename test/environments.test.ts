/**
 * Environments that lack something: no home folder, no cache that can be written, a user without a name, a folder that is gone, a
 * reader that is gone. What is optional is done without; else one sentence says what is in the way, and what to do.
 */

import { spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { bundleProgram } from './bundleProgram.ts';
import { LOADER } from './loader.ts';
import { shaderCache } from './shaderCache.ts';

const test = suite('environments');
const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'wgrad-environments-'));
const [file, locked, cifar] = ['file', 'locked', 'cifar'].map((name) => join(folder, name));
const NOBODY = 61_234;
/** Mesa's cache, of this user and of others: without it every kernel would be compiled anew in each of them. */
const SHADERS = shaderCache();
const SHADERS_OF_OTHERS = join(folder, 'shaders');

let program = '';

test.before(async () => {
  chmodSync(folder, 0o755);
  writeFileSync(file, 'x');
  mkdirSync(locked, { mode: 0o555 });
  mkdirSync(cifar);
  mkdirSync(SHADERS_OF_OTHERS);
  chmodSync(SHADERS_OF_OTHERS, 0o777);
  for (const name of ['data_batch_1', 'data_batch_2', 'data_batch_3', 'data_batch_4', 'data_batch_5', 'test_batch']) {
    // Records of one class each, in all shades.
    writeFileSync(
      join(cifar, `${name}.bin`),
      Uint8Array.from({ length: 20 * 3073 }, (_, i) => (i % 3073 === 0 ? (i / 3073) % 10 : i)),
    );
  }
  // Bundled, because a process that compiles TypeScript takes a second to start. It finds its packages beside it.
  program = await bundleProgram({ text: PROGRAM, outDir: join(folder, 'program'), platform: 'node' });
  symlinkSync(join(root, 'node_modules'), join(folder, 'program/node_modules'), 'junction');
});
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** What a program does with the library; prints how each piece ended. */
const PROGRAM = `
import { rmdirSync } from 'node:fs';
import * as w from ${JSON.stringify(join(root, 'src/index.ts'))};
import { TensorBoard } from ${JSON.stringify(join(root, 'src/tensorboard/index.ts'))};
const [, , cifar, forbidden, place, gone] = process.argv;
// Drivers take relative folders at their word.
process.chdir(place);
if (gone !== '') rmdirSync(place);
const attempt = async (name, work) => {
  try {
    await work();
    console.log(name + ': ok');
  } catch (error) {
    console.log(name + ': ' + (error instanceof w.WgradError ? '' : 'RAW ') + error);
  }
};
await attempt('matmul', async () => {
  const product = w.tensor([1, 2, 3, 4, 5, 6], [2, 3]).matmul(w.tensor([1, 0, 2, 1, 0, 3], [3, 2]));
  const values = (await product.data()).join();
  if (values !== '5,11,14,23') throw new Error(values);
});
await attempt('dir', async () => {
  const { train } = await w.cifar10.load({ dir: cifar });
  if (train.labels.length !== 100) throw new Error(String(train.labels.length));
});
await attempt('cache', () => w.cifar10.load({ url: 'http://127.0.0.1:1/none', retryDelay: 0.001, idleTimeout: 1 }));
const model = new w.Sequential([new w.Dense(2)], { inputShape: [3] }).compile({ loss: 'mse' });
await attempt('fit', () => model.fit(w.tensor([1, 2, 3], [1, 3]), w.tensor([1, 2], [1, 2]), { verbose: 0 }));
const fit = (callback) =>
  model.fit(w.tensor([1, 2, 3], [1, 3]), w.tensor([1, 2], [1, 2]), { verbose: 0, callbacks: [callback] });
await attempt('save', () => model.save(forbidden + '/model.safetensors'));
await attempt('csv', () => fit(new w.CSVLogger(forbidden + '/log.csv')));
await attempt('json', () => fit(new w.JSONLogger(forbidden + '/log.jsonl')));
await attempt('checkpoint', () => fit(new w.ModelCheckpoint(forbidden + '/best.safetensors', { monitor: 'loss' })));
await attempt('backup', () => fit(new w.BackupAndRestore(forbidden + '/backup.safetensors')));
await attempt('board', () => fit(new TensorBoard(forbidden + '/board')));
const device = await w.defaultDevice().catch(() => null);
device?.close();
`;

interface Environment {
  readonly variables?: NodeJS.ProcessEnv;
  readonly uid?: number;
  /** The folder that it runs in is removed. */
  readonly gone?: boolean;
  /** What stands in the way, by what was attempted; what is not named is done. */
  readonly refused?: Readonly<Record<string, RegExp>>;
  /** Where nothing can be written; default: below a file. */
  readonly forbidden?: string;
}

const NO_HOME = { HOME: undefined, XDG_CACHE_HOME: undefined };
const ABSENT = /^DataError: cifar10\.load: this user has no home folder .* Pass cacheDir, .* or set XDG_CACHE_HOME\.$/;
const isRoot = process.platform === 'linux' && process.getuid?.() === 0;

const ENVIRONMENTS: Readonly<Record<string, Environment>> = {
  'nothing is wrong': { variables: { XDG_CACHE_HOME: join(folder, 'cache') } },
  'HOME is empty': { variables: { HOME: '', XDG_CACHE_HOME: '' }, refused: { cache: ABSENT } },
  'HOME is relative': { variables: { HOME: 'home', XDG_CACHE_HOME: 'cache' }, refused: { cache: ABSENT } },
  'the cache is a file': { variables: { XDG_CACHE_HOME: file } },
  'there is no folder for temporary files': {
    variables: { TMPDIR: join(folder, 'none'), XDG_CACHE_HOME: join(folder, 'cache') },
  },
  'the working folder is gone': { variables: { XDG_CACHE_HOME: join(folder, 'cache') }, gone: true },
  'WGRAD_TUNING says nothing known': { variables: { WGRAD_TUNING: 'perhaps', XDG_CACHE_HOME: join(folder, 'cache') } },
  'WGRAD_ADAPTER names none': {
    variables: { WGRAD_ADAPTER: 'cuda', XDG_CACHE_HOME: join(folder, 'cache') },
    refused: Object.fromEntries(
      ['matmul', 'fit', 'save', 'csv', 'json', 'checkpoint', 'backup', 'board'].map((name) => [
        name,
        /^ArgumentError: WGRAD_ADAPTER: there is no adapter 'cuda'\. Use one of auto, .*\.$|^FileError: /,
      ]),
    ),
  },
  ...(isRoot && {
    'a user without name and home': { uid: NOBODY, variables: NO_HOME, refused: { cache: ABSENT } },
    "another user's home": { uid: NOBODY, variables: { HOME: '/root', XDG_CACHE_HOME: undefined } },
    'a cache that may not be written': { uid: NOBODY, variables: { XDG_CACHE_HOME: locked }, forbidden: locked },
    'SwiftShader, and no folder of its own': {
      uid: NOBODY,
      variables: { ...NO_HOME, WGRAD_ADAPTER: process.arch === 'x64' ? 'swiftshader' : 'auto' },
      refused: { cache: ABSENT },
    },
  }),
};

/** What the library writes files for: refused, whatever else is right. */
const WRITES = ['save', 'csv', 'json', 'checkpoint', 'backup', 'board'];

const rows = Object.entries(ENVIRONMENTS);
const started: Promise<Ended>[] = [];

/** What the program did in an environment. */
function startIn({ variables, uid, gone = false, forbidden = join(file, 'sub') }: Environment): Promise<Ended> {
  const place = gone ? mkdtempSync(join(folder, 'gone-')) : folder;
  const flags = [cifar, forbidden, place, gone ? 'gone' : ''];
  return start(program, flags, { XDG_CACHE_HOME: process.env.XDG_CACHE_HOME, ...variables }, { uid });
}

for (const [at, [name, { refused = {} }]] of rows.entries()) {
  test(name, async () => {
    // The next one runs meanwhile.
    for (const next of [at, at + 1]) if (next < rows.length) started[next] ??= startIn(rows[next][1]);
    const { code, output: stdout, errors: stderr } = await started[at];
    assert.is(code, 0, stderr);
    const lines = stdout.trim().split('\n');
    for (const line of lines) {
      const [, what, how] = /^(\w+): (.*)$/.exec(line) ?? [];
      assert.ok(what !== undefined, `a line of its own: ${line}`);
      assert.not.match(how, 'RAW');
      // No port answers there, whatever the cache is.
      const expected =
        refused[what] ??
        (what === 'cache' ? /^\w+Error: .*[.)]$/ : WRITES.includes(what) ? /^FileError: .*\.$/ : /^ok$/);
      assert.match(how, expected, what);
    }
    assert.is(lines.length, 10);
    assert.not.match(stderr, /^ {4}at /m);
  });
}

interface Ended {
  readonly code: number | null;
  readonly output: string;
  readonly errors: string;
}

/** Runs a command line; `deaf`: its reader goes after the first line. */
function start(
  program: string,
  flags: readonly string[],
  variables: NodeJS.ProcessEnv = {},
  { deaf = false, uid }: { readonly deaf?: boolean; readonly uid?: number } = {},
): Promise<Ended> {
  const loader = program.endsWith('.ts') ? ['--import', LOADER] : [];
  const child = spawn(process.execPath, [...loader, program, ...flags], {
    cwd: root,
    env: {
      ...process.env,
      MESA_SHADER_CACHE_DIR: uid === undefined ? SHADERS : SHADERS_OF_OTHERS,
      XDG_CACHE_HOME: join(folder, 'cache'),
      ...variables,
    },
    stdio: ['ignore', 'pipe', 'pipe'],
    uid,
    timeout: 100_000,
  });
  let [output, errors] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    output += chunk;
    if (deaf) child.stdout.destroy();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    errors += chunk;
  });
  return new Promise((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (code) => resolve({ code, output, errors }));
  });
}

/** Without what the driver says. */
const ofProgram = (errors: string): string => errors.replace(/^Warning: .*\n/gm, '').trim();

const COMMANDS = {
  study: {
    program: 'examples/cifar-lr-batch.ts',
    flags: ['--runs', 'baseline', '--epochs', '1', '--train', '64', '--test', '20', '--data', cifar],
    result: 'results.json',
  },
  bench: {
    program: 'bench/bench.ts',
    flags: ['--parts', 'epochs', '--images', '64', '--batches', '32', '--epochs', '1'],
    result: 'bench.json',
  },
} as const;

for (const [name, { program, flags, result }] of Object.entries(COMMANDS)) {
  test(`${name}: a place where no file can be is refused in a sentence`, async () => {
    const places = [file, join(file, 'sub')];
    const ended = await Promise.all(places.map((out) => start(program, [...flags, '--out', out])));
    for (const [at, { code, errors }] of ended.entries()) {
      assert.is(code, 1);
      assert.match(ofProgram(errors), /^error: [^\n]*\.$/);
      assert.match(errors, places[at]);
    }
  });

  test(`${name}: goes on when nobody reads it any more`, async () => {
    const out = join(folder, `${name}-deaf`);
    const { code, errors } = await start(program, [...flags, '--out', out], {}, { deaf: true });
    assert.is(ofProgram(errors), `Standard output is closed (EPIPE); going on, results will be in ${out}.`);
    assert.is(code, 0);
    assert.ok(readdirSync(out).includes(result));
  });

  test(`${name}: an adapter that does not exist is refused in a sentence`, async () => {
    const { code, errors } = await start(program, flags, { WGRAD_ADAPTER: 'gpu0' });
    assert.is(code, 1);
    assert.match(ofProgram(errors), /^error: WGRAD_ADAPTER: there is no adapter 'gpu0'\. [^\n]*\.$/);
  });
}

test('study: notes of its progress that are damaged are refused in a sentence', async () => {
  const out = join(folder, 'damaged');
  mkdirSync(out);
  for (const text of [
    'null',
    '{"study":null,"done":[]}',
    '{"study":{"preset":"quick"},"done":[null]}',
    '{"study":{"preset":"quick"},"done":[{"name":"baseline","exhibits":{"predictions":7}}]}',
  ]) {
    writeFileSync(join(out, 'progress.json'), text);
    const { program, flags } = COMMANDS.study;
    const { code, errors } = await start(program, [...flags, '--out', out, '--resume']);
    assert.is(code, 1, text);
    assert.match(
      ofProgram(errors),
      /progress\.json is damaged or of another version\. Leave out --resume to begin anew\.$/,
    );
    assert.not.match(errors, /^ {4}at /m);
  }
});

test.run();
