/** What is told of a kernel on one family of GPUs. */
import { type Bound, boundOf, waveOf } from './bound.ts';
import type { Compiled } from './compile.ts';
import { FAMILIES, type FamilyName } from './families.ts';
import {
  type Block,
  blocksOf,
  type Counts,
  countsOf,
  innermostLoops,
  type Loop,
  loopAround,
  loopsOf,
  scalarRegistersIn,
  sumsOfProducts,
} from './machineCode.ts';
import { type KernelName, keyOf, type Subject } from './subject.ts';

/** What the driver and the machine code say. */
export interface Figures {
  /** Lanes of a wave. */
  readonly wave: number;
  /** Invocations of a workgroup. */
  readonly threads: number;
  readonly vectorRegisters: number;
  readonly scalarRegisters: number;
  readonly spilled: number;
  readonly scratchBytes: number;
  /** Waves that a vector unit holds, as the driver counts them: one of 64 lanes is two where the unit computes 32. */
  readonly waves: number;
  readonly workgroupMemoryBytes: number;
  readonly codeBytes: number;
  /** One turn of the innermost loop that sums up most products; of straight code, all of it. Null where there is none. */
  readonly loop: Counts | null;
  /** Vector instructions in a turn of the loop around it, its own not counted; 0 where there is none. */
  readonly around: number;
  /** Where there is no such loop: one turn of the innermost loop that reads most. Null where there is no loop. */
  readonly turn: Counts | null;
  /** The whole kernel, loops counted once. */
  readonly whole: Counts;
  readonly bound: Bound | null;
}

/** A kernel's name with its batches instead of one, where they share their machine code, and without what tells them apart. */
export interface KernelRow extends Omit<KernelName, 'batch' | 'subgroups'> {
  readonly family: FamilyName;
  readonly batches: readonly number[];
  /** Workgroups of the dispatch at each of them; none where nobody knows. */
  readonly workgroups: readonly number[];
  /** `either`: the same code with subgroups and without. */
  readonly subgroups: 'with' | 'without' | 'either' | null;
  readonly fused: readonly string[];
  /** Why it was not compiled, or what it became. */
  readonly result: Figures | { readonly error: string };
}

/** Straight code of so many sums of products counts as an unrolled loop. */
const UNROLLED = 64;

/** The code that does most of a product's work, or null where the kernel only moves memory. */
function hotLoop(blocks: readonly Block[]): Loop | null {
  const loops = innermostLoops(loopsOf(blocks));
  const works = loops.map((loop) => ({ loop, products: sumsOfProducts(blocks, loop) }));
  const whole = { first: 0, last: blocks.length - 1 };
  const best = works.reduce((most, one) => (one.products > most.products ? one : most), { loop: whole, products: 0 });
  if (best.products > 0) return best.loop;
  return loops.length === 0 && sumsOfProducts(blocks, whole) >= UNROLLED ? whole : null;
}

/** Vector instructions of the loop around a loop, without its own. */
function vectorAround(blocks: readonly Block[], loop: Loop): number {
  const around = loopAround(loop, loopsOf(blocks));
  return around === null ? 0 : countsOf(blocks, around).vector - countsOf(blocks, loop).vector;
}

/** The loop that reads most bytes in a turn. */
function readingLoop(blocks: readonly Block[]): Counts | null {
  const turns = innermostLoops(loopsOf(blocks)).map((loop) => countsOf(blocks, loop));
  return turns.sort((a, b) => b.loadBytes - a.loadBytes)[0] ?? null;
}

export function figuresOf(compiled: Compiled, family: FamilyName): Figures {
  const { assembly, ...told } = compiled;
  const blocks = blocksOf(assembly);
  const hot = hotLoop(blocks);
  const loop = hot === null ? null : countsOf(blocks, hot);
  const machine = FAMILIES[family];
  return {
    ...told,
    scalarRegisters: scalarRegistersIn(blocks),
    loop,
    around: hot === null ? 0 : vectorAround(blocks, hot),
    turn: loop === null ? readingLoop(blocks) : null,
    whole: countsOf(blocks, { first: 0, last: blocks.length - 1 }),
    bound: loop === null ? null : boundOf(loop, waveOf(told.wave, told.threads), machine),
  };
}

/** A kernel's name at any batch. */
const nameOf = (subject: Subject): string => keyOf({ ...subject, batch: null, subgroups: null });

/** One row for each kernel; batches whose kernel is the same share it, and so do the plans with and without subgroups. */
export function rowsOf(
  subjects: readonly Subject[],
  family: FamilyName,
  resultOf: (subject: Subject) => KernelRow['result'],
): KernelRow[] {
  interface Draft {
    readonly subject: Subject;
    readonly result: KernelRow['result'];
    readonly seen: Subject[];
  }
  const drafts = new Map<string, Draft>();
  for (const subject of subjects) {
    const { code } = subject.shader;
    const key = `${nameOf(subject)}${code}`;
    const draft = drafts.get(key) ?? { subject, result: resultOf(subject), seen: [] };
    drafts.set(key, draft);
    draft.seen.push(subject);
  }
  // What has the same name stands together, in the order of the step.
  const names = [...new Set([...drafts.values()].map(({ subject }) => nameOf(subject)))];
  const places = new Map(names.map((name, at) => [name, at]));
  const placeOf = ({ subject }: Draft): number => places.get(nameOf(subject)) ?? 0;
  const ordered = [...drafts.values()].sort((a, b) => placeOf(a) - placeOf(b));
  return ordered.flatMap(({ subject, result, seen }) => {
    const { shader: _, batch: __, subgroups: ___, workgroups: ____, ...name } = subject;
    const row = (subgroups: KernelRow['subgroups'], some: readonly Subject[]): KernelRow[] => {
      if (some.length === 0) return [];
      const batches = some.flatMap(({ batch }) => (batch === null ? [] : [batch]));
      const workgroups = some.flatMap(({ workgroups }) => (workgroups === null ? [] : [workgroups]));
      return [{ ...name, family, batches, workgroups, subgroups, result }];
    };
    if (subject.subgroups === null) return row(null, seen);
    const [on, off] = [true, false].map((are) => seen.filter(({ subgroups }) => (subgroups === 'with') === are));
    const has = (some: readonly Subject[], one: Subject): boolean => some.some(({ batch }) => batch === one.batch);
    return [
      ...row(
        'either',
        on.filter((one) => has(off, one)),
      ),
      ...row(
        'with',
        on.filter((one) => !has(off, one)),
      ),
      ...row(
        'without',
        off.filter((one) => !has(on, one)),
      ),
    ];
  });
}
