/** From kernels to rows: translated once, compiled for each family. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Compilation, compile } from './compile.ts';
import type { FamilyName } from './families.ts';
import { figuresOf, type KernelRow, rowsOf } from './row.ts';
import type { Shader } from './shader.ts';
import type { Subject } from './subject.ts';
import { findTools } from './tools.ts';
import { translate } from './translate.ts';

export interface Looked {
  readonly rows: readonly KernelRow[];
  /** The machine code of a kernel; null where it was not compiled. */
  assemblyOf(subject: Subject, family: FamilyName): string | null;
}

const shaderKey = ({ code, entryPoint, constants }: Shader): string => JSON.stringify([code, entryPoint, constants]);

/**
 * Compiles the kernels of each family.
 * @throws MissingTools where the machine lacks what that takes
 */
export async function look(subjects: ReadonlyMap<FamilyName, readonly Subject[]>): Promise<Looked> {
  const folder = mkdtempSync(join(tmpdir(), 'wgrad-isa-'));
  try {
    const tools = findTools(folder);
    const shaders = new Map<string, Shader>();
    for (const { shader } of [...subjects.values()].flat()) shaders.set(shaderKey(shader), shader);
    const keys = [...shaders.keys()];
    const translated = await translate([...shaders.values()], folder, tools.radv);
    const compiled = new Map<FamilyName, Map<string, Compilation>>();
    await Promise.all(
      [...subjects].map(async ([family, some]) => {
        const wanted = new Set(some.map(({ shader }) => shaderKey(shader)));
        const results = new Map<string, Compilation>();
        const files: { key: string; spirv: string }[] = [];
        for (const [at, key] of keys.entries()) {
          const one = translated[at];
          if (!wanted.has(key)) continue;
          if ('error' in one) results.set(key, one);
          else files.push({ key, spirv: one.spirv });
        }
        const made = await compile(
          files.map(({ spirv }) => spirv),
          family,
          tools,
        );
        for (const [at, { key }] of files.entries()) results.set(key, made[at]);
        compiled.set(family, results);
      }),
    );
    const compilationOf = (subject: Subject, family: FamilyName): Compilation =>
      compiled.get(family)?.get(shaderKey(subject.shader)) ?? { error: 'it was not asked for' };
    const rows = [...subjects].flatMap(([family, some]) =>
      rowsOf(some, family, (subject) => {
        const compilation = compilationOf(subject, family);
        return 'error' in compilation ? compilation : figuresOf(compilation, family);
      }),
    );
    return {
      rows,
      assemblyOf: (subject, family) => {
        const compilation = compilationOf(subject, family);
        return 'error' in compilation ? null : compilation.assembly;
      },
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}
