/**
 * What a real GPU's compiler makes of the kernels, on a machine without a GPU:  npm run bench:isa [-- --help]
 *
 * Training steps are planned for a GPU (isa/plannedKernels.ts), each kernel is turned into SPIR-V by Dawn (isa/translate.ts) and
 * compiled by Mesa's RADV for AMD's GPUs (isa/compile.ts). Of the machine code the innermost loop is counted
 * (isa/machineCode.ts) and held against what the GPU can do in a cycle (isa/bound.ts has the model and what it leaves out).
 * Nothing is run, so nothing is timed: the figures are the same on every machine with the same Mesa.
 */
import { existsSync } from 'node:fs';
import { printLines, traceStep } from './access/step.ts';
import { compareRows, differenceLines, renewed } from './isa/compare.ts';
import type { FamilyName } from './isa/families.ts';
import { readRows, writeRows } from './isa/kept.ts';
import { type Looked, look } from './isa/look.ts';
import { type IsaFlags, readIsaFlags } from './isa/options.ts';
import { peerSubjects } from './isa/peerKernels.ts';
import { StepPlanner } from './isa/plannedKernels.ts';
import { plannedSubjects, type Subject } from './isa/subject.ts';
import { tables } from './isa/table.ts';
import { MissingTools } from './isa/tools.ts';
import { wgslSubjects } from './isa/wgslFiles.ts';

/** Exit codes: what is looked at could not be, and the machine lacks a tool. */
const FAILED = 1;
const LACKS = 2;
/** Lanes of a subgroup for which the steps of `--lines` are planned, and their accesses that are listed. */
const LANES = 32;
const WORST = 20;

try {
  process.exit(await main(readIsaFlags(process.argv.slice(2))));
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exit(error instanceof MissingTools ? LACKS : FAILED);
}

async function main(flags: IsaFlags): Promise<number> {
  // Read first: a fault in the file is told before minutes have gone.
  const kept = flags.compare === null ? null : readRows(flags.compare);
  const before = flags.keep === null || !existsSync(flags.keep) ? [] : readRows(flags.keep);
  const subjects = await collect(flags);
  const looked = await look(subjects);
  if (flags.isa !== null) printCode(flags.isa, subjects, looked);
  else for (const line of tables(looked.rows)) console.log(line);
  if (flags.json !== null) await writeRows(flags.json, looked.rows);
  if (flags.keep !== null) await writeRows(flags.keep, renewed(before, looked.rows));
  if (kept !== null) {
    console.log(`\nagainst ${flags.compare}:`);
    for (const line of differenceLines(compareRows(kept, looked.rows))) console.log(line);
  }
  if (flags.lines) await printSteps(flags);
  return looked.rows.some(({ result }) => 'error' in result) ? FAILED : 0;
}

async function collect(flags: IsaFlags): Promise<ReadonlyMap<FamilyName, readonly Subject[]>> {
  const { families, networks, batches, wgsl } = flags;
  if (wgsl !== null) {
    const files = wgslSubjects(wgsl);
    return new Map(families.map((family) => [family, files]));
  }
  const peers = flags.peers ? await peerSubjects(batches, (line) => console.error(line)) : [];
  const planner = await StepPlanner.open();
  try {
    const subjects = new Map<FamilyName, readonly Subject[]>();
    for (const family of families) {
      subjects.set(family, [...(await plannedSubjects(planner, networks, batches, family)), ...peers]);
    }
    return subjects;
  } finally {
    planner.close();
  }
}

/** What the machine code does not tell: which lines of memory the accesses of the same steps touch. */
async function printSteps({ networks, batches }: IsaFlags): Promise<void> {
  for (const network of networks) {
    for (const batch of batches) {
      const step = { network, batch, subgroups: LANES, sampled: false };
      console.log('');
      printLines(console.log, await traceStep(step), step, WORST);
    }
  }
}

/** The machine code of the kernels whose names match, each once. */
function printCode(pattern: RegExp, subjects: ReadonlyMap<FamilyName, readonly Subject[]>, looked: Looked): void {
  for (const [family, some] of subjects) {
    const shown = new Set<string>();
    for (const subject of some) {
      const { by, network, batch, direction, layer, label } = subject;
      const name = [by, network, batch, direction, layer, label].filter((word) => word !== null).join(' ');
      const code = pattern.test(name) ? looked.assemblyOf(subject, family) : null;
      if (code === null || shown.has(code)) continue;
      shown.add(code);
      console.log(`\n${family} · ${name}\n${code}`);
    }
  }
}
