/** Files on disk: written whole whoever else writes them, where links lead, with the permissions they had, of any size. */

import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import * as disk from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { FileError } from '../src/base/errors.ts';
import { AppendedFile } from '../src/io/appendedFile.ts';
import { makeFolderOf, readBytes, writeBytes } from '../src/platform/files.ts';
import { withLock } from '../src/platform/node/lock.ts';
import { readWhole } from '../src/platform/node/readWhole.ts';
import { placeOfProcesses, writeWhole } from '../src/platform/node/wholeFile.ts';
import { bundleProgram } from './bundleProgram.ts';
import { rejects } from './interruption.ts';

const folder = mkdtempSync(join(tmpdir(), 'wgrad-files-'));
const here = (...names: string[]): string => join(folder, ...names);

const test = suite('whole files');
test.after(() => rmSync(folder, { recursive: true }));

const isRoot = process.getuid?.() === 0;
/** Whether a process may be started whose number says nothing out here. */
const canNest = spawnSync('unshare', ['-Urpf', 'true']).status === 0;

/** Saves over and over, and tells of a save that failed. */
const WRITER = `
import { writeWhole } from '../src/platform/node/wholeFile.ts';
const [, , path, letter, count] = process.argv;
for (let save = 0; save < Number(count); save++) await writeWhole(path, letter.repeat(300_000));
`;

const readable = (path: string): Promise<string> => disk.readFile(path, 'utf8');

/** Runs programs at once; every one must end well. */
async function together(commands: readonly (readonly string[])[]): Promise<void> {
  const ends = commands.map(async ([program, ...args]) => {
    const child = spawn(program, args, { stdio: ['ignore', 'inherit', 'pipe'] });
    let errors = '';
    child.stderr.on('data', (text) => {
      errors += text;
    });
    const [code] = await once(child, 'close');
    return code === 0 ? '' : `${program} ${args.slice(0, 2).join(' ')}: ${code} ${errors}`;
  });
  assert.equal(
    (await Promise.all(ends)).filter((problem) => problem !== ''),
    [],
  );
}

test('processes that save one file at once all succeed, and the file is of one of them', async () => {
  const writer = await bundleProgram({ text: WRITER, outDir: here('writer'), platform: 'node' });
  await disk.mkdir(here('shared'));
  const path = here('shared', 'file');
  const run = [process.execPath, writer, path];
  const nested = canNest ? ['unshare', '-Urpf', ...run] : run;
  await together([
    [...run, 'a', '60'],
    [...run, 'b', '60'],
    [...nested, 'c', '60'],
    [...nested, 'd', '60'],
  ]);
  const content = await readable(path);
  assert.is(content, content[0].repeat(300_000));
  assert.equal(readdirSync(here('shared')), ['file']);
});

test('drafts of a place that is not this one are judged by their age alone', async () => {
  await disk.mkdir(here('drafts'));
  const gone = spawnSync(process.execPath, ['-e', '']).pid;
  const place = await placeOfProcesses();
  const far = `file.${gone}-00000000-0123456789ab.part`;
  const unknown = `file.${gone}-0123456789ab.part`;
  const near = `file.${gone}-${place}-0123456789ab.part`;
  const old = `file.${process.pid}-00000000-ffffffffffff.part`;
  for (const name of [far, unknown, near, old]) writeFileSync(here('drafts', name), 'x');
  utimesSync(here('drafts', old), new Date(), new Date(Date.now() - 7_200_000));
  await writeWhole(here('drafts', 'file'), 'y');
  const left = ['file', far, unknown, ...(place === null ? [near] : [])];
  assert.equal(readdirSync(here('drafts')).sort(), left.sort());
});

test('a link that leads nowhere yet stays a link, and the file is made where it leads', async () => {
  await disk.mkdir(here('links', 'run 1'), { recursive: true });
  await disk.mkdir(here('elsewhere', 'deep'), { recursive: true });
  await disk.symlink('run 1/model', here('links', 'latest'));
  await disk.symlink('latest', here('links', 'newest'));
  await disk.symlink(here('links', 'absolute target'), here('links', 'absolute'));
  // Through a folder that is a link itself: its '..' is not the one of the name.
  await disk.symlink(here('elsewhere', 'deep'), here('links', 'folder'));
  await disk.symlink('../up', here('elsewhere', 'deep', 'link'));
  for (const [path, target] of [
    [here('links', 'newest'), here('links', 'run 1', 'model')],
    [here('links', 'absolute'), here('links', 'absolute target')],
    [here('links', 'folder', 'link'), here('elsewhere', 'up')],
  ]) {
    for (const text of ['one', 'two']) {
      await writeWhole(path, text);
      assert.ok((await disk.lstat(path)).isSymbolicLink(), path);
      assert.ok((await disk.lstat(target)).isFile(), target);
      assert.is(await readable(target), text);
    }
  }
  await disk.symlink('nowhere/file', here('links', 'lost'));
  await rejects(() => writeBytes('save', here('links', 'lost'), 'x'), FileError, 'there is no such file or folder');
  assert.ok((await disk.lstat(here('links', 'lost'))).isSymbolicLink());
});

test('links in a circle are refused and stay', async () => {
  await disk.symlink('second', here('first'));
  await disk.symlink('first', here('second'));
  await rejects(() => writeBytes('save', here('first'), 'x'), FileError, here('first'), 'links lead in a circle');
  await rejects(() => readBytes('load', here('first')), FileError, 'links lead in a circle');
  await rejects(() => makeFolderOf('save', here('first', 'x', 'file')), FileError, 'links lead in a circle');
  for (const name of ['first', 'second']) assert.ok((await disk.lstat(here(name))).isSymbolicLink());
});

