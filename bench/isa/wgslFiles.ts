/** The kernels of a folder: prototypes, or what another program gave to WebGPU. */
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Subject } from './subject.ts';

/** Throws where the folder has no .wgsl file. */
export function wgslSubjects(folder: string): Subject[] {
  const names = readdirSync(folder)
    .filter((name) => name.endsWith('.wgsl'))
    .sort();
  if (names.length === 0) throw new Error(`${folder} has no .wgsl file. Name a folder that has some.`);
  return names.map((name) => ({
    by: 'file',
    network: null,
    batch: null,
    subgroups: null,
    direction: null,
    layer: null,
    label: name.replace(/\.wgsl$/, ''),
    nth: 1,
    fused: [],
    workgroups: null,
    shader: { code: readFileSync(join(folder, name), 'utf8') },
  }));
}
