/** Whole files in Node, and what a person reads when the system refuses one. */

import { files, makeFolder, readWhole, writeWhole } from '#platform';
import { FileError } from '../base/errors.ts';

const INSTEAD = 'Use toSafetensors() and fromSafetensors() there.';

/** What the system's codes mean, and the remedy. */
type Refusals = Readonly<Record<string, string>>;
const REFUSALS: Refusals = {
  ENOENT: 'there is no such file or folder. Correct the path, or make the folder first.',
  ENOTDIR: 'what its path calls a folder is a file. Correct the path.',
  EEXIST: 'what its path calls a folder is a file. Correct the path.',
  ELOOP: 'its links lead in a circle. Correct the links, or choose another place.',
  ENAMETOOLONG: 'its name is too long. Choose one of at most 200 bytes.',
  EISDIR: 'it is a folder. Give the path of a file.',
  EFBIG: 'it is larger than this system takes. Divide it into several.',
  EACCES: 'permission is denied. Choose another place, or change the permissions.',
  EPERM: 'permission is denied. Choose another place, or change the permissions.',
  EROFS: 'the file system is read-only. Choose another place.',
  ENOSPC: 'no room is left on the disk. Free some, or choose another place.',
  EDQUOT: 'the quota is used up. Free some room, or choose another place.',
};

/** Whoever reads a file is not helped by a folder that has none. */
const REFUSALS_OF_READING: Refusals = { ...REFUSALS, ENOENT: 'there is no such file or folder. Correct the path.' };

/** Does something with a file; an error of the system becomes one that names the file and the remedy. */
export async function onDisk<T>(who: string, path: string, work: () => Promise<T>): Promise<T> {
  return refusing(who, path, REFUSALS, work);
}

async function refusing<T>(who: string, path: string, refusals: Refusals, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && typeof cause.code === 'string')) throw cause;
    const refusal =
      refusals[cause.code] ?? `${cause.message}. Correct what the system complains of, or choose another place.`;
    throw new FileError(`${who}: '${path}': ${refusal}`, { cause });
  }
}

/** Whether an error is that of a file which is not there. */
export const isMissing = (error: unknown): boolean =>
  error instanceof FileError && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'ENOENT';

export async function readBytes(who: string, path: string): Promise<Uint8Array> {
  files(who, INSTEAD);
  return refusing(who, path, REFUSALS_OF_READING, () => readWhole(path));
}

/** All or nothing: a kill or a full disk leaves the old file whole. */
export async function writeBytes(who: string, path: string, bytes: Uint8Array | string): Promise<void> {
  files(who, INSTEAD);
  await onDisk(who, path, () => writeWhole(path, bytes));
}

/** Makes the folder of `path` and those above it; `instead` is the remedy in a browser. */
export async function makeFolderOf(who: string, path: string, instead = INSTEAD): Promise<void> {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  files(who, instead);
  if (end > 0) await onDisk(who, path, () => makeFolder(path.slice(0, end)));
}
