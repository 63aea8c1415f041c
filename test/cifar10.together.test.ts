/** CIFAR-10's cache and downloads where many use them at once, and where servers, archives and leftovers are hostile. */

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, utimes, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DataError } from '../src/base/errors.ts';
import { cifar10 } from '../src/datasets/cifar10.ts';
import type { Cifar10Options } from '../src/datasets/cifar10Options.ts';
import { archiveBytes, batchBytes } from '../src/datasets/cifarFormat.ts';
import { NetworkError } from '../src/datasets/download.ts';
import { download } from '../src/datasets/node/download.ts';
import { readTar } from '../src/datasets/tar.ts';
import { bundleProgram } from './bundleProgram.ts';
import {
  type Answer,
  archive,
  archiveName,
  assertSound,
  batches,
  folderName,
  makeTar,
  md5Of,
  ranged,
  recordBytes,
  serving,
  tarHeader,
  whole,
} from './cifarServer.ts';
import { rejects } from './interruption.ts';

const test = suite<{ dir: string; cache: string }>('cifar10 together');

let programs = '';
let loader = '';
test.before(async () => {
  programs = await mkdtemp(join(tmpdir(), 'wgrad-loader-'));
  // Tells how many images came, or what went wrong.
  const text = `
    import { cifar10 } from '../src/datasets/cifar10.ts';
    const { loads: count = 1, ...options } = JSON.parse(process.argv[2]);
    const loads = Array.from({ length: count }, () => cifar10.load(options).then(
      ({ train, test }) => \`\${train.labels.length} \${test.labels.length}\`,
      (error) => \`\${error.name} \${error.message}\`,
    ));
    console.log((await Promise.all(loads)).join('\\n'));
  `;
  loader = await bundleProgram({ text, outDir: programs, platform: 'node' });
});
test.after(() => rm(programs, { recursive: true, force: true }));
test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'wgrad-cifar10-'));
  context.cache = join(context.dir, 'cache');
  await mkdir(context.cache);
});
test.after.each(async ({ dir }) => {
  await rm(dir, { recursive: true, force: true });
});

const nowhere = 'http://127.0.0.1:1/';

function optionsFor(cacheDir: string, url = nowhere, more: Cifar10Options = {}): Cifar10Options {
  return { cacheDir, url, md5: md5Of(archive), retryDelay: 0.005, idleTimeout: 5, ...more };
}

const refused = (options: Cifar10Options, kind: Parameters<typeof rejects>[1], ...parts: string[]) =>
  rejects(() => cifar10.load(options), kind, ...parts);

/** What processes tell that load at once. */
async function processes(all: readonly (Cifar10Options & { readonly loads?: number })[]): Promise<string[]> {
  const runs = all.map(async (options) => {
    const child = spawn(process.execPath, [loader, JSON.stringify(options)], { stdio: ['ignore', 'pipe', 'inherit'] });
    let told = '';
    child.stdout.on('data', (text) => {
      told += text;
    });
    await once(child, 'close');
    return told.trimEnd().split('\n');
  });
  return (await Promise.all(runs)).flat();
}

async function unpackedCache(cache: string): Promise<void> {
  await writeFile(join(cache, archiveName), archive);
  assertSound(await cifar10.load(optionsFor(cache)));
}

const inOrder = async (folder: string): Promise<string[]> => (await readdir(folder)).toSorted();
const sound = [folderName, archiveName].toSorted();

// ---- many at once ----

test('many that find an archive and no folder all get the whole data set', async ({ cache }) => {
  await writeFile(join(cache, archiveName), archive);
  for (let round = 0; round < 6; round++) {
    await rm(join(cache, folderName), { recursive: true, force: true });
    const sets = await Promise.all(Array.from({ length: 6 }, () => cifar10.load(optionsFor(cache))));
    for (const set of sets) assertSound(set);
  }
  assert.equal(await inOrder(cache), sound);
});

