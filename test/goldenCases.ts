/** The golden files, where they are. */

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type GoldenCase, goldenCase } from './goldenChecks.ts';

export const goldenFolder = fileURLToPath(new URL('../../shared/golden/', import.meta.url));

/** Names of the golden files with one operation each; null where they are missing. */
export function goldenFiles(): string[] | null {
  if (!existsSync(goldenFolder)) {
    console.log(`no golden files at ${goldenFolder}: nothing to compare with`);
    return null;
  }
  return readdirSync(goldenFolder)
    .filter((file) => file.endsWith('.safetensors') && file !== 'trajectory.safetensors')
    .sort();
}

/** One case a file; null where the files are missing. */
export function goldenCases(): (GoldenCase & { readonly file: string })[] | null {
  return goldenFiles()?.map((file) => ({ file, ...goldenCase(readFileSync(goldenFolder + file)) })) ?? null;
}
