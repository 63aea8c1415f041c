/**
 * CIFAR-10 in the cache: its archive, and beside it a folder with the batches that appears whole, with a list of what
 * belongs to it. Any number of processes may fetch, unpack, replace and read it at once.
 */

import {
  type FileHandle,
  mkdir,
  mkdtemp,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  writeFile,
} from 'node:fs/promises';
import { join } from 'node:path';
import { DataError } from '../../base/errors.ts';
import { isRecord } from '../../base/isRecord.ts';
import { codeOf } from '../../platform/node/codeOf.ts';
import { ABANDONED } from '../../platform/node/wholeFile.ts';
import { batchBytes } from '../cifarFormat.ts';
import {
  archiveName,
  type Batches,
  batchesInArchive,
  batchNames,
  folderName,
  kindOf,
  openFolder,
  testName,
  trainNames,
} from './cifarFiles.ts';
import { isLeftOver, md5Of, onDisk } from './download.ts';

/** In the folder: what was unpacked into it. */
const listName = 'unpacked.json';
const unpackingName = 'unpacking-';
/** Somebody replaces the folder, again and again. */
const tries = 20;

/** What belongs to an unpacked folder. */
interface Contents {
  /** Of the archive; null where the folder was not unpacked by wgrad. */
  readonly md5: string | null;
  /** Bytes of each batch file. */
  readonly sizes: ReadonlyMap<string, number>;
}

/**
 * Opens the cached batches, all of them; null where there is no folder of them.
 * @param md5 of the archive that is asked for
 * @throws DataError where the folder lacks some of what belongs to it, or is of another archive
 */
export async function openCached(cacheDir: string, md5: string, remedy: string): Promise<Batches | null> {
  const folder = join(cacheDir, folderName);
  for (let attempt = 0; attempt < tries; attempt++) {
    const before = await identityOf(folder);
    if (before === null) return null;
    const batches = await openFolder(folder);
    try {
      const contents = await contentsOf(folder, remedy);
      if ((await identityOf(folder)) === before) {
        checkContents(folder, batches, contents, md5, remedy);
        return batches;
      }
    } catch (error) {
      await batches.close();
      // What was not as it should be may be the half of two folders.
      if ((await identityOf(folder)) === before) throw error;
      continue;
    }
    await batches.close();
  }
  throw new DataError(`${folder}: it is replaced all the time. Try again once nobody refreshes it any more.`);
}

/**
 * Unpacks the cached archive's batches into the folder, which appears only when it is whole.
 * @param replace a folder that is there; else that one stays
 * @throws DataError where the archive has another checksum or is damaged, or where nothing can be written
 */
export async function unpack(cacheDir: string, md5: string, replace: boolean): Promise<void> {
  const archive = join(cacheDir, archiveName);
  const temporary = await onDisk(cacheDir, () => mkdtemp(join(cacheDir, unpackingName)));
  try {
    // Open, it stays the one that was checked, whoever replaces it.
    const file = await onDisk(archive, () => open(archive), 'read');
    try {
      await checkSum(file, archive, md5);
      const fresh = join(temporary, 'new');
      await onDisk(fresh, () => mkdir(fresh));
      await unpackInto(fresh, file, archive, md5);
      await putInPlace(fresh, join(cacheDir, folderName), temporary, replace);
    } finally {
      await file.close();
    }
  } finally {
    await rm(temporary, { recursive: true, force: true }).catch(() => {});
  }
}

/** Removes what killed processes left, once nobody can be at work on it any more. */
export async function removeLeftOvers(cacheDir: string): Promise<void> {
  for (const name of await readdir(cacheDir).catch(() => [])) {
    if (!name.startsWith(unpackingName) && !isLeftOver(name, archiveName)) continue;
    const path = join(cacheDir, name);
    const found = await stat(path).catch(() => null);
    if (found === null || Date.now() - found.mtimeMs < ABANDONED) continue;
    await rm(path, { recursive: true, force: true }).catch(() => {});
  }
}

