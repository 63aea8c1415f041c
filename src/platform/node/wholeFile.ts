/** Files that are whole at every moment: written beside and renamed, so that a kill or a full disk leaves the old one. */

import { createHash, randomBytes } from 'node:crypto';
import * as disk from 'node:fs/promises';
import { hostname } from 'node:os';
import { basename, dirname, isAbsolute, join } from 'node:path';
import { codeOf } from './codeOf.ts';

/** What the draft of a file is called beyond the file's own name: whose it is, where that process runs, and which one. */
const DRAFT = /^\.(\d+)(?:-([0-9a-f]{8}))?-[0-9a-f]{12}\.part$/;
/** Nobody works on a draft this long without a write, in milliseconds. */
export const ABANDONED = 3_600_000;
/** As many as Linux follows. */
const MOST_LINKS = 40;
const PERMISSIONS = 0o7777;

/**
 * Puts `data` in the place of a file, all or nothing, and on the disk before it returns. A link stays one: the file that it
 * leads to is replaced, or made. Permissions stay what they were. Drafts that killed processes left of this file are removed.
 * What is no plain file, such as a pipe or `/dev/null`, is written to as it is.
 * @param fs the file functions; for tests
 * @throws what the file system refuses; the old file is untouched then and no draft stays
 */
export async function writeWhole(path: string, data: Uint8Array | string, fs: typeof disk = disk): Promise<void> {
  const target = await endOfLinks(fs, path);
  const old = await fs.stat(target).catch(() => null);
  if (old !== null && !old.isFile() && !old.isDirectory()) {
    // A rename would put a file where the device was.
    await fs.writeFile(target, data);
    return;
  }
  const folder = dirname(target);
  const place = await placeOfProcesses(fs);
  await removeDrafts(fs, folder, basename(target), place);
  const whose = place === null ? process.pid : `${process.pid}-${place}`;
  const draft = `${target}.${whose}-${randomBytes(6).toString('hex')}.part`;
  try {
    // Nobody may read a private file's draft either.
    const file = await fs.open(draft, 'wx', old === null ? undefined : old.mode & PERMISSIONS);
    try {
      // Some file systems know no owners or permissions.
      if (old?.isFile()) {
        await file.chown(old.uid, old.gid).catch(() => {});
        await file.chmod(old.mode & PERMISSIONS).catch(() => {});
      }
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

/** Where a path leads, also when there is nothing yet: a rename onto a link would replace the link. */
async function endOfLinks(fs: typeof disk, path: string): Promise<string> {
  try {
    return await fs.realpath(path);
  } catch (error) {
    if (codeOf(error) === 'ELOOP') throw error;
  }
  let target = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const link = await fs.readlink(target).catch(() => null);
    if (link === null) break;
    // Not joined: that would resolve '..' by name, past links among the folders.
    target = isAbsolute(link) ? link : `${await fs.realpath(dirname(target))}/${link}`;
  }
  return target;
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

async function removeDrafts(fs: typeof disk, folder: string, name: string, place: string | null): Promise<void> {
  for (const entry of await fs.readdir(folder).catch(() => [])) {
    const match = entry.startsWith(name) ? DRAFT.exec(entry.slice(name.length)) : null;
    if (match === null) continue;
    const draft = join(folder, entry);
    const stats = await fs.stat(draft).catch(() => null);
    // The number of a process that is gone may be another's by now.
    const abandoned = stats !== null && Date.now() - stats.mtimeMs > ABANDONED;
    const [, pid, where] = match;
    const gone = place !== null && where === place && !isAlive(Number(pid));
    if (abandoned || gone) await fs.rm(draft, { force: true }).catch(() => {});
  }
}

/**
 * Names the processes among which a number means one of them, as 8 hexadecimal digits: containers count from 1 each, and so
 * do machines that share a disk. Null where that cannot be known.
 */
export async function placeOfProcesses(fs: typeof disk = disk): Promise<string | null> {
  const parts = [hostname()];
  if (process.platform === 'linux') {
    const boot = await fs.readFile('/proc/sys/kernel/random/boot_id', 'utf8').catch(() => null);
    const space = await fs.readlink('/proc/self/ns/pid').catch(() => null);
    if (boot === null || space === null) return null;
    parts.push(boot, space);
  }
  return createHash('sha256').update(parts.join('\n')).digest('hex').slice(0, 8);
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return codeOf(error) === 'EPERM';
  }
}
