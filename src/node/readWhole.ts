/** Reads files of any size. */

import { constants } from 'node:buffer';
import { open } from 'node:fs/promises';

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
    const bytes = new Uint8Array(size);
    let at = 0;
    while (at < size) {
      const { bytesRead } = await file.read(bytes, at, Math.min(most, size - at), at);
      // Somebody cut the file meanwhile.
      if (bytesRead === 0) break;
      at += bytesRead;
    }
    return bytes.subarray(0, at);
  } finally {
    await file.close();
  }
}
