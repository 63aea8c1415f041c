/** Reads files of any size. */

import { constants } from 'node:buffer';
import { type FileHandle, open } from 'node:fs/promises';

/** The most that Node reads at once, in bytes. */
const MOST_AT_ONCE = 2 ** 30;

/**
 * The content of a file. Node's `readFile` ends at 2 GiB.
 * @param most bytes that are read at once; for tests
 * @throws what the system refuses
 */
export async function readWhole(path: string, most = MOST_AT_ONCE): Promise<Uint8Array> {
  const file = await open(path);
  try {
    const { size } = await file.stat();
    // A pipe, and what the system makes up as it is read, has no size.
    if (size <= most) return await file.readFile();
    if (size > constants.MAX_LENGTH) throw Object.assign(new Error(`${size} bytes`), { code: 'EFBIG' });
    return await readBeginning(file, size, most);
  } finally {
    await file.close();
  }
}

/** The first `bytes` bytes of an open file, fewer where it ends before. Reads `most` at once. */
export async function readBeginning(file: FileHandle, bytes: number, most = MOST_AT_ONCE): Promise<Uint8Array> {
  const beginning = new Uint8Array(bytes);
  let at = 0;
  while (at < bytes) {
    const { bytesRead } = await file.read(beginning, at, Math.min(most, bytes - at), at);
    // Somebody may have cut the file meanwhile.
    if (bytesRead === 0) break;
    at += bytesRead;
  }
  return beginning.subarray(0, at);
}
