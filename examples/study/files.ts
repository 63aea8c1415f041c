/** Files of results. */

import { makeFolderOf, writeBytes } from '../../src/graph.ts';

/**
 * Writes a file, all or nothing; missing folders are made.
 * @throws FileError that names the path and the remedy
 */
export async function writeFile(path: string, content: string | Uint8Array): Promise<void> {
  await makeFolderOf('results', path);
  await writeBytes('results', path, content);
}