async function checkSum(file: FileHandle, archive: string, md5: string): Promise<void> {
  const sum = await onDisk(archive, () => md5Of(file), 'read');
  if (sum === md5) return;
  throw new DataError(
    `${archive}: expected MD5 ${md5}, got ${sum}. Delete the file or pass refresh: true to fetch it again.`,
  );
}

async function unpackInto(folder: string, file: FileHandle, archive: string, md5: string): Promise<void> {
  const files: Record<string, number> = {};
  const remedy = 'Pass the address and md5 of an archive of CIFAR-10, binary version.';
  for await (const { name, bytes } of batchesInArchive(file, archive, remedy)) {
    await onDisk(join(folder, name), () => writeFile(join(folder, name), bytes));
    files[name] = bytes.length;
  }
  const unpacked = Object.keys(files);
  if (!unpacked.includes(testName) || unpacked.length < 2) {
    const found = unpacked.join(', ') || 'no batch';
    throw new DataError(`${archive}: expected ${trainNames[0]} … and ${testName}, found ${found}. ${remedy}`);
  }
  const list = join(folder, listName);
  await onDisk(list, () => writeFile(list, `${JSON.stringify({ md5, files }, null, 2)}\n`));
}

/** Gives an unpacked folder its name. A folder with something in it is never overwritten: it must go first. */
async function putInPlace(fresh: string, folder: string, temporary: string, replace: boolean): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      return await rename(fresh, folder);
    } catch (error) {
      const there = (await kindOf(folder)) === 'folder';
      // Somebody else was faster; that folder is as whole as this one.
      if (there && !replace) return;
      if (attempt === tries) return onDisk(folder, () => Promise.reject(error));
    }
    await rename(folder, join(temporary, `old ${attempt}`)).catch(() => {});
  }
}

/** Tells one folder at a path from another one that came later; null where there is none. */
async function identityOf(folder: string): Promise<string | null> {
  const found = await stat(folder).catch(() => null);
  return found === null ? null : `${found.dev} ${found.ino} ${found.ctimeMs}`;
}

async function contentsOf(folder: string, remedy: string): Promise<Contents> {
  const path = join(folder, listName);
  const text = await onDisk(
    path,
    () =>
      readFile(path, 'utf8').catch((error: unknown) => {
        if (codeOf(error) === 'ENOENT' || codeOf(error) === 'ENOTDIR') return null;
        throw error;
      }),
    'read',
  );
  // Put there by hand, or by a wgrad that kept no list.
  if (text === null) return { md5: null, sizes: new Map(batchNames.map((name) => [name, batchBytes])) };
  const list = parsed(text);
  const files = isRecord(list) && isRecord(list.files) ? Object.entries(list.files) : [];
  const sizes = new Map<string, number>();
  for (const [name, size] of files) if (batchNames.includes(name) && typeof size === 'number') sizes.set(name, size);
  if (!isRecord(list) || typeof list.md5 !== 'string' || sizes.size === 0 || sizes.size < files.length) {
    throw new DataError(`${path}: expected a list of batch files and their bytes, it is damaged. ${remedy}`);
  }
  return { md5: list.md5, sizes };
}

function checkContents(folder: string, { files }: Batches, { md5, sizes }: Contents, wanted: string, remedy: string) {
  if (md5 !== null && md5 !== wanted) {
    throw new DataError(
      `${folder}: expected what an archive with MD5 ${wanted} holds, found that of one with ${md5}. Pass refresh: true to ` +
        'replace it, or another cacheDir to keep both.',
    );
  }
  for (const [name, size] of sizes) {
    const found = files.get(name)?.size;
    if (found === size) continue;
    const got = found === undefined ? 'found none' : `got ${found} bytes`;
    throw new DataError(`${folder}: expected ${name} of ${size} bytes, ${got}. ${remedy}`);
  }
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
