/** Reads CIFAR-10 from files, and brings it from the network into the cache. */

import { createReadStream } from 'node:fs';
import { mkdir, mkdtemp, open, rename, rm, stat, writeFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { createGunzip } from 'node:zlib';
import type { Cifar10Options } from '../datasets/cifar10.ts';
import { cifarClassNames, countRecords, decodeCifar, recordBytes } from '../datasets/cifarFormat.ts';
import type { ImageDataset, LabelledImages } from '../datasets/imageDataset.ts';
import { ArgumentError, DataError } from '../errors.ts';
import { download, md5OfFile, onDisk } from './download.ts';
import { readTar } from './tar.ts';

const archiveName = 'cifar-10-binary.tar.gz';
const folderName = 'cifar-10-batches-bin';
const trainNames = [1, 2, 3, 4, 5].map((n) => `data_batch_${n}.bin`);
const testName = 'test_batch.bin';
const officialUrl = `https://www.cs.toronto.edu/~kriz/${archiveName}`;
const officialMd5 = 'c32a1d4ab5d03f1284b67883e8d87530';

/** A batch file on disk or in memory. */
interface BatchFile {
  readonly name: string;
  readonly size: number;
  /** Its first `bytes` bytes. */
  read(bytes: number): Promise<Uint8Array>;
}

/** Batch files by their bare names, and what to tell the user where they are no good. */
interface BatchSource {
  readonly files: ReadonlyMap<string, BatchFile>;
  /** Folder or archive that they are in. */
  readonly place: string;
  readonly source: string;
  readonly remedy: string;
}

/** See `cifar10.load`. */
export async function loadCifar10(options: Cifar10Options = {}): Promise<ImageDataset> {
  checkOptions(options);
  const source = options.dir === undefined ? await cachedSource(options) : await givenSource(options.dir);
  return {
    name: 'CIFAR-10',
    source: source.source,
    synthetic: false,
    classNames: cifarClassNames,
    train: await readPart('train', trainNames, options.train, source),
    test: await readPart('test', [testName], options.test, source),
  };
}

function checkOptions({ train, test, idleTimeout, retryDelay }: Cifar10Options): void {
  for (const [name, count] of Object.entries({ train, test })) {
    if (count === undefined || (Number.isInteger(count) && count >= 0)) continue;
    throw new ArgumentError(
      `cifar10.load: ${name} is ${count}; pass a whole number of images, or leave it out for all.`,
    );
  }
  for (const [name, seconds] of Object.entries({ idleTimeout, retryDelay })) {
    if (seconds === undefined || (seconds > 0 && seconds <= 86_400)) continue;
    throw new ArgumentError(`cifar10.load: ${name} is ${seconds}; pass a number of seconds above 0.`);
  }
}

/** The first `wanted` images of the named files, or all of them. */
async function readPart(
  part: 'train' | 'test',
  names: readonly string[],
  wanted: number | undefined,
  { files, place, remedy }: BatchSource,
): Promise<LabelledImages> {
  const batches: { name: string; bytes: Uint8Array }[] = [];
  const present = names.flatMap((name) => files.get(name) ?? []);
  if (present.length === 0) {
    throw new DataError(`${place}: expected ${names.join(', ')}, found none of them. ${remedy}`);
  }
  const available = present.reduce((sum, { name, size }) => sum + countRecords(name, size, remedy), 0);
  if (wanted !== undefined && wanted > available) {
    throw new DataError(
      `${place}: ${part} asks for ${wanted} images, ${present.length} file(s) hold ${available}. ` +
        `Pass ${part}: ${available} or less, or add the missing batches.`,
    );
  }
  let missing = wanted ?? available;
  for (const { name, size, read } of present) {
    if (missing === 0) break;
    const count = Math.min(missing, size / recordBytes);
    const bytes = await read(count * recordBytes);
    if (bytes.length !== count * recordBytes) {
      throw new DataError(`${name}: expected ${count * recordBytes} bytes, got ${bytes.length}. ${remedy}`);
    }
    batches.push({ name, bytes });
    missing -= count;
  }
  return decodeCifar(batches, remedy);
}

/** The batches that `dir` points to. */
async function givenSource(dir: string): Promise<BatchSource> {
  const remedy =
    `Pass as dir a folder with data_batch_1.bin … data_batch_5.bin and ${testName}, or one with ${archiveName}, ` +
    `which is at ${officialUrl}.`;
  const kind = await kindOf(dir);
  if (kind === null) throw new DataError(`${dir}: there is no such folder or file. ${remedy}`);
  if (kind === 'file') return archiveSource(dir, remedy);

  for (const folder of [dir, join(dir, folderName)]) {
    const files = await folderFiles(folder);
    if (files.size > 0) return { files, place: folder, source: `read from ${folder}`, remedy };
  }
  const archive = join(dir, archiveName);
  if ((await kindOf(archive)) === 'file') return archiveSource(archive, remedy);
  const python = (await kindOf(join(dir, 'data_batch_1'))) !== null;
  const found = python ? 'the Python version (data_batch_1 without .bin), which wgrad does not read' : 'none of these';
  throw new DataError(
    `${dir}: expected CIFAR-10's binary batches, ${folderName} or ${archiveName}, found ${found}. ${remedy}`,
  );
}

async function archiveSource(archive: string, remedy: string): Promise<BatchSource> {
  const files = new Map<string, BatchFile>();
  for await (const { name, bytes } of batchesInArchive(archive, remedy)) {
    const read = async (count: number): Promise<Uint8Array> => bytes.subarray(0, count);
    files.set(name, { name: `${name} in ${archive}`, size: bytes.length, read });
  }
  return { files, place: archive, source: `read from ${archive}`, remedy };
}

/** The batches in the cache, put there first where they are missing. */
async function cachedSource(options: Cifar10Options): Promise<BatchSource> {
  const { url = officialUrl, md5 = officialMd5, refresh = false, onProgress, signal } = options;
  const { idleTimeout = 30, retryDelay = 1 } = options;
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const folder = join(cacheDir, folderName);
  const archive = join(cacheDir, archiveName);

  let source = `from wgrad's cache, ${folder}`;
  if (refresh || (await kindOf(folder)) === null) {
    await onDisk(cacheDir, () => mkdir(cacheDir, { recursive: true }));
    if (refresh || (await kindOf(archive)) === null) {
      const remedy = `Pass dir: a folder with the binary batches, or place ${archiveName} at ${archive}.`;
      await download({ url, md5, path: archive, remedy, idleTimeout, retryDelay, onProgress, signal });
      source = `downloaded from ${url}`;
    } else {
      const sum = await md5OfFile(archive);
      if (sum !== md5) {
        throw new DataError(
          `${archive}: expected MD5 ${md5}, got ${sum}. Delete the file or pass refresh: true to fetch it again.`,
        );
      }
    }
    await unpack(archive, cacheDir, folder);
  }
  const remedy = `Delete ${folder} to have it unpacked again, or pass refresh: true to fetch it again.`;
  return { files: await folderFiles(folder), place: folder, source, remedy };
}

/** Unpacks the archive's batches into `folder`, which appears only when it is whole. */
async function unpack(archive: string, cacheDir: string, folder: string): Promise<void> {
  const temporary = await onDisk(cacheDir, () => mkdtemp(join(cacheDir, 'unpacking-')));
  const [fresh, old] = [join(temporary, 'new'), join(temporary, 'old')];
  try {
    await onDisk(fresh, () => mkdir(fresh));
    const unpacked = new Set<string>();
    const remedy = 'Pass the address and md5 of an archive of CIFAR-10, binary version.';
    for await (const { name, bytes } of batchesInArchive(archive, remedy)) {
      await onDisk(join(fresh, name), () => writeFile(join(fresh, name), bytes));
      unpacked.add(name);
    }
    if (!unpacked.has(testName) || unpacked.size < 2) {
      const found = [...unpacked].join(', ') || 'no batch';
      throw new DataError(`${archive}: expected ${trainNames[0]} … and ${testName}, found ${found}. ${remedy}`);
    }
    await rename(folder, old).catch(() => {}); // There is none unless the copy is being refreshed.
    await onDisk(folder, () => rename(fresh, folder));
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** The batch files of a `.tar.gz`, by their bare names. */
async function* batchesInArchive(archive: string, remedy: string): AsyncGenerator<{ name: string; bytes: Uint8Array }> {
  const unzip = createGunzip();
  // A failing read surfaces in the loop below, since `pipeline` destroys `unzip` with its error.
  const fed = pipeline(createReadStream(archive), unzip).catch(() => {});
  try {
    for await (const { path, bytes } of readTar(unzip, archive, remedy)) {
      const name = path.slice(path.lastIndexOf('/') + 1);
      if (name === testName || trainNames.includes(name)) yield { name, bytes };
    }
  } catch (error) {
    if (error instanceof DataError) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new DataError(`${archive}: not a sound gzip file (${reason}). ${remedy}`, { cause: error });
  } finally {
    unzip.destroy();
    await fed;
  }
}

/** The batch files in a folder; none where there is no such folder. */
async function folderFiles(folder: string): Promise<Map<string, BatchFile>> {
  const files = new Map<string, BatchFile>();
  for (const name of [...trainNames, testName]) {
    const path = join(folder, name);
    if ((await kindOf(path)) !== 'file') continue;
    const read = async (bytes: number): Promise<Uint8Array> => {
      const file = await open(path);
      try {
        const whole = new Uint8Array(bytes);
        const { bytesRead } = await file.read(whole, 0, bytes, 0);
        return whole.subarray(0, bytesRead);
      } finally {
        await file.close();
      }
    };
    files.set(name, { name: path, size: (await stat(path)).size, read });
  }
  return files;
}

async function kindOf(path: string): Promise<'file' | 'folder' | null> {
  const found = await stat(path).catch(() => null);
  if (found === null) return null;
  return found.isDirectory() ? 'folder' : 'file';
}

function defaultCacheDir(): string {
  // The XDG specification says to ignore a relative path.
  const base = process.env.XDG_CACHE_HOME;
  return join(base?.startsWith('/') ? base : join(homedir(), '.cache'), 'wgrad');
}
