/** Files in Node, and what a person reads when the system refuses one. */

import { mkdir, rename, rm, stat, writeFile as write } from 'node:fs/promises';
import { dirname } from 'node:path';
import { FileError } from '../../src/index.ts';

/** What the system's codes mean, and the remedy. */
const REFUSALS: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder. Correct the path.',
  ENOTDIR: 'what its path calls a folder is a file. Correct the path.',
  EEXIST: 'what its path calls a folder is a file. Correct the path.',
  EISDIR: 'it is a folder. Give the path of a file.',
  EACCES: 'permission is denied. Choose another place, or change the permissions.',
  EPERM: 'permission is denied. Choose another place, or change the permissions.',
  EROFS: 'the file system is read-only. Choose another place.',
  ENOSPC: 'no room is left on the disk. Free some, or choose another place.',
};

const codeOf = (error: unknown): string | null =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : null;

/** Whether an error of the library is that of a file which is not there. */
export const isMissing = (error: unknown): boolean => error instanceof FileError && codeOf(error.cause) === 'ENOENT';

/**
 * Does something with a file or folder.
 * @param who what errors call the caller
 * @throws FileError that names the path and the remedy where the system refuses it
 */
export async function onDisk<T>(who: string, path: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    const code = codeOf(cause);
    if (code === null) throw cause;
    const refusal = REFUSALS[code] ?? `the system refuses it (${code}). Choose another place.`;
    throw new FileError(`${who}: '${path}': ${refusal}`, { cause });
  }
}

/** Makes a folder with all above it, one at a time: Node's `recursive` never returns where there is no room for any (`/proc`). */
export async function makeFolder(folder: string): Promise<void> {
  if (await isFolder(folder)) return;
  const above = dirname(folder);
  if (above !== folder) await makeFolder(above);
  await mkdir(folder).catch(async (error: unknown) => {
    // Somebody else may have made it in between.
    if (!(await isFolder(folder))) throw error;
  });
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );

/**
 * Writes a file: whoever reads it sees the old one or the new one, never a half of it. Missing folders are made.
 * @throws FileError that names the path and the remedy
 */
export async function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  await onDisk('results', path, async () => {
    await makeFolder(dirname(path));
    const draft = `${path}.${process.pid}.tmp`;
    try {
      await write(draft, content, { flush: true });
      await rename(draft, path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  });
}
