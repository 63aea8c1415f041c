import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises';
import type { ServerResponse } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { gzipSync } from 'node:zlib';
import { suite } from 'uvu';
import * as assert from 'uvu/assert';
import { ArgumentError, DataError } from '../src/base/errors.ts';
import { cifar10 } from '../src/datasets/cifar10.ts';
import type { Cifar10Options } from '../src/datasets/cifar10Options.ts';
import { type DownloadProgress, NetworkError, type NetworkFailure } from '../src/datasets/download.ts';
import { imagesBetween } from '../src/datasets/imageDataset.ts';
import {
  type Answer,
  archive,
  archiveName,
  assertSound,
  batches,
  folderName,
  imageBytes,
  makeBatch,
  makeTar,
  md5Of,
  ranged,
  recordBytes,
  serving,
  whole,
} from './cifarServer.ts';

const test = suite<{ dir: string }>('cifar10');

test.before.each(async (context) => {
  context.dir = await mkdtemp(join(tmpdir(), 'wgrad-cifar10-'));
});
test.after.each(async ({ dir }) => {
  await rm(dir, { recursive: true, force: true });
});

async function writeBatches(folder: string, files: Record<string, Uint8Array> = batches): Promise<void> {
  await mkdir(folder, { recursive: true });
  for (const [name, bytes] of Object.entries(files)) await writeFile(join(folder, name), bytes);
}

/** The error that loading ends in; a plain DataError whose message matches every pattern. */
async function expectDataError(options: Cifar10Options, ...patterns: RegExp[]): Promise<void> {
  const error = await failureOf(options);
  assert.instance(error, DataError);
  assert.not.instance(error, NetworkError);
  for (const pattern of patterns) assert.match(error.message, pattern);
}

async function expectNetworkError(options: Cifar10Options, reason: NetworkFailure, pattern: RegExp): Promise<void> {
  const error = await failureOf(options);
  if (!(error instanceof NetworkError)) throw error;
  assert.is(error.reason, reason);
  assert.match(error.message, pattern);
  assert.match(error.message, /Pass dir: .* or place cifar-10-binary\.tar\.gz at .*\.$/);
}

async function failureOf(options: Cifar10Options): Promise<Error> {
  try {
    await cifar10.load(options);
  } catch (error) {
    if (error instanceof Error) return error;
    throw error;
  }
  throw new Error('load was expected to fail');
}

// ---- files and archives ----

test('reads a folder of batches, channel by channel and file by file', async ({ dir }) => {
  await writeBatches(dir);
  const set = await cifar10.load({ dir });
  assertSound(set);
  assert.is(set.name, 'CIFAR-10');
  assert.is(set.synthetic, false);
  assert.is(set.source, `read from ${dir}`);
  assert.is(set.classNames[3], 'cat');
  assert.is(set.classNames.length, 10);
});

test('decode needs no files', () => {
  const { images, labels, shape } = cifar10.decode([{ name: 'a', bytes: batches['test_batch.bin'] }]);
  assert.equal(shape, [2, 32, 32, 3]);
  assert.equal([...labels], [7, 8]);
  assert.is(images[5], batches['test_batch.bin'][1 + 2048 + 1], 'blue of the second pixel');
});

test('unpack needs no files either', async () => {
  const unpacked = await cifar10.unpack(new Blob([archive]));
  assert.equal(unpacked.map(({ name }) => name).sort(), Object.keys(batches).sort());
  const whole = new Map<string, Uint8Array>(Object.entries(batches));
  for (const { name, bytes } of unpacked)
    assert.ok(Buffer.from(bytes).equals(whole.get(name) ?? new Uint8Array()), name);
  assert.is(cifar10.decode(unpacked).labels.length, 4 + 3 + 2);

  const refused = async (
    content: unknown,
    Kind: typeof DataError | typeof ArgumentError,
    ...words: string[]
  ): Promise<void> => {
    const error = await cifar10.unpack(Object(content), 'cifar.tar.gz', 'Drop another one.').catch((one) => one);
    assert.instance(error, Kind);
    for (const word of words) assert.match(error.message, word);
  };
  await refused(new Blob(['no archive']), DataError, 'cifar.tar.gz: it cannot be unpacked as gzip. Drop another one.');
  await refused(new Blob([gzipSync('no archive')]), DataError, 'not a sound tar archive', 'Drop another one.');
  await refused(archive, ArgumentError, 'cifar10.unpack: archive is', 'Pass a File');
});

