/** Two runs side by side: which kernels got better, and which worse. */
import type { Figures, KernelRow } from './row.ts';

export type Verdict = 'better' | 'worse' | 'changed' | 'new' | 'gone' | 'mended' | 'broken';

export interface Difference {
  readonly verdict: Verdict;
  /** Family, network, direction, layer, label; with the batches. */
  readonly kernel: string;
  /** What is different, such as `of peak 0.48 → 0.97`. */
  readonly what: readonly string[];
}

/** A share of the peak that differs by less is the same. */
const SLACK = 0.01;

/** One measure of a kernel. */
interface Measure {
  readonly name: string;
  readonly of: (figures: Figures) => number | null;
  /** Whether more of it is better; null: that depends. */
  readonly more: boolean | null;
  readonly slack?: number;
}

/** In the order in which they decide; a kernel of which none that decides differs has only changed. */
const MEASURES: readonly Measure[] = [
  { name: 'spilled registers', of: ({ spilled }) => spilled, more: false },
  { name: 'scratch bytes', of: ({ scratchBytes }) => scratchBytes, more: false },
  { name: 'of peak', of: ({ bound }) => bound?.share ?? null, more: true, slack: SLACK },
  { name: 'bytes moved a thread', of: movedBytes, more: false },
  { name: 'accesses a thread', of: accesses, more: false },
  { name: 'vector instructions', of: ({ loop, whole }) => (loop === null ? whole.vector : null), more: false },
  { name: 'waves', of: ({ waves }) => waves, more: true },
  { name: 'vgpr', of: ({ vectorRegisters }) => vectorRegisters, more: null },
  { name: 'threads', of: ({ threads }) => threads, more: null },
  { name: 'lanes of a wave', of: ({ wave }) => wave, more: null },
  { name: 'workgroup memory', of: ({ workgroupMemoryBytes }) => workgroupMemoryBytes, more: null },
  { name: 'code bytes', of: ({ codeBytes }) => codeBytes, more: null },
];

/** Of a kernel that only moves memory: a product moves as much as its tiles want. */
function movedBytes({ loop, whole }: Figures): number | null {
  return loop === null ? whole.loadBytes + whole.storeBytes : null;
}

function accesses({ loop, whole }: Figures): number | null {
  return loop === null ? whole.loads + whole.stores : null;
}

/** A row for one batch and one kind of plan. */
interface Entry {
  readonly row: KernelRow;
  readonly batch: number | null;
  readonly workgroups: number | undefined;
}

const nameOf = ({ family, by, network, direction, layer, label, nth }: KernelRow): string =>
  [family, by === 'wgrad' ? null : by, network, direction, layer, nth === 1 ? label : `${label} #${nth}`]
    .filter((word) => word !== null)
    .join(' ');

function entriesOf(rows: readonly KernelRow[]): Map<string, Entry> {
  const entries = new Map<string, Entry>();
  for (const row of rows) {
    const plans = row.subgroups === 'either' ? ['with', 'without'] : [row.subgroups];
    for (const [at, batch] of (row.batches.length === 0 ? [null] : row.batches).entries()) {
      const entry = { row, batch, workgroups: row.workgroups[at] };
      for (const plan of plans) entries.set(JSON.stringify([nameOf(row), batch, plan]), entry);
    }
  }
  return entries;
}

/** What of a network, batch and family one run has looked at: the other's kernels beyond it are not gone. */
const scopeOf = ({ row: { family, by, network }, batch }: Entry): string =>
  JSON.stringify([family, by, network, batch]);

/**
 * What is kept after another run: its rows, and of the rows before it those of networks, batches and families that it did not look
 * at.
 */
export function renewed(before: readonly KernelRow[], after: readonly KernelRow[]): KernelRow[] {
  const looked = new Set([...entriesOf(after).values()].map(scopeOf));
  const others = before.flatMap((row): KernelRow[] => {
    const isOther = (batch: number | null, at: number): boolean =>
      !looked.has(scopeOf({ row, batch, workgroups: row.workgroups[at] }));
    if (row.batches.length === 0) return isOther(null, 0) ? [row] : [];
    const batches = row.batches.filter(isOther);
    const workgroups = row.workgroups.filter((_, at) => isOther(row.batches[at], at));
    return batches.length === 0 ? [] : [{ ...row, batches, workgroups }];
  });
  return [...others, ...after];
}

