/**
 * WGSL to SPIR-V by Dawn itself, with all that Dawn does to a shader on Vulkan.
 *
 * A process of its own opens RADV as Dawn's adapter and makes a pipeline of each shader; Mesa writes every SPIR-V module that
 * it is given into a folder (MESA_SPIRV_DUMP_PATH). The GPU is one that is not there, so nothing must run on it. Of those of
 * RADV only the ones before Vega let Dawn open a device without a GPU: later ones are told of buffers when a command buffer
 * begins, which the driver without a GPU cannot do. The SPIR-V is the same but for what needs float16, which these lack.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import type { Shader } from './shader.ts';
import { radvEnvironment } from './tools.ts';

const FAMILY = 'polaris10';
const CHILD = fileURLToPath(new URL('translateChild.ts', import.meta.url));

/** The file with a shader's SPIR-V, or why there is none. */
export type Translated = { readonly spirv: string } | { readonly error: string };

/** Translates all shaders into files in `folder`. */
export async function translate(shaders: readonly Shader[], folder: string, radv: string): Promise<Translated[]> {
  const dumps = join(folder, 'dumps');
  mkdirSync(dumps, { recursive: true });
  const tasks = join(folder, 'shaders.json');
  writeFileSync(tasks, JSON.stringify(shaders));
  const child = spawn(process.execPath, ['--import', 'tsx', CHILD, tasks, dumps], {
    env: { ...radvEnvironment(radv, FAMILY), MESA_SPIRV_DUMP_PATH: dumps },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const translated: Translated[] = [];
  const ended = new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(code === 0 ? '' : `(${signal ?? `exit code ${code}`})`));
  });
  for await (const line of createInterface({ input: child.stdout })) {
    const answer = parse(line);
    if (answer !== null) translated.push(answer);
  }
  const how = await ended;
  if (translated.length === shaders.length) return translated;
  const last = stderr.trim().split('\n').at(-1) ?? '';
  throw new Error(`Dawn on RADV ended at shader ${translated.length + 1} of ${shaders.length} ${how}: ${last}`);
}

function parse(line: string): Translated | null {
  if (!line.startsWith('{')) return null;
  const { spirv, error }: { spirv?: unknown; error?: unknown } = JSON.parse(line);
  if (typeof spirv === 'string') return { spirv };
  return { error: String(error) };
}
