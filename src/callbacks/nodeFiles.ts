import { StateError } from '../errors.ts';
import { importNode } from '../node.ts';

/** Node's file functions, loaded only when a callback writes, so that browsers can import this library. */
export async function nodeFiles(owner: string): Promise<typeof import('node:fs/promises')> {
  try {
    return await importNode('node:fs/promises');
  } catch (cause) {
    throw new StateError(`${owner} writes files, which a browser has not: use it in Node, or History here`, { cause });
  }
}

/** Makes the folder of `path` and those above it. */
export async function makeFolderOf(owner: string, path: string): Promise<void> {
  const end = Math.max(path.lastIndexOf('/'), path.lastIndexOf('\\'));
  if (end <= 0) return;
  const { mkdir } = await nodeFiles(owner);
  await mkdir(path.slice(0, end), { recursive: true });
}
