/** The file in the user's cache folder that keeps what was measured on an adapter. */

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { FileError } from '../../base/errors.ts';
import { VERSION } from '../../base/version.ts';
import type { Shelf } from '../contract.ts';
import { codeOf } from './codeOf.ts';
import { withLock } from './lock.ts';
import { makeFolder } from './makeFolder.ts';
import { inHome, xdgCache } from './userFolders.ts';
import { writeWhole } from './wholeFile.ts';

/** What reading says where there is nothing, or nothing for this user. */
const ABSENT: readonly unknown[] = ['ENOENT', 'ENOTDIR', 'EACCES', 'EPERM'];

function cacheFolder(): string | null {
  if (process.platform === 'win32') return xdgCache() ?? process.env.LOCALAPPDATA ?? inHome('AppData', 'Local');
  return xdgCache() ?? (process.platform === 'darwin' ? inHome('Library', 'Caches') : inHome('.cache'));
}

/**
 * Where it lies.
 * @throws FileError where the user has no folder for it
 */
export function tuningPath(adapter: string): string {
  const folder = cacheFolder();
  if (folder === null) {
    throw new FileError('This user has no home folder to keep it in. Set XDG_CACHE_HOME to a folder of yours.');
  }
  const slug = adapter
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100);
  return join(folder, 'wgrad', `tuning-${slug}-${VERSION}.json`);
}

export function tuningShelf(adapter: string): Shelf {
  const read = async (): Promise<string | null> => {
    if (cacheFolder() === null) return null;
    try {
      return await readFile(tuningPath(adapter), 'utf8');
    } catch (cause) {
      const code = codeOf(cause);
      if (ABSENT.includes(code)) return null;
      throw new FileError(`it cannot be read (${code})`, { cause });
    }
  };
  return {
    get name() {
      return tuningPath(adapter);
    },
    read,
    async update(change) {
      const path = tuningPath(adapter);
      await makeFolder(dirname(path));
      // Else of two that read the same old text, one would undo what the other wrote.
      await withLock(`${path}.lock`, async () => writeWhole(path, change(await read())));
    },
  };
}