function difference(before: Entry | undefined, after: Entry | undefined): Omit<Difference, 'kernel'> | null {
  if (before === undefined) return { verdict: 'new', what: [] };
  if (after === undefined) return { verdict: 'gone', what: [] };
  const [old, now] = [before.row.result, after.row.result];
  if ('error' in now) return 'error' in old ? null : { verdict: 'broken', what: [now.error.split('\n', 1)[0]] };
  if ('error' in old) return { verdict: 'mended', what: [] };
  let verdict: Verdict = 'changed';
  const what: string[] = [];
  for (const { name, of, more, slack = 0 } of MEASURES) {
    const [a, b] = [of(old), of(now)];
    if (a === null && b === null) continue;
    if (a !== null && b !== null && Math.abs(a - b) <= slack) continue;
    if (verdict === 'changed' && more !== null && a !== null && b !== null) {
      verdict = b > a === more ? 'better' : 'worse';
    }
    what.push(`${name} ${short(a)} → ${short(b)}`);
  }
  if (old.bound?.by !== now.bound?.by) what.push(`bound by ${old.bound?.by ?? '–'} → ${now.bound?.by ?? '–'}`);
  if (before.workgroups !== after.workgroups) what.push(`workgroups ${before.workgroups} → ${after.workgroups}`);
  const fused = [before, after].map(({ row }) => row.fused.join(', ') || 'nothing');
  if (fused[0] !== fused[1]) what.push(`fused: ${fused[0]} → ${fused[1]}`);
  return what.length === 0 ? null : { verdict, what };
}

const short = (value: number | null): string =>
  value === null ? '–' : Number.isInteger(value) ? String(value) : value.toFixed(2);

/** Differences of the kernels that both runs look at, the worst first; equal ones of several batches are told once. */
export function compareRows(before: readonly KernelRow[], after: readonly KernelRow[]): Difference[] {
  const [old, now] = [entriesOf(before), entriesOf(after)];
  const [oldScope, nowScope] = [old, now].map((entries) => new Set([...entries.values()].map(scopeOf)));
  const found = new Map<string, { difference: Omit<Difference, 'kernel'>; name: string; batches: Set<number> }>();
  for (const key of new Set([...old.keys(), ...now.keys()])) {
    const [a, b] = [old.get(key), now.get(key)];
    const entry = b ?? a;
    if (entry === undefined || !oldScope.has(scopeOf(entry)) || !nowScope.has(scopeOf(entry))) continue;
    const one = difference(a, b);
    if (one === null) continue;
    const name = nameOf(entry.row);
    const same = JSON.stringify([name, one]);
    const known = found.get(same) ?? { difference: one, name, batches: new Set() };
    found.set(same, known);
    if (entry.batch !== null) known.batches.add(entry.batch);
  }
  return [...found.values()]
    .map(({ difference: one, name, batches }) => ({
      ...one,
      kernel: batches.size === 0 ? name : `${name}, batch ${[...batches].sort((a, b) => a - b).join(' ')}`,
    }))
    .sort((a, b) => ORDER.indexOf(a.verdict) - ORDER.indexOf(b.verdict));
}

const ORDER: readonly Verdict[] = ['broken', 'worse', 'better', 'mended', 'changed', 'new', 'gone'];

/** The differences as text, with their numbers at the end. */
export function differenceLines(differences: readonly Difference[]): string[] {
  if (differences.length === 0) return ['no kernel differs'];
  const counts = ORDER.flatMap((verdict) => {
    const count = differences.filter((one) => one.verdict === verdict).length;
    return count === 0 ? [] : [`${count} ${verdict}`];
  });
  return [
    ...differences.map(({ verdict, kernel, what }) =>
      [`${verdict.padEnd(8)}${kernel}`, ...(what.length === 0 ? [] : [what.join('; ')])].join(': '),
    ),
    counts.join(', '),
  ];
}
