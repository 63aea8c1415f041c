/** Files that are whole at every moment: written beside and renamed, so that a kill or a full disk leaves the old one. */

import { randomBytes } from 'node:crypto';
import * as disk from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';

/** What the draft of a file is called beyond the file's own name: whose it is, and which one. */
const DRAFT = /^\.(\d+)-[0-9a-f]{12}\.part$/;
/** Nobody works on a draft this long without a write, in milliseconds. */
const ABANDONED = 3_600_000;

/**
 * Puts `data` in the place of a file, all or nothing, and on the disk before it returns. A link stays one: the file that it
 * leads to is replaced. Drafts that killed processes left of this file are removed.
 * @param fs the file functions; for tests
 * @throws what the file system refuses; the old file is untouched then and no draft stays
 */
export async function writeWhole(path: string, data: Uint8Array | string, fs: typeof disk = disk): Promise<void> {
  const target = await fs.realpath(path).catch(() => path);
  const folder = dirname(target);
  await removeDrafts(fs, folder, basename(target));
  const draft = `${target}.${process.pid}-${randomBytes(6).toString('hex')}.part`;
  try {
    const file = await fs.open(draft, 'wx');
    try {
      await file.writeFile(data);
      await file.sync();
    } finally {
      await file.close();
    }
    await fs.rename(draft, target);
  } catch (error) {
    await fs.rm(draft, { force: true }).catch(() => {});
    throw error;
  }
  await syncFolder(fs, folder);
}

/** Puts the new name on the disk as well, where the system lets a folder be opened. */
async function syncFolder(fs: typeof disk, folder: string): Promise<void> {
  const handle = await fs.open(folder, 'r').catch(() => null);
  try {
    await handle?.sync().catch(() => {});
  } finally {
    await handle?.close();
  }
}

async function removeDrafts(fs: typeof disk, folder: string, name: string): Promise<void> {
  for (const entry of await fs.readdir(folder).catch(() => [])) {
    const match = entry.startsWith(name) ? DRAFT.exec(entry.slice(name.length)) : null;
    if (match === null) continue;
    const draft = join(folder, entry);
    const stats = await fs.stat(draft).catch(() => null);
    // The number of a process that is gone may be another's by now.
    const abandoned = stats !== null && Date.now() - stats.mtimeMs > ABANDONED;
    if (abandoned || !isAlive(Number(match[1]))) await fs.rm(draft, { force: true }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
