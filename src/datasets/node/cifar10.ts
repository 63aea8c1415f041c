/** Reads CIFAR-10 from files, and brings it from the network into the cache. */

import { join } from 'node:path';
import { checkNumber, checkWhole, refuse } from '../../base/checks.ts';
import { counted } from '../../base/describe.ts';
import { DataError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { makeFolder } from '../../platform/node/makeFolder.ts';
import { inHome, xdgCache } from '../../platform/node/userFolders.ts';
import type { Cifar10Options } from '../cifar10Options.ts';
import { archiveBytes, cifarClassNames, countRecords, decodeCifar, recordBytes } from '../cifarFormat.ts';
import type { ImageDataset, LabelledImages } from '../imageDataset.ts';
import { openCached, removeLeftOvers, unpack } from './cifarCache.ts';
import {
  archiveName,
  type Batches,
  folderName,
  kindOf,
  openArchive,
  openFolder,
  testName,
  trainNames,
} from './cifarFiles.ts';
import { download, onDisk } from './download.ts';

const officialUrl = `https://www.cs.toronto.edu/~kriz/${archiveName}`;
const officialMd5 = 'c32a1d4ab5d03f1284b67883e8d87530';
/** Before a cache in which nothing stays is given up. */
const tries = 5;

/** Batch files, and what to tell the user where they are no good. */
interface BatchSource extends Batches {
  /** Folder or archive that they are in. */
  readonly place: string;
  readonly source: string;
  readonly remedy: string;
}

/** See `cifar10.load`. */
export async function loadCifar10(options: Cifar10Options = {}): Promise<ImageDataset> {
  checkAll(options);
  const source = options.dir === undefined ? await cachedSource(options) : await givenSource(options.dir);
  try {
    return {
      name: 'CIFAR-10',
      source: source.source,
      synthetic: false,
      classNames: cifarClassNames,
      train: await readPart('train', trainNames, options.train, source),
      test: await readPart('test', [testName], options.test, source),
    };
  } finally {
    await source.close();
  }
}

function checkAll(options: Cifar10Options): void {
  const who = 'cifar10.load';
  checkOptions(who, options, {
    dir: true,
    cacheDir: true,
    url: true,
    md5: true,
    refresh: true,
    onProgress: true,
    train: true,
    test: true,
    idleTimeout: true,
    retryDelay: true,
    signal: true,
  });
  const { train = 0, test = 0, idleTimeout = 30, retryDelay = 1, md5 = officialMd5 } = options;
  checkWhole(who, 'train', train);
  checkWhole(who, 'test', test);
  for (const [name, seconds] of Object.entries({ idleTimeout, retryDelay })) {
    checkNumber(who, name, seconds, 'a number of seconds above 0, a day at most', (n) => n > 0 && n <= 86_400);
  }
  if (!/^[0-9a-f]{32}$/i.test(md5))
    refuse(who, 'md5', '32 hexadecimal digits', md5, 'Leave it out for the official file.');
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
      `${place}: ${part} asks for ${counted(wanted, 'image')}, ${counted(present.length, 'file holds', 'files hold')} ${available}. ` +
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
    const batches = await openFolder(folder);
    if (batches.files.size > 0) return { ...batches, place: folder, source: `read from ${folder}`, remedy };
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
  return { ...(await openArchive(archive, remedy)), place: archive, source: `read from ${archive}`, remedy };
}

/** The batches in the cache, put there first where they are missing. */
async function cachedSource(options: Cifar10Options): Promise<BatchSource> {
  const cacheDir = options.cacheDir ?? defaultCacheDir();
  const md5 = (options.md5 ?? officialMd5).toLowerCase();
  const folder = join(cacheDir, folderName);
  const remedy = `Delete ${folder} to have it unpacked again, or pass refresh: true to fetch it again.`;
  let source = `from wgrad's cache, ${folder}`;
  let refresh = options.refresh ?? false;
  // Somebody who replaces the folder at the same time may have it in hand just then.
  for (let attempt = 0; attempt < tries; attempt++) {
    const batches = refresh ? null : await openCached(cacheDir, md5, remedy);
    if (batches !== null) {
      await removeLeftOvers(cacheDir);
      return { ...batches, place: folder, source, remedy };
    }
    await onDisk(cacheDir, () => makeFolder(cacheDir));
    if (await fetchArchive(options, cacheDir, md5, refresh)) source = `downloaded from ${urlOf(options)}`;
    await unpack(cacheDir, md5, refresh);
    refresh = false;
  }
  throw new DataError(`${folder}: it is gone whenever it was unpacked. Try again once nobody deletes it any more.`);
}

const urlOf = ({ url = officialUrl }: Cifar10Options): string => url;

/** Puts the archive into the cache where it is missing. Returns whether it was fetched. */
async function fetchArchive(options: Cifar10Options, cacheDir: string, md5: string, again: boolean): Promise<boolean> {
  const { onProgress, signal, idleTimeout = 30, retryDelay = 1 } = options;
  const path = join(cacheDir, archiveName);
  const kind = await kindOf(path);
  if (kind === 'folder') {
    throw new DataError(`${path}: expected an archive, it is a folder. Move it away, or pass another cacheDir.`);
  }
  if (kind === 'file' && !again) return false;
  const remedy = `Pass dir: a folder with the binary batches, or place ${archiveName} at ${path}.`;
  const maxBytes = archiveBytes;
  await download({ url: urlOf(options), md5, path, maxBytes, remedy, idleTimeout, retryDelay, onProgress, signal });
  return true;
}

function defaultCacheDir(): string {
  const folder = xdgCache() ?? inHome('.cache');
  if (folder !== null) return join(folder, 'wgrad');
  throw new DataError(
    'cifar10.load: this user has no home folder to keep the data set in. Pass cacheDir, a folder of yours, or dir, where ' +
      'the data set is; or set XDG_CACHE_HOME.',
  );
}
