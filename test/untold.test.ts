/** A terminal shows what a program writes, and nothing that native code writes while it looks for adapters. */

import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { LOADER } from './loader.ts';

const test = suite('untold');

const root = fileURLToPath(new URL('..', import.meta.url));
const folder = mkdtempSync(join(tmpdir(), 'wgrad-untold-'));
test.after(() => rmSync(folder, { recursive: true, force: true }));

/** Its `work` writes as native code does, past Node's streams. */
const PROGRAM = `
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { openDevice, tensor } from ${JSON.stringify(join(root, 'src/index.ts'))};
import { untold } from ${JSON.stringify(join(root, 'src/platform/node/untold.ts'))};
const descriptors = () => readdirSync('/proc/self/fd').length;
console.error('begin');
const before = descriptors();
const busy = readFile(process.argv[1]);
console.error(await untold(async () => { writeSync(2, 'noise '); return 'value'; }));
await busy;
console.error(await untold(() => { writeSync(2, 'noise '); throw new Error('error'); }).catch((error) => error.message));
console.error(await untold(async () => { writeSync(2, 'noise '); throw new Error('rejection'); }).catch((error) => error.message));
writeSync(2, 'native\\n');
spawnSync('echo child >&2', { shell: true, stdio: 'inherit' });
console.error(String(descriptors() - before));
const device = await openDevice();
const other = await openDevice();
if ((await tensor([1]).add(1).item()) !== 2) console.error('wrong');
device.close();
other.close();
console.error('end');
`;
const WRITTEN = ['begin', 'value', 'error', 'rejection', 'native', 'child', '0', 'end'];

const file = join(folder, 'program.mjs');
writeFileSync(file, PROGRAM);
const command = [process.execPath, '--import', LOADER, file];
const options = { cwd: root, encoding: 'utf8', timeout: 120_000 } as const;

const hasTerminals = process.platform === 'linux' && spawnSync('script', ['--version']).status === 0;

(hasTerminals ? test : test.skip)('nothing of the driver reaches the terminal', () => {
  const { stdout } = spawnSync('script', ['-qec', command.join(' '), '/dev/null'], { ...options, input: '' });
  assert.equal(stdout.trim().split(/\r?\n/), WRITTEN);
});

test('a log keeps all that is written to it, in order', () => {
  const path = join(folder, 'log');
  const log = openSync(path, 'w');
  const { status } = spawnSync(command[0], command.slice(1), { ...options, stdio: ['ignore', log, log] });
  closeSync(log);
  assert.is(status, 0);
  const lines = readFileSync(path, 'utf8').replaceAll('noise ', '').trim().split('\n');
  assert.equal(
    lines.filter((line) => !line.startsWith('Warning: ')),
    WRITTEN,
  );
});

test.run();