test('permissions stay what they were', async () => {
  for (const mode of [0o600, 0o640, 0o755, 0o666, 0o444]) {
    const path = here(`mode ${mode}`);
    writeFileSync(path, 'old');
    await disk.chmod(path, mode);
    await writeWhole(path, 'new');
    assert.is((await disk.stat(path)).mode & 0o7777, mode);
    assert.is(await readable(path), 'new');
  }
  if (!isRoot) return;
  const path = here('owned');
  writeFileSync(path, 'old');
  await disk.chown(path, 12_345, 54_321);
  await writeWhole(path, 'new');
  const { uid, gid } = await disk.stat(path);
  assert.equal([uid, gid], [12_345, 54_321]);
});

test('a draft of a private file is private', async () => {
  const path = here('private');
  writeFileSync(path, 'old', { mode: 0o600 });
  const modes: number[] = [];
  const open: typeof disk.open = async (...args) => {
    const file = await disk.open(...args);
    if (String(args[0]).endsWith('.part')) modes.push((await file.stat()).mode & 0o077);
    return file;
  };
  await writeWhole(path, 'new', { ...disk, open });
  assert.equal(modes, [0]);
});

test('what is no plain file is written to and not replaced', async () => {
  if (spawnSync('mkfifo', [here('pipe')]).status !== 0) return;
  const reader = spawn('cat', [here('pipe')], { stdio: ['ignore', 'pipe', 'inherit'] });
  let got = '';
  reader.stdout.on('data', (text) => {
    got += text;
  });
  await writeWhole(here('pipe'), 'through');
  await once(reader, 'close');
  assert.is(got, 'through');
  assert.ok((await disk.stat(here('pipe'))).isFIFO());
  await writeBytes('save', '/dev/null', 'x');
  assert.ok((await disk.stat('/dev/null')).isCharacterDevice());
});

test('files are read in pieces where one would be too much for the system', async () => {
  const path = here('large');
  const content = Uint8Array.from({ length: 10_007 }, (_, at) => at % 251);
  writeFileSync(path, content);
  for (const most of [1, 1000, 10_006, 10_007, 1e6]) {
    const bytes = await readWhole(path, most);
    assert.is(Buffer.compare(bytes, content), 0, `${most} at once`);
  }
  writeFileSync(path, '');
  assert.is((await readWhole(path, 4)).length, 0);
  // Has no size before it is read.
  if (process.platform === 'linux') assert.ok((await readWhole('/proc/self/status', 4)).length > 100);
});

test('a file that is larger than memory can be is refused', async () => {
  const path = here('vast');
  await (await disk.open(path, 'w')).close();
  try {
    await disk.truncate(path, 2 ** 43);
  } catch {
    return; // This file system has no room even for a hole.
  }
  await rejects(() => readBytes('load', path), FileError, path, 'larger than this system takes');
  await rejects(
    () => new AppendedFile('Log', path, '').keep(() => 0),
    FileError,
    path,
    'larger than this system takes',
  );
  rmSync(path);
});

test('what is in the way of a folder is told', async () => {
  writeFileSync(here('plain'), '');
  const refused = (path: string, ...parts: string[]): Promise<void> =>
    rejects(() => makeFolderOf('CSVLogger', path), FileError, `CSVLogger: '${path}'`, ...parts);
  await refused(here('plain', 'file'), 'what its path calls a folder is a file. Correct the path.');
  await refused(here('plain', 'deep', 'er', 'file'), 'what its path calls a folder is a file. Correct the path.');
  await refused(here('n'.repeat(300), 'file'), 'name is too long');
  // There Node's own recursive mkdir never returns.
  if (process.platform === 'linux') await refused('/proc/x/y/file', 'there is no such file or folder');
  await Promise.all(Array.from({ length: 20 }, (_, at) => makeFolderOf('x', here('a', 'b', 'c', `${at % 3}`, 'file'))));
  assert.equal(readdirSync(here('a', 'b', 'c')).sort(), ['0', '1', '2']);
});

test('a read-only disk is called so, also where a folder is missing', async () => {
  const readOnly = here('read-only');
  await disk.mkdir(readOnly);
  const program = await bundleProgram({
    text: `import { makeFolderOf } from '../src/platform/files.ts';
      await makeFolderOf('save', process.argv[2]).catch((error) => console.log(error.message));`,
    outDir: here('maker'),
    platform: 'node',
  });
  const script = 'mount -t tmpfs -o ro none "$1" && exec "$2" "$3" "$1/run/deep/file"';
  const mounted = ['-Urm', 'sh', '-c', script, 'sh', readOnly, process.execPath, program];
  const { stdout, status } = spawnSync('unshare', mounted, { encoding: 'utf8' });
  if (status !== 0) return; // Mounting is not allowed here.
  assert.match(stdout, 'the file system is read-only. Choose another place.');
});

test('a lock lets one through at a time, and does not wait for who was killed', async () => {
  const path = here('lock');
  let inside = 0;
  let done = 0;
  const work = async (): Promise<void> => {
    assert.is(++inside, 1);
    await new Promise((resolve) => setTimeout(resolve, 2));
    inside--;
    done++;
  };
  await Promise.all(Array.from({ length: 12 }, () => withLock(path, work)));
  assert.is(done, 12);
  writeFileSync(path, '');
  // Of a machine whose clock is ahead.
  utimesSync(path, new Date(Date.now() + 1e8), new Date(Date.now() + 1e8));
  await Promise.all(Array.from({ length: 3 }, () => withLock(path, work, 100)));
  assert.is(done, 15);
  assert.not.ok(readdirSync(folder).some((name) => name.startsWith('lock')));
  await rejects(() => withLock(here('none', 'lock'), work), Error, 'ENOENT');
});

test.run();
