/** Where the reference data lies that is not part of the project; tests that need it are skipped where it is missing. */

import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { decodeSafetensors, type SafetensorsTensor } from '../src/io/safetensors.ts';

const folder = fileURLToPath(new URL('../../shared/', import.meta.url));

/** A path under the shared folder, or null where that is missing. */
export function sharedPath(name: string): string | null {
  const path = `${folder}${name}`;
  return existsSync(path) ? path : null;
}

/** The tensors of a reference file. */
export function readGolden(path: string): Map<string, SafetensorsTensor> {
  return decodeSafetensors(readFileSync(path)).tensors;
}

/** Float values of one tensor of a reference file. */
export function floats(tensors: Map<string, SafetensorsTensor>, name: string): Float32Array {
  const data = tensors.get(name)?.data;
  if (!(data instanceof Float32Array)) throw new Error(`The reference file has no float32 tensor '${name}'.`);
  return data;
}

/** Norm of the difference over the norm of the expected values. */
export function relativeError(actual: ArrayLike<number>, expected: ArrayLike<number>): number {
  let difference = 0;
  let norm = 0;
  for (let i = 0; i < expected.length; i++) {
    difference += (actual[i] - expected[i]) ** 2;
    norm += expected[i] ** 2;
  }
  return Math.sqrt(difference / norm);
}