test('imagesBetween takes images where they lie', () => {
  const part = cifar10.decode([{ name: 'a', bytes: batches['data_batch_1.bin'] }]);
  const two = imagesBetween(part, 1, 3);
  assert.equal(two.shape, [2, 32, 32, 3]);
  assert.equal(two.labels, part.labels.subarray(1, 3));
  assert.is(two.images.buffer, part.images.buffer);
  assert.is(two.images.byteOffset, 3072);
  assert.equal(imagesBetween(part, 2, 2).shape, [0, 32, 32, 3]);
  for (const [begin, end] of [
    [-1, 2],
    [2, 1],
    [0, part.labels.length + 1],
    [0.5, 1],
    [0, Number.NaN],
  ]) {
    assert.throws(
      () => imagesBetween(part, begin, end),
      (error: unknown) => error instanceof ArgumentError,
    );
  }
});

test('finds the folder or the archive in dir, and takes the archive itself', async ({ dir }) => {
  await writeFile(join(dir, archiveName), archive);
  assertSound(await cifar10.load({ dir }));
  assertSound(await cifar10.load({ dir: join(dir, archiveName) }));
  assert.equal(await readdir(dir), [archiveName], 'nothing is written beside the archive');

  const other = { ...batches, 'test_batch.bin': makeBatch(1, 3) };
  await writeBatches(join(dir, folderName), other);
  assert.equal((await cifar10.load({ dir })).test.shape, [1, 32, 32, 3]);
});

test('train and test limit what is read', async ({ dir }) => {
  await writeBatches(dir);
  // A label that must not be read: the last record of the first batch.
  const spoilt = new Uint8Array(batches['data_batch_1.bin']);
  spoilt[3 * recordBytes] = 99;
  await writeFile(join(dir, 'data_batch_1.bin'), spoilt);
  const set = await cifar10.load({ dir, train: 3, test: 0 });
  assert.equal(set.train.shape, [3, 32, 32, 3]);
  assert.equal([...set.train.labels], [1, 2, 3]);
  assert.equal(set.test.shape, [0, 32, 32, 3]);

  await writeBatches(dir);
  const across = await cifar10.load({ dir, train: 6, test: 1 });
  assert.equal([...across.train.labels], [1, 2, 3, 4, 2, 3]);
  await expectDataError({ dir, train: 8 }, /train asks for 8 images/, /hold 7/, /Pass train: 7 or less/);
  await expectDataError({ dir, test: 3 }, /test asks for 3 images/, /file holds 2/);
});

test('counts and times out of range are refused', async ({ dir }) => {
  for (const options of [{ train: -1 }, { test: 1.5 }, { idleTimeout: 0 }, { retryDelay: Number.NaN }]) {
    const error = await failureOf({ dir, ...options });
    assert.instance(error, ArgumentError);
    assert.match(error.message, `cifar10.load: ${Object.keys(options)[0]} must be `);
  }
});

