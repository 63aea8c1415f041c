/** Whole files in Node. */

import { StateError } from '../errors.ts';
import { importNode } from '../node.ts';

/** Node's file functions. */
async function nodeFiles(who: string): Promise<typeof import('node:fs/promises')> {
  try {
    return await importNode('node:fs/promises');
  } catch (cause) {
    throw new StateError(`${who}: a browser has no files. Use toSafetensors() and fromSafetensors() there.`, { cause });
  }
}

export async function readBytes(who: string, path: string): Promise<Uint8Array> {
  const { readFile } = await nodeFiles(who);
  return readFile(path);
}

/** Written beside and renamed: a crash leaves the old file whole. */
export async function writeBytes(who: string, path: string, bytes: Uint8Array): Promise<void> {
  const { writeFile, rename } = await nodeFiles(who);
  await writeFile(`${path}.part`, bytes);
  await rename(`${path}.part`, path);
}
