/**
 * How much of a GPU's arithmetic peak a loop allows, from its instructions alone.
 *
 * A wave runs through the loop once. Each part of the GPU that it needs is busy for so many cycles, seen from one vector unit
 * while all of them run the same loop:
 *
 *     multiply-adds        one a lane and cycle
 *     vector unit          every vector instruction, multiply-adds included, on lanes with a thread and without
 *     workgroup memory     its bytes, at 128 a cycle for the vector units that share it
 *     cache                bytes of global loads and stores, at 64 a cycle for those that share it
 *     scalar unit, cache   scalar instructions; bytes of scalar loads
 *
 * The peak is one multiply-add a lane and cycle. The bound is the cycles of the multiply-adds by those of the busiest part: a
 * kernel cannot be faster than that, and it can be slower, for the model leaves out
 * - latency and barriers: few waves a vector unit, or long chains, leave it idle;
 * - coalescing: a load counts the bytes that lanes ask for, in lines that they share or not;
 * - bank conflicts in workgroup memory;
 * - caches that miss, and memory behind them;
 * - dispatches of fewer waves than the GPU has vector units (the table has their workgroups);
 * - what stands around the innermost loop: a tile's loads, where the compiler did not unroll the loop within it;
 * - RDNA 3's second multiply-add in a cycle, but where the code pairs two in one instruction (`v_dual_`): the bound of such
 *   loops can exceed 1.
 */
import type { Family } from './families.ts';
import type { Counts } from './machineCode.ts';

export const PARTS = ['vector unit', 'workgroup memory', 'cache', 'scalar unit', 'scalar cache'] as const;
/** What bounds a loop. */
export type Part = (typeof PARTS)[number];

export interface Bound {
  /** Of the peak, at most. */
  readonly share: number;
  readonly by: Part;
  /** The same by the part that is busiest but for that one: what is left to gain where the first is relieved. */
  readonly next: { readonly share: number; readonly by: Part };
}

/** What runs the loop. */
export interface Wave {
  readonly lanes: number;
  /** Lanes with a thread, in the mean: a workgroup of 8 threads leaves most of a wave empty. */
  readonly active: number;
}

/** The waves of a workgroup of so many threads. */
export const waveOf = (lanes: number, threads: number): Wave => ({
  lanes,
  active: threads / Math.ceil(threads / lanes),
});

/** Cycles of each part for one wave's turn of the loop. */
export function cyclesOf(counts: Counts, wave: Wave, family: Family): Readonly<Record<Part, number>> {
  const { lanes, units } = family;
  return {
    'vector unit': (counts.vector * wave.lanes) / lanes,
    'workgroup memory': (counts.workgroupBytes * wave.active * units) / family.workgroupMemory,
    cache: ((counts.loadBytes + counts.storeBytes) * wave.active * units) / family.cache,
    'scalar unit': counts.scalar * family.scalarCycles,
    'scalar cache': (counts.scalarLoadBytes * units) / family.scalarCache,
  };
}

/** Null where the loop has no multiply-add. */
export function boundOf(counts: Counts, wave: Wave, family: Family): Bound | null {
  if (counts.multiplyAdds === 0) return null;
  const cycles = cyclesOf(counts, wave, family);
  const peak = (counts.multiplyAdds * wave.active) / family.lanes;
  const [first, second] = PARTS.map((by) => ({ share: peak / cycles[by], by })).sort((a, b) => a.share - b.share);
  return { ...first, next: second };
}
