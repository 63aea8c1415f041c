/** Makes folders. */

import { mkdir, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { codeOf } from './codeOf.ts';

/**
 * Makes a folder and those above it that are missing. Node's own recursive `mkdir` never returns where the system has no
 * room for folders (`/proc`), and calls a read-only disk a missing folder.
 * @throws what the system refuses
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path);
    return;
  } catch (error) {
    if (await isFolder(path)) return;
    const above = dirname(path);
    if (codeOf(error) !== 'ENOENT' || above === path) throw error;
    await makeFolder(above);
  }
  await mkdir(path).catch(async (error: unknown) => {
    // Somebody else may have made it in between.
    if (!(await isFolder(path))) throw error;
  });
}

const isFolder = (path: string): Promise<boolean> =>
  stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
