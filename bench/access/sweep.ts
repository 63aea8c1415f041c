/**
 * Bounds of everything: runs files of the tests with plans whose kernels compare every index with its array's length, once as
 * planned for the adapter and once for a GPU, each in a process of its own (sweepFile.ts), and lists what lies outside.
 */

import { spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { Outside } from './probe.ts';

/** Files that run every operation, variant and cut, and whole trainings. */
export const SWEPT: readonly string[] = [
  ...['ops', 'variants', 'oversized', 'fit', 'layers', 'losses', 'optimizers', 'fusion', 'fuzz', 'longSums', 'cause'],
];

export const TARGETS = ['adapter', 'gpu', 'gpu with subgroups'] as const;
export type SweptTarget = (typeof TARGETS)[number];

/** What a file's process tells. */
export interface SweptFile {
  readonly passed: number;
  readonly failed: number;
  readonly kernels: number;
  readonly outside: readonly Outside[];
}

const program = fileURLToPath(new URL('sweepFile.ts', import.meta.url));

async function sweepFile(file: string, target: SweptTarget): Promise<SweptFile | string> {
  const child = spawn(process.execPath, ['--import', 'tsx', program, file, target], {
    env: { ...process.env, WGRAD_TUNING: 'off' },
    stdio: ['ignore', 'ignore', 'pipe', 'ipc'],
  });
  let told: SweptFile | null = null;
  let errors = '';
  child.on('message', (message) => {
    told = message as SweptFile;
  });
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    errors += text;
  });
  const [code] = await new Promise<[number | null]>((resolve, reject) => {
    child.once('error', reject);
    child.once('close', (...exit: [number | null]) => resolve(exit));
  });
  return told ?? `its process ended with ${code}: ${errors.trim().split('\n').slice(-8).join('\n')}`;
}

/** Prints what lies outside. The exit code: 1 where anything does, or where a file could not be run. */
export async function sweep(files: readonly string[], json: boolean): Promise<0 | 1> {
  let bad = false;
  const print = json ? console.error : console.log;
  for (const file of files) {
    for (const target of TARGETS) {
      const told = await sweepFile(file, target);
      if (typeof told === 'string') {
        bad = true;
        print(`${file}, ${target}: ${told}`);
        continue;
      }
      const { passed, failed, kernels, outside } = told;
      print(
        `${file}, ${target}: ${kernels} kernels, ${outside.length} accesses outside (${passed} tests passed, ${failed} failed)`,
      );
      const said = new Set<string>();
      for (const one of outside) {
        bad = true;
        if (json) console.log(JSON.stringify({ part: 'bounds', file, target, ...one }));
        const line = describeOutside(one);
        if (!said.has(line)) print(`    ${line}`);
        said.add(line);
      }
    }
  }
  return bad ? 1 : 0;
}

/** An access outside, as a person reads it. */
export function describeOutside({ kernel, site, index, length }: Outside): string {
  return `${kernel}: ${site.access} of ${site.array}[${site.index.replace(/\s+/g, ' ')}] at ${index | 0}, of ${length} elements`;
}