test('those who load while others replace the copy get the whole data set', async ({ cache }) => {
  await unpackedCache(cache);
  await serving(ranged, async ({ url }) => {
    for (let round = 0; round < 4; round++) {
      const loads = Array.from({ length: 8 }, (_, at) => optionsFor(cache, url, { refresh: at % 2 === 0 }));
      for (const set of await Promise.all(loads.map((options) => cifar10.load(options)))) assertSound(set);
    }
  });
  assert.equal(await inOrder(cache), sound);
});

test('processes that fetch into one cache at once all get the whole data set', async ({ dir }) => {
  for (const [name, answer] of Object.entries({ ranged, whole })) {
    await serving(answer, async ({ url }) => {
      const cacheDir = join(dir, name);
      const told = await processes(Array.from({ length: 3 }, () => ({ ...optionsFor(cacheDir, url), loads: 2 })));
      assert.equal(told, Array(6).fill('7 2'));
      assert.equal(await inOrder(cacheDir), sound);
      const again = [true, false, true].map((refresh) => optionsFor(cacheDir, url, { refresh }));
      assert.equal(await processes(again.map((options) => ({ ...options, loads: 4 }))), Array(12).fill('7 2'));
      assert.equal(await inOrder(cacheDir), sound);
    });
  }
});

test('a download that ends later leaves a verified archive whole at every moment', async ({ cache }) => {
  const sums = new Set<string>();
  let first: Promise<unknown> = Promise.resolve();
  let second: Promise<unknown> = Promise.resolve();
  let url = '';
  const answer: Answer = async (response, request, n) => {
    if (n === 0) {
      // Only once the other one is under way as well.
      second = cifar10.load(optionsFor(cache, url, { refresh: true }));
      response.once('sent', () => whole(response, request, n));
      other.response = response;
      return;
    }
    other.response?.emit('sent');
    await first;
    response.writeHead(200, { 'Content-Length': archive.length });
    for (let at = 0; at < archive.length; at += 4000) {
      sums.add(md5Of(await readFile(join(cache, archiveName))));
      response.write(archive.subarray(at, at + 4000));
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    response.end();
  };
  const other: { response?: ServerResponse } = {};
  await serving(answer, async (served) => {
    ({ url } = served);
    first = cifar10.load(optionsFor(cache, url));
    await first;
    await second;
  });
  assert.equal([...sums], [md5Of(archive)]);
  assert.equal(await inOrder(cache), sound);
});

// ---- what is in the cache ----

test('a cached folder that lacks a batch or a record is refused', async ({ cache }) => {
  await unpackedCache(cache);
  const path = join(cache, folderName, 'data_batch_2.bin');
  await truncate(path, 2 * recordBytes);
  await refused(optionsFor(cache), DataError, folderName, '9219 bytes, got 6146 bytes', 'Delete', 'refresh: true');
  await rm(path);
  await refused(optionsFor(cache), DataError, 'expected data_batch_2.bin of 9219 bytes, found none', 'Delete');
  await refused(optionsFor(cache, nowhere, { train: 2 }), DataError, 'expected data_batch_2.bin');
  await rm(join(cache, folderName), { recursive: true });
  assertSound(await cifar10.load(optionsFor(cache)));
  for (const list of [
    '',
    '{}',
    '{"md5":"x","files":{"../../x":1}}',
    '{"md5":"x","files":{"test_batch.bin":"1"}}',
    '[1]',
  ]) {
    await writeFile(join(cache, folderName, 'unpacked.json'), list);
    await refused(optionsFor(cache), DataError, 'unpacked.json', 'it is damaged. Delete');
  }
  await rm(join(cache, folderName), { recursive: true });
  await writeFile(join(cache, folderName), 'in the way');
  await refused(optionsFor(cache), DataError, folderName, 'found none', 'Delete');
});

test('a folder that was put into the cache by hand holds all six batches, or is refused', async ({ cache }) => {
  const folder = join(cache, folderName);
  await mkdir(folder);
  const names = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`).concat('test_batch.bin');
  for (const name of names) {
    await refused(optionsFor(cache), DataError, `expected ${name} of 30730000 bytes, found none`);
    await writeFile(join(folder, name), '');
    // Holes: images of zeros.
    await truncate(join(folder, name), batchBytes);
  }
  const set = await cifar10.load(optionsFor(cache, nowhere, { train: 3, test: 2 }));
  assert.equal([set.train.labels.length, set.test.labels.length], [3, 2]);
});

test('a cache of another archive is not taken for the one that is asked for', async ({ cache }) => {
  await unpackedCache(cache);
  const other = gzipSync(makeTar({ ...batches, 'test_batch.bin': batches['data_batch_1.bin'] }));
  const send: Answer = (response) => response.end(other);
  await serving(send, async ({ url }) => {
    const options = optionsFor(cache, url, { md5: md5Of(other) });
    await refused(options, DataError, md5Of(other), `found that of one with ${md5Of(archive)}`, 'refresh: true');
    assert.is((await cifar10.load({ ...options, refresh: true })).test.labels.length, 4);
  });
});

test('an archive that is a folder, and times and sums that are none', async ({ cache }) => {
  await mkdir(join(cache, archiveName));
  await refused(optionsFor(cache), DataError, archiveName, 'it is a folder. Move it away');
  await refused(optionsFor(cache, nowhere, { refresh: true }), DataError, 'it is a folder. Move it away');
  await rm(join(cache, archiveName), { recursive: true });
  for (const md5 of ['', 'abc', `${md5Of(archive)}0`, 'g'.repeat(32)]) {
    await refused(optionsFor(cache, nowhere, { md5 }), ArgumentError, 'md5 must be 32 hexadecimal digits');
  }
  await writeFile(join(cache, archiveName), archive);
  assertSound(await cifar10.load(optionsFor(cache, nowhere, { md5: md5Of(archive).toUpperCase() })));
});

test('a cache where no folder can be made is refused and not waited for', async () => {
  if (process.platform === 'linux') await refused(optionsFor('/proc/x/y'), DataError, '/proc/x/y could not be written');
});

test('what killed processes left is removed once it is old', async ({ cache }) => {
  await unpackedCache(cache);
  const old = new Date(Date.now() - 7_200_000);
  const leave = async (name: string, time: Date | null): Promise<string> => {
    if (name.startsWith('unpacking-')) await mkdir(join(cache, name, 'new'), { recursive: true });
    else await writeFile(join(cache, name), 'x');
    if (time !== null) await utimes(join(cache, name), time, time);
    return name;
  };
  for (const name of ['unpacking-old', `${archiveName}.part`, `${archiveName}.0123456789ab.part`])
    await leave(name, old);
  const kept = [
    await leave('unpacking-new', null),
    await leave(`${archiveName}.ba9876543210.part`, null),
    await leave('other.part', old),
    await leave(`${archiveName}.mine.part`, old),
  ];
  assertSound(await cifar10.load(optionsFor(cache)));
  assert.equal(await inOrder(cache), [...sound, ...kept].toSorted());
});

// ---- leftovers of downloads ----

test('goes on where a killed download stood, and leaves its draft, which may be under way', async ({ cache }) => {
  const draft = `${archiveName}.0123456789ab.part`;
  await writeFile(join(cache, draft), archive.subarray(0, 9000));
  await writeFile(join(cache, `${archiveName}.part`), archive.subarray(0, 8000));
  await serving(ranged, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(cache, url)));
    assert.equal(ranges, ['bytes=9000-']);
  });
  assert.equal(await inOrder(cache), [...sound, draft].toSorted());
  assert.is((await stat(join(cache, draft))).size, 9000);
});

test('a leftover that is not of this archive costs one more download and no error', async ({ cache }) => {
  for (const left of [
    Buffer.alloc(5000, 'x'),
    Buffer.alloc(archive.length, 'x'),
    Buffer.alloc(archive.length + 9, 'x'),
  ]) {
    await writeFile(join(cache, `${archiveName}.part`), left);
    await serving(ranged, async ({ url, ranges }) => {
      assertSound(await cifar10.load(optionsFor(cache, url, { refresh: true })));
      assert.is(ranges[0], `bytes=${left.length}-`);
      assert.is(ranges.at(-1), undefined);
    });
    assert.equal(await inOrder(cache), sound);
  }
});

test('of downloads that fail at once, one leaves what came', async ({ cache }) => {
  const brief: Answer = (response, _, n) => {
    response.writeHead(200, { 'Content-Length': archive.length });
    response.write(archive.subarray(0, n === 0 ? 7000 : 3000));
  };
  await serving(brief, async ({ url }) => {
    const options = optionsFor(cache, url, { idleTimeout: 0.2 });
    await Promise.all([0, 1].map(() => refused(options, NetworkError, 'what came is kept')));
  });
  assert.equal(await inOrder(cache), [`${archiveName}.part`]);
  assert.ok([3000, 7000].includes((await stat(join(cache, `${archiveName}.part`))).size));
});

// ---- hostile servers ----

test('an endless reply ends where no archive could', async ({ cache }) => {
  const chunk = Buffer.alloc(2 ** 20);
  const endless: Answer = (response) => {
    const send = (): void => {
      while (!response.destroyed && response.write(chunk));
      if (!response.destroyed) response.once('drain', send);
    };
    send();
  };
  await serving(endless, async ({ url, ranges }) => {
    const [path, maxBytes] = [join(cache, archiveName), 5e6];
    const options = { url, path, maxBytes, md5: md5Of(archive), remedy: 'Pass dir.', idleTimeout: 5, retryDelay: 0.01 };
    const message = 'expected a file of at most 5000000 bytes, got more than 5000000 bytes; it was deleted. Pass dir.';
    await rejects(() => download(options), DataError, url, message);
    assert.is(ranges.length, 1);
  });
  assert.equal(await readdir(cache), []);
  const boastful: Answer = (response) => response.writeHead(200, { 'Content-Length': 2 ** 40 }).write('x');
  await serving(boastful, async ({ url }) => {
    const message = `expected a file of at most ${archiveBytes} bytes, got ${2 ** 40} bytes; it was deleted`;
    await refused(optionsFor(cache, url), DataError, message, 'Pass dir');
  });
  assert.equal(await readdir(cache), []);
});

test('a byte now and then is no connection', async ({ cache }) => {
  const drip: Answer = (response) => {
    response.writeHead(200, { 'Content-Length': archive.length });
    const timer = setInterval(() => response.write('x'), 40);
    response.on('close', () => clearInterval(timer));
  };
  await serving(drip, async ({ url, ranges }) => {
    const options = optionsFor(cache, url, { idleTimeout: 0.4 });
    await refused(options, NetworkError, 'yielded less than 1024 bytes a second for 0.4 s', 'what came is kept');
    assert.is(ranges.length, 1);
  });
});

test('a disk that is full is not kept full', async ({ dir }) => {
  await serving(whole, async ({ url }) => {
    const small = join(dir, 'small');
    await mkdir(small);
    const options = JSON.stringify(optionsFor(small, url));
    const script = 'mount -t tmpfs -o size=16k none "$1" && "$2" "$3" "$4" && ls "$1"';
    const args = ['-Urm', 'sh', '-c', script, 'sh', small, process.execPath, loader, options];
    const child = spawn('unshare', args, { stdio: ['ignore', 'pipe', 'ignore'] }).on('error', () => {});
    let told = '';
    child.stdout?.on('data', (text) => {
      told += text;
    });
    const [code] = await once(child, 'close');
    if (code !== 0) return; // Mounting is not allowed here.
    assert.match(told, /^DataError .*could not be written \(ENOSPC.*Make room.*\n$/);
  });
});

// ---- hostile archives ----

/** A tar archive whose contents are zeros, made as it is read. */
async function* zeros(entries: Iterable<readonly [string, number]>, after = 1024): AsyncGenerator<Uint8Array> {
  const block = new Uint8Array(2 ** 16);
  function* blocks(bytes: number): Generator<Uint8Array> {
    for (let left = bytes; left > 0; left -= block.length) yield block.subarray(0, left);
  }
  for (const [path, size] of entries) {
    yield tarHeader(path, size, '0');
    yield* blocks(Math.ceil(size / 512) * 512);
  }
  yield* blocks(after);
}

async function namesIn(chunks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const limits = { wanted: (path: string) => path.endsWith('.bin'), fileBytes: batchBytes, archiveBytes };
  const names: string[] = [];
  for await (const { path, bytes } of readTar(chunks, 'x.tar', 'Pass another.', limits))
    names.push(`${path} ${bytes.length}`);
  return names;
}

test('an archive is read within bounds', async () => {
  const before = process.memoryUsage().arrayBuffers;
  let most = 0;
  async function* watched(): AsyncGenerator<Uint8Array> {
    for await (const chunk of zeros([
      ['README', 200e6],
      ['a.bin', 3073],
    ])) {
      if (chunk.length === 512) most = Math.max(most, process.memoryUsage().arrayBuffers - before);
      yield chunk;
    }
  }
  assert.equal(await namesIn(watched()), ['a.bin 3073']);
  assert.ok(most < 50e6, `${most} bytes held of what is passed over`);
  const refuses = (chunks: AsyncIterable<Uint8Array>, ...parts: string[]) =>
    rejects(() => namesIn(chunks), DataError, 'x.tar', ...parts, 'Pass another.');
  await refuses(zeros([['a.bin', batchBytes + 1]]), 'its a.bin has 30730001 bytes, expected at most 30730000');
  await refuses(zeros([['a.bin', 2 ** 32]]), 'its a.bin has 4294967296 bytes');
  const bomb = `unpacked it holds more than ${archiveBytes} bytes`;
  await refuses(zeros([['README', 8 * 2 ** 30 - 1]]), bomb);
  await refuses(zeros(Array.from({ length: 20 }, (_, at) => [`${at}.bin`, batchBytes])), bomb);
  await refuses(zeros([['a.bin', 3073]], 2 ** 40), bomb);
  await refuses(zeros(Array.from({ length: 20_000 }, () => ['', 0])), 'more than 10000 entries');
});

test('a bomb given as dir is refused with what to do', async ({ dir }) => {
  const path = join(dir, 'bomb.tar.gz');
  const parts: Uint8Array[] = [];
  for await (const part of zeros([['data_batch_1.bin', 40e6]])) parts.push(Uint8Array.from(part));
  await writeFile(path, gzipSync(Buffer.concat(parts)));
  await refused({ dir: path }, DataError, path, 'its data_batch_1.bin has 40000000 bytes', 'Pass as dir');
});

test('what is no list of batches is refused by decode', async () => {
  // As from JavaScript, where nothing checks types.
  const given: readonly [unknown, string][] = [
    [null, 'batches is null'],
    [undefined, 'batches is undefined'],
    [new Uint8Array(recordBytes), 'batches is a Uint8Array'],
    [[null], 'batch 0 is null'],
    [[{ name: 'a', bytes: new Uint8Array(recordBytes) }, { name: 'b' }], 'batch 1 is an object { name }'],
    [[{ name: 'a', bytes: 'text' }], 'batch 0 is an object { name, bytes }'],
  ];
  for (const [batch, message] of given) {
    const decode = async (): Promise<unknown> => Reflect.apply(cifar10.decode, null, [batch]);
    await rejects(decode, ArgumentError, `cifar10.decode: ${message}`, 'Pass a list of { name, bytes: Uint8Array }.');
  }
});

test.run();