test('a missing, empty or foreign folder', async ({ dir }) => {
  await expectDataError({ dir: join(dir, 'nowhere') }, /nowhere: there is no such folder/, /Pass as dir a folder/);
  await expectDataError({ dir }, /expected CIFAR-10's binary batches/, /found none of these/, /Pass as dir a folder/);
  await writeFile(join(dir, 'data_batch_1'), 'pickle');
  await expectDataError({ dir }, /the Python version/);
});

test('missing batches', async ({ dir }) => {
  await writeBatches(dir, { 'data_batch_1.bin': batches['data_batch_1.bin'] });
  await expectDataError({ dir }, /expected test_batch\.bin, found none/, /Pass as dir/);
  await rm(join(dir, 'data_batch_1.bin'));
  await writeBatches(dir, { 'test_batch.bin': batches['test_batch.bin'] });
  await expectDataError({ dir }, /expected data_batch_1\.bin, .* found none of them/);
});

test('a truncated or empty batch', async ({ dir }) => {
  await writeBatches(dir);
  const path = join(dir, 'data_batch_2.bin');
  await truncate(path, 2 * recordBytes + 17);
  await expectDataError({ dir }, /data_batch_2\.bin: expected a whole number of 3073-byte records/, /got 6163 bytes/);
  await truncate(path, 0);
  await expectDataError({ dir }, /data_batch_2\.bin: .*got 0 bytes/, /Pass as dir/);
});

test('a label above 9', async ({ dir }) => {
  await writeBatches(dir);
  const spoilt = new Uint8Array(batches['data_batch_2.bin']);
  spoilt[recordBytes] = 10;
  await writeFile(join(dir, 'data_batch_2.bin'), spoilt);
  await expectDataError({ dir }, /data_batch_2\.bin: expected labels from 0 to 9, got 10 at record 1/, /Pass as dir/);
});

test('a corrupt archive', async ({ dir }) => {
  const path = join(dir, archiveName);
  const expectCorrupt = async (bytes: Uint8Array, ...patterns: RegExp[]) => {
    await writeFile(path, bytes);
    await expectDataError({ dir }, /cifar-10-binary\.tar\.gz/, /Pass as dir/, ...patterns);
  };
  await expectCorrupt(Buffer.from('<html>not found</html>'), /not a sound gzip file/, /incorrect header check/);
  await expectCorrupt(archive.subarray(0, archive.length / 2), /not a sound gzip file/, /unexpected end/);
  await expectCorrupt(Buffer.alloc(0), /not a sound (gzip file|tar archive)/);
  const crc = Buffer.from(archive);
  crc[crc.length - 6] ^= 1;
  await expectCorrupt(crc, /not a sound gzip file/, /incorrect data check/);

  const tar = makeTar();
  const header = Buffer.from(tar);
  header[512] ^= 1;
  await expectCorrupt(gzipSync(header), /not a sound tar archive: the header at byte 512 fails its checksum/);
  await expectCorrupt(
    gzipSync(tar.subarray(0, 3000)),
    /expected 12292 bytes of .*data_batch_1\.bin, .* ends after 1976/,
  );
  await expectCorrupt(gzipSync(tar.subarray(0, 512)), /ends at byte 512, before the empty block/);
  await expectCorrupt(gzipSync(Buffer.alloc(1024)), /found none of them/);
  await writeFile(path, gzipSync(makeTar({ ...batches, 'test_batch.bin': makeBatch(2, 1).subarray(0, 100) })));
  await expectDataError({ dir }, /test_batch\.bin in .*tar\.gz: expected a whole number/);
});

// ---- downloads ----

/** Promises the rest of the archive from byte `start`, sends up to byte `end` and hangs up. */
function breakOff(response: ServerResponse, start: number, end: number): void {
  const headers = {
    'Content-Length': archive.length - start,
    'Content-Range': `bytes ${start}-${archive.length - 1}/${archive.length}`,
  };
  response.writeHead(start > 0 ? 206 : 200, headers);
  response.write(archive.subarray(start, end), () => setTimeout(() => response.destroy(), 20));
}

function optionsFor(dir: string, url: string, more: Cifar10Options = {}): Cifar10Options {
  return { cacheDir: join(dir, 'cache'), url, md5: md5Of(archive), retryDelay: 0.005, idleTimeout: 5, ...more };
}

test('downloads, reports progress, and uses the cache ever after', async ({ dir }) => {
  await serving(whole, async ({ url, ranges }) => {
    const seen: DownloadProgress[] = [];
    const options = optionsFor(dir, url, { onProgress: (progress) => seen.push(progress) });
    const set = await cifar10.load(options);
    assertSound(set);
    assert.is(set.source, `downloaded from ${url}`);
    assert.equal(ranges, [undefined]);
    assert.equal((await readdir(join(dir, 'cache'))).toSorted(), [folderName, archiveName].toSorted());
    assert.ok(seen.every(({ total }) => total === archive.length));
    assert.ok(seen.every(({ received }, i) => i === 0 || received > seen[i - 1].received));
    assert.is(seen[0].received, 0);
    assert.is(seen.at(-1)?.received, archive.length);
    assert.ok((seen.at(-1)?.bytesPerSecond ?? 0) > 0);

    const again = await cifar10.load(options);
    assertSound(again);
    assert.match(again.source, /^from wgrad's cache, /);
    assert.is(ranges.length, 1, 'the second load asks nobody');
  });
});

test('unpacks an archive that was placed in the cache by hand', async ({ dir }) => {
  const options = optionsFor(dir, 'http://127.0.0.1:1/');
  await mkdir(join(dir, 'cache'));
  await writeFile(join(dir, 'cache', archiveName), archive);
  assertSound(await cifar10.load(options));
});

test('an archive in the cache with another checksum is refused and left alone', async ({ dir }) => {
  const path = join(dir, 'cache', archiveName);
  await mkdir(join(dir, 'cache'));
  await writeFile(path, 'garbage');
  await serving(whole, async ({ url, ranges }) => {
    const options = optionsFor(dir, url);
    await expectDataError(options, /cifar-10-binary\.tar\.gz: expected MD5 .*, got /, /refresh: true/);
    assert.is(await readFile(path, 'utf8'), 'garbage');
    assert.is(ranges.length, 0);
    assertSound(await cifar10.load({ ...options, refresh: true }));
  });
});

test('resumes a transfer as often as it breaks off, as long as every try brings something', async ({ dir }) => {
  const ends = [7000, 9000, 11_000, 13_000, 15_000, 17_000];
  const answer: Answer = (response, request, n) => {
    if (n < ends.length) breakOff(response, n === 0 ? 0 : ends[n - 1], ends[n]);
    else ranged(response, request, n);
  };
  await serving(answer, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(dir, url)));
    assert.equal(ranges, [undefined, ...ends.map((end) => `bytes=${end}-`)]);
  });
});

