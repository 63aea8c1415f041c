/**
 * Coalescing: how many lines of memory 32 neighbouring threads touch when they come to an access together, against the fewest that
 * could hold what they need.
 */

import type { Traced, Visits } from './probe.ts';

/** Bytes that a GPU fetches at once, about: four sectors of 32. */
export const LINE = 128;
/** Threads that run in step. */
const TOGETHER = 32;

/** What the threads of a dispatch ask of memory at one place of a kernel's text. */
export interface Requests {
  /** Executions by 32 threads together. */
  readonly executions: number;
  /** Lines touched. */
  readonly lines: number;
  /** Lines that would hold the bytes that were needed. */
  readonly needed: number;
}

const NOTHING: Requests = { executions: 0, lines: 0, needed: 0 };
const plus = (a: Requests, b: Requests): Requests => ({
  executions: a.executions + b.executions,
  lines: a.lines + b.lines,
  needed: a.needed + b.needed,
});
const times = ({ executions, lines, needed }: Requests, factor: number): Requests => ({
  executions: executions * factor,
  lines: lines * factor,
  needed: needed * factor,
});

/** One execution by threads that run in step; `noted`: each one's index plus 1, or 0. */
function requestOf(noted: Uint32Array, bytes: number): Requests {
  const taken = noted.filter((index) => index > 0);
  if (taken.length === 0) return NOTHING;
  const elements = new Set(taken);
  const lines = new Set([...elements].map((index) => Math.floor(((index - 1) * bytes) / LINE)));
  return { executions: 1, lines: lines.size, needed: Math.ceil((elements.size * bytes) / LINE) };
}

function requestsOfVisits({ weight, counts, executions }: Visits, bytes: number): Requests {
  let sum = NOTHING;
  let noted = 0;
  for (const one of executions) {
    for (let from = 0; from < one.length; from += TOGETHER) {
      const together = one.subarray(from, from + TOGETHER);
      noted += together.reduce((count, index) => count + (index > 0 ? 1 : 0), 0);
      sum = plus(sum, requestOf(together, bytes));
    }
  }
  if (noted === 0) return NOTHING;
  // Only the first executions were noted: the others are taken to be like them.
  const all = counts.reduce((total, count) => total + count, 0);
  return times(sum, (weight * all) / noted);
}

/** Of a whole dispatch, estimated from the workgroups and executions that were noted. */
export function requestsOf({ site, visits }: Traced): Requests {
  return visits.map((one) => requestsOfVisits(one, site.bytes)).reduce(plus, NOTHING);
}

/** Of several accesses together. */
export const sumOf = (all: readonly Requests[]): Requests => all.reduce(plus, NOTHING);

/** Lines touched for each line needed; 1 where nothing was. */
export const ratioOf = ({ lines, needed }: Requests): number => (needed === 0 ? 1 : lines / needed);
