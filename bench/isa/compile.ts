/** Compiles SPIR-V for a GPU that is not there, and reads what the driver tells. */
import { spawn } from 'node:child_process';
import { createInterface } from 'node:readline';
import type { FamilyName } from './families.ts';
import { radvEnvironment, type Tools } from './tools.ts';

/** What RADV says of a kernel. */
export interface Compiled {
  /** Lanes of a wave. */
  readonly wave: number;
  /** Invocations of a workgroup. */
  readonly threads: number;
  readonly vectorRegisters: number;
  /** Registers that do not fit and live in memory, of both kinds. */
  readonly spilled: number;
  /** Bytes of memory that a lane has for what does not fit into registers. */
  readonly scratchBytes: number;
  /**
   * Waves that one vector unit holds at most, by registers and workgroup memory. On RDNA, whose units compute 32 lanes, one of 64
   * counts as two: each of its instructions keeps the unit busy for two cycles, and it has twice the registers.
   */
  readonly waves: number;
  readonly workgroupMemoryBytes: number;
  readonly codeBytes: number;
  readonly assembly: string;
}

export type Compilation = Compiled | { readonly error: string };

/** Compiles the files, and gives what became of each, in their order. */
export async function compile(files: readonly string[], family: FamilyName, tools: Tools): Promise<Compilation[]> {
  const results: Compilation[] = [];
  // A crash of the driver is the fault of the next file: the others are compiled all the same.
  while (results.length < files.length) {
    const before = results.length;
    const how = await run(files.slice(before), family, tools, (one) => results.push(one));
    if (results.length === files.length) break;
    if (results.length === before && before === 0 && !how.crashed) throw new Error(`RADV for ${family}: ${how.reason}`);
    results.push({ error: `the driver ended: ${how.reason}` });
  }
  return results;
}

interface End {
  readonly crashed: boolean;
  readonly reason: string;
}

async function run(
  files: readonly string[],
  family: FamilyName,
  { reporter, radv }: Tools,
  found: (one: Compilation) => void,
): Promise<End> {
  const child = spawn(reporter, files, { env: radvEnvironment(radv, family), stdio: ['ignore', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text;
  });
  const ended = new Promise<End>((resolve) => {
    child.once('error', ({ message }) => resolve({ crashed: false, reason: message }));
    child.once('close', (code, signal) =>
      resolve({
        crashed: signal !== null,
        reason: signal ?? `exit code ${code}, ${stderr.trim().split('\n').at(-1) ?? ''}`,
      }),
    );
  });
  for await (const line of createInterface({ input: child.stdout })) found(parseReport(line));
  return ended;
}

/** What pipelineReport says of a file. */
interface Report {
  readonly error?: string;
  readonly subgroupSize: number;
  readonly threads: number;
  readonly statistics: Readonly<Record<string, number>>;
  readonly assembly: string;
}

/** A line of pipelineReport. */
export function parseReport(line: string): Compilation {
  const report: Report = JSON.parse(line);
  if (report.error !== undefined) return { error: report.error };
  const { statistics } = report;
  const statistic = (name: string): number => {
    const value = statistics[name];
    if (value !== undefined) return value;
    throw new Error(
      `RADV tells no '${name}', only ${Object.keys(statistics).join(', ')}. This was written for Mesa 25.0: adapt compile.ts.`,
    );
  };
  return {
    wave: report.subgroupSize,
    threads: report.threads,
    vectorRegisters: statistic('VGPRs'),
    spilled: statistic('Spilled VGPRs') + statistic('Spilled SGPRs'),
    scratchBytes: statistic('Scratch size'),
    waves: statistic('Subgroups per SIMD'),
    workgroupMemoryBytes: statistic('LDS size'),
    codeBytes: statistic('Code size'),
    assembly: report.assembly,
  };
}