test('resumes what an earlier run left behind, and does not count it as this run’s speed', async ({ dir }) => {
  const start = 20_000;
  await mkdir(join(dir, 'cache'));
  await writeFile(join(dir, 'cache', `${archiveName}.part`), archive.subarray(0, start));
  const slowly: Answer = (response) => {
    const headers = {
      'Content-Length': archive.length - start,
      'Content-Range': `bytes ${start}-${archive.length - 1}/${archive.length}`,
    };
    response.writeHead(206, headers).write(archive.subarray(start, start + 1000));
    setTimeout(() => response.end(archive.subarray(start + 1000)), 100);
  };
  const seen: (DownloadProgress & { time: number })[] = [];
  const onProgress = (progress: DownloadProgress) => seen.push({ ...progress, time: performance.now() });
  await serving(slowly, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(dir, url, { onProgress })));
    assert.equal(ranges, [`bytes=${start}-`]);
  });
  const [first, last] = [seen[0], seen[seen.length - 1]];
  assert.is(first.received, start);
  assert.is(first.total, archive.length);
  assert.is(last.received, archive.length);
  const counted = (last.bytesPerSecond * (last.time - first.time)) / 1000;
  assert.ok(counted < 1.3 * (archive.length - start), `${counted} of ${archive.length - start} bytes counted`);
});

