/** The file in the user's cache folder that keeps what was measured on an adapter. */

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import type { Shelf } from '../gpu/tuningStore.ts';
import { VERSION } from '../version.ts';
import { withLock } from './lock.ts';
import { makeFolder } from './makeFolder.ts';
import { writeWhole } from './wholeFile.ts';

/** Where it lies. */
export function tuningPath(adapter: string): string {
  const { XDG_CACHE_HOME, LOCALAPPDATA } = process.env;
  let folder: string;
  if (XDG_CACHE_HOME !== undefined && isAbsolute(XDG_CACHE_HOME)) folder = XDG_CACHE_HOME;
  else if (process.platform === 'win32') folder = LOCALAPPDATA ?? join(homedir(), 'AppData', 'Local');
  else if (process.platform === 'darwin') folder = join(homedir(), 'Library', 'Caches');
  else folder = join(homedir(), '.cache');
  const slug = adapter
    .toLowerCase()
    .replace(/[^a-z0-9.]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 100);
  return join(folder, 'wgrad', `tuning-${slug}-${VERSION}.json`);
}

export function tuningShelf(adapter: string): Shelf {
  const name = tuningPath(adapter);
  const read = (): Promise<string | null> =>
    readFile(name, 'utf8').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null;
      throw error;
    });
  return {
    name,
    read,
    async update(change) {
      await makeFolder(dirname(name));
      // Else of two that read the same old text, one would undo what the other wrote.
      await withLock(`${name}.lock`, async () => writeWhole(name, change(await read())));
    },
  };
}
