/** How much a thread takes on the CPU, where a long text costs more than many threads. */

import type { Target } from '../../ir/op.ts';
import { cpuLanes } from '../../ir/target.ts';

/** Elements below which a kernel runs for less time than its text takes to compile. */
const BRIEF = 16384;

/**
 * Of a thread: a vec4f's load or store is four times the code of a float's, at a third of the speed an element, so four at once
 * are for kernels that are not brief.
 */
export const widthFor = (elements: number): 1 | 4 => (elements > BRIEF ? 4 : 1);

/** Turns of a thread, where beginning a subgroup costs as much as several of them. */
const MOST_TURNS = 16;
/** Workgroups that are left for many cores. */
const LEAST_GROUPS = 64;

const turnsOf = (threads: number): number =>
  Math.min(MOST_TURNS, Math.max(1, Math.floor(threads / (64 * LEAST_GROUPS))));

export function pointwise(size: number): { readonly width: 1 | 4; readonly turns: number | null } {
  const width = widthFor(size);
  return { width, turns: width === 1 ? null : turnsOf(size / width) };
}

export function update(size: number, target: Target): { readonly width: 1 | 4; readonly turns: number } {
  // With 16 lanes the text for a vec4f is longer than the processor's cache of instructions.
  const width = cpuLanes(target) === 16 ? 1 : 4;
  return { width, turns: turnsOf(Math.ceil(size / width)) };
}