test('begins again where the server knows no ranges', async ({ dir }) => {
  const answer: Answer = (response, request, n) =>
    n === 0 ? breakOff(response, 0, 9000) : whole(response, request, n);
  await serving(answer, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(dir, url)));
    assert.equal(ranges, [undefined, 'bytes=9000-']);
  });
});

test('begins again where the range is refused or is not the one asked for', async ({ dir }) => {
  const part = join(dir, 'cache', `${archiveName}.part`);
  await mkdir(join(dir, 'cache'));
  await writeFile(part, Buffer.concat([archive, Buffer.from('surplus')]));
  await serving(ranged, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(dir, url)));
    assert.equal(ranges, [`bytes=${archive.length + 7}-`, undefined]);
  });
  await writeFile(part, Buffer.concat([archive, Buffer.from('surplus')]));
  await serving(whole, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(dir, url, { refresh: true })));
    assert.equal(ranges, [`bytes=${archive.length + 7}-`]);
  });
  await writeFile(part, archive.subarray(0, 5000));
  const shifted: Answer = (response, request, n) => {
    if (n > 0) return whole(response, request, n);
    response.writeHead(206, { 'Content-Range': `bytes 4000-4009/${archive.length}` }).end('0123456789');
  };
  await serving(shifted, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(dir, url, { refresh: true })));
    assert.equal(ranges, ['bytes=5000-', undefined]);
  });
});

test('gives up on a transfer that always breaks off, and keeps what came', async ({ dir }) => {
  const answer: Answer = (response, request) => {
    const start = Number(/\d+/.exec(request.headers.range ?? '0'));
    breakOff(response, start, start === 0 ? 6000 : start);
  };
  await serving(answer, async ({ url, ranges }) => {
    await expectNetworkError(optionsFor(dir, url), 'broken', /broke off after 6000 bytes.*what came is kept/);
    assert.equal(ranges, [undefined, 'bytes=6000-', 'bytes=6000-', 'bytes=6000-']);
    assert.is((await stat(join(dir, 'cache', `${archiveName}.part`))).size, 6000);
  });
  const noRanges: Answer = (response) => breakOff(response, 0, 6000);
  await serving(noRanges, async ({ url, ranges }) => {
    await expectNetworkError(optionsFor(dir, url), 'broken', /broke off after 6000 bytes/);
    assert.is(ranges.length, 4, 'the same bytes over and over are no progress');
  });
});

test('a refusal is final, an overloaded server is asked again', async ({ dir }) => {
  for (const status of [404, 403]) {
    await serving(
      (response) => response.writeHead(status).end('no such page'),
      async ({ url, ranges }) => {
        await expectNetworkError(optionsFor(dir, url), 'status', new RegExp(`the server answered ${status}`));
        assert.is(ranges.length, 1);
      },
    );
  }
  await serving(
    (response) => response.writeHead(500).end('oops'),
    async ({ url, ranges }) => {
      await expectNetworkError(optionsFor(dir, url), 'status', /the server answered 500/);
      assert.is(ranges.length, 4);
    },
  );
  const busyOnce: Answer = (response, request, n) => {
    if (n === 0) response.writeHead(503).end('busy');
    else whole(response, request, n);
  };
  await serving(busyOnce, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(dir, url)));
    assert.is(ranges.length, 2);
  });
});

test('garbage of the right length fails the checksum, is deleted, and leaves the cached copy alone', async ({
  dir,
}) => {
  const cache = join(dir, 'cache');
  await serving(whole, async ({ url }) => {
    await cifar10.load(optionsFor(dir, url));
  });
  const garbage = Buffer.alloc(archive.length, 'x');
  await serving(
    (response) => response.writeHead(200, { 'Content-Length': garbage.length }).end(garbage),
    async ({ url, ranges }) => {
      const options = optionsFor(dir, url, { refresh: true });
      await expectDataError(options, /expected a file with MD5 /, new RegExp(md5Of(garbage)), /Pass dir: /);
      assert.is(ranges.length, 1);
    },
  );
  assert.equal((await readdir(cache)).toSorted(), [folderName, archiveName].toSorted(), 'no .part is left');
  assert.is(md5Of(await readFile(join(cache, archiveName))), md5Of(archive));
  assertSound(await cifar10.load(optionsFor(dir, 'http://127.0.0.1:1/')));
});

