/** One at a time, among processes and machines that share a folder: who makes the lock's file has the lock. */

import { randomBytes } from 'node:crypto';
import type { Stats } from 'node:fs';
import { link, open, rename, rm, stat } from 'node:fs/promises';
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
  let seen: string | null = null;
  let since = 0;
  let mine = await take(path);
  while (mine === null) {
    // Timed here: the clock of a shared disk may be another one.
    const found = await identityOf(path);
    if (found !== seen) [seen, since] = [found, performance.now()];
    else if (found !== null && performance.now() - since > stale) await takeAway(path, found);
    // At random, so that those who wait do not come all at once.
    await new Promise((resolve) => setTimeout(resolve, POLL * (0.5 + Math.random())));
    mine = await take(path);
  }
  try {
    return await work();
  } finally {
    // After a long stop of this process somebody else may have it.
    if ((await identityOf(path)) === mine) await rm(path, { force: true });
  }
}

/** Makes the file and returns which one it is; null where there is one already. */
async function take(path: string): Promise<string | null> {
  try {
    const file = await open(path, 'wx');
    try {
      return identity(await file.stat());
    } finally {
      await file.close();
    }
  } catch (error) {
    if (codeOf(error) === 'EEXIST') return null;
    throw error;
  }
}

const identity = ({ ino, mtimeMs }: Stats): string => `${ino} ${mtimeMs}`;

const identityOf = (path: string): Promise<string | null> => stat(path).then(identity, () => null);

/** Removes a lock that was left behind, by a rename, which has one winner. */
async function takeAway(path: string, left: string): Promise<void> {
  const away = `${path}.${randomBytes(6).toString('hex')}`;
  await rename(path, away).catch(() => {});
  const taken = await identityOf(away);
  // Another one was quicker, and this is the lock of who came next.
  if (taken !== null && taken !== left) await link(away, path).catch(() => {});
  await rm(away, { force: true });
}
