/** One at a time, among processes and machines that share a folder: who makes the lock's file has the lock. */

import { randomBytes } from 'node:crypto';
import { open, rename, rm, stat } from 'node:fs/promises';
import { codeOf } from './codeOf.ts';

/** In milliseconds. What is done under a lock takes a few; one that lies there this long was left by a killed process. */
const STALE = 10_000;
const POLL = 15;

/**
 * Runs `work` while nobody else does so under the same lock. Waits for others, but not for who was killed.
 * @param path of the lock's file, in a folder that is there; it is gone afterwards
 * @param stale milliseconds after which a lock counts as left behind; for tests
 * @throws what the system refuses, and what `work` throws
 */
export async function withLock<T>(path: string, work: () => Promise<T>, stale = STALE): Promise<T> {
  let owner: string | null = null;
  let since = 0;
  while (!(await taken(path))) {
    // Timed here: the clock of a shared disk may be another one.
    const found = await stat(path).catch(() => null);
    const now = found === null ? null : `${found.ino} ${found.mtimeMs}`;
    if (now !== owner) [owner, since] = [now, performance.now()];
    else if (now !== null && performance.now() - since > stale) await takeAway(path);
    // At random, so that those who wait do not come all at once.
    await new Promise((resolve) => setTimeout(resolve, POLL * (0.5 + Math.random())));
  }
  try {
    return await work();
  } finally {
    await rm(path, { force: true });
  }
}

/** Whether this call made the file. */
async function taken(path: string): Promise<boolean> {
  try {
    await (await open(path, 'wx')).close();
    return true;
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return false;
    throw error;
  }
}

/** By a rename, which has one winner. */
async function takeAway(path: string): Promise<void> {
  const away = `${path}.${randomBytes(6).toString('hex')}`;
  await rename(path, away).catch(() => {});
  await rm(away, { force: true });
}