test('a sound archive without batches leaves the unpacked copy alone', async ({ dir }) => {
  const empty = gzipSync(makeTar({ 'data_batch_1.bin': batches['data_batch_1.bin'] }));
  await serving(whole, async ({ url }) => {
    await cifar10.load(optionsFor(dir, url));
  });
  await serving(
    (response) => response.end(empty),
    async ({ url }) => {
      const options = optionsFor(dir, url, { refresh: true, md5: md5Of(empty) });
      await expectDataError(options, /expected data_batch_1\.bin … and test_batch\.bin, found data_batch_1\.bin/);
    },
  );
  assert.ok((await readdir(join(dir, 'cache'))).every((name) => !name.startsWith('unpacking-')));
  assertSound(await cifar10.load(optionsFor(dir, 'http://127.0.0.1:1/')));
});

test('a file cut short under a right or a missing length', async ({ dir }) => {
  // No length at all: only the checksum can tell.
  await serving(
    (response) => response.end(archive.subarray(0, 9000)),
    async ({ url }) => {
      const options = optionsFor(dir, url);
      await expectDataError(options, /expected a file with MD5 /);
      assert.equal(await readdir(join(dir, 'cache')), []);
    },
  );
  // The length of what is sent, not of the file.
  await serving(
    (response) => response.writeHead(200, { 'Content-Length': 9000 }).end(archive.subarray(0, 9000)),
    async ({ url }) => {
      await expectDataError(optionsFor(dir, url), /expected a file with MD5 /);
    },
  );
});

test('a connection that falls silent is an error', async ({ dir }) => {
  await serving(
    (response) => {
      response.writeHead(200, { 'Content-Length': archive.length });
      response.write(archive.subarray(0, 3000));
    },
    async ({ url, ranges }) => {
      await expectNetworkError(optionsFor(dir, url, { idleTimeout: 0.15 }), 'stalled', /yielded nothing for 0\.15 s/);
      assert.is(ranges.length, 1);
      assert.is((await stat(join(dir, 'cache', `${archiveName}.part`))).size, 3000);
    },
  );
  await serving(
    () => {},
    async ({ url }) => {
      await expectNetworkError(optionsFor(dir, url, { idleTimeout: 0.15 }), 'stalled', /yielded nothing/);
    },
  );
});

test('a slow connection that never falls silent is none', async ({ dir }) => {
  const drip: Answer = (response) => {
    response.writeHead(200, { 'Content-Length': archive.length });
    const step = Math.ceil(archive.length / 8);
    const send = (from: number) => {
      response.write(archive.subarray(from, from + step));
      if (from + step < archive.length) setTimeout(send, 60, from + step);
      else response.end();
    };
    send(0);
  };
  await serving(drip, async ({ url }) => {
    assertSound(await cifar10.load(optionsFor(dir, url, { idleTimeout: 0.3 })));
  });
});

test('no network is told apart from a corrupt file', async ({ dir }) => {
  let closed = '';
  await serving(whole, async ({ url }) => {
    closed = url;
  });
  await expectNetworkError(optionsFor(dir, closed), 'unreachable', /could not be reached \(.*ECONNREFUSED.*\)/);
  const nowhere = 'http://wgrad.invalid/cifar.tar.gz';
  await expectNetworkError(
    optionsFor(dir, nowhere),
    'unreachable',
    /wgrad\.invalid\/cifar\.tar\.gz could not be reached/,
  );
  assert.instance(await failureOf(optionsFor(dir, 'ftp://127.0.0.1/x')), ArgumentError);
  assert.instance(await failureOf(optionsFor(dir, 'nonsense')), ArgumentError);
});

test('a connection dropped before any answer is tried again', async ({ dir }) => {
  const answer: Answer = (response, request, n) => {
    if (n === 0) request.socket.destroy();
    else whole(response, request, n);
  };
  await serving(answer, async ({ url, ranges }) => {
    assertSound(await cifar10.load(optionsFor(dir, url)));
    assert.is(ranges.length, 2);
  });
});

test('a signal stops the download and keeps what came', async ({ dir }) => {
  const stop = new AbortController();
  const reason = new Error('enough');
  await serving(
    (response) => {
      response.writeHead(200, { 'Content-Length': archive.length });
      response.write(archive.subarray(0, 3000));
    },
    async ({ url, ranges }) => {
      const onProgress = ({ received }: DownloadProgress) => {
        if (received > 0) stop.abort(reason);
      };
      const options = optionsFor(dir, url, { signal: stop.signal, onProgress });
      assert.is(await failureOf(options), reason);
      assert.is((await stat(join(dir, 'cache', `${archiveName}.part`))).size, 3000);
      assert.is(await failureOf(options), reason);
      assert.is(ranges.length, 1, 'an aborted signal asks nobody');
    },
  );
});

test('a cache that cannot be written is named', async ({ dir }) => {
  await writeFile(join(dir, 'cache'), 'a file in the way');
  await serving(whole, async ({ url, ranges }) => {
    await expectDataError(optionsFor(dir, url), /cache could not be written/, /pass another cacheDir/);
    assert.is(ranges.length, 0);
  });
});

test('the cache is where XDG says', async ({ dir }) => {
  const before = process.env.XDG_CACHE_HOME;
  process.env.XDG_CACHE_HOME = dir;
  try {
    await serving(whole, async ({ url }) => {
      const { cacheDir: _, ...options } = optionsFor(dir, url);
      assertSound(await cifar10.load(options));
    });
    assert.equal((await readdir(join(dir, 'wgrad'))).toSorted(), [folderName, archiveName].toSorted());
  } finally {
    if (before === undefined) delete process.env.XDG_CACHE_HOME;
    else process.env.XDG_CACHE_HOME = before;
  }
});

test('a cached batch that was spoilt says how to mend it', async ({ dir }) => {
  await serving(whole, async ({ url }) => {
    await cifar10.load(optionsFor(dir, url));
  });
  await truncate(join(dir, 'cache', folderName, 'test_batch.bin'), 5000);
  await expectDataError(optionsFor(dir, 'http://127.0.0.1:1/'), /got 5000 bytes/, /Delete .* or pass refresh: true/);
});

// ---- the real thing ----

const realFolder = fileURLToPath(new URL('../../shared/data/cifar-10-batches-bin', import.meta.url));
const real = existsSync(realFolder) ? test : test.skip;
if (real === test.skip) console.log(`  skipped: the real CIFAR-10, since ${realFolder} is not there`);

real('the real batches', async () => {
  const { train, test: held } = await cifar10.load({ dir: realFolder, train: 10_050 });
  assert.equal(train.shape, [10_050, 32, 32, 3]);
  for (let label = 0; label < 10; label++) assert.is(held.labels.filter((other) => other === label).length, 1000);
  // A photograph's neighbours resemble each other: a wrong order of bytes raises either figure at once.
  for (const [neighbour, step] of Object.entries({ right: 3, below: 96 })) {
    let difference = 0;
    for (let at = 0; at < 200 * imageBytes; at++) {
      if (at % imageBytes < imageBytes - step) difference += Math.abs(train.images[at] - train.images[at + step]);
    }
    difference /= 200 * imageBytes;
    assert.ok(difference > 2 && difference < 25, `mean difference to the pixel ${neighbour}: ${difference}`);
  }
});

test.run();
