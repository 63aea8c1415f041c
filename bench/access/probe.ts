/**
 * Writes a kernel's WGSL anew so that it notes its own accesses: each `array[index]` becomes `array[note(site, u32(index), …)]`,
 * where `note` gives the index back and leaves a trace of it in one more storage buffer. The kernel computes what it computed.
 */

import { bytesOf, type Plan, sizeOf } from '../../src/graph.ts';
import { accessesOf, type Site } from './wgslAccesses.ts';

export type ScheduledKernel = Plan['schedule']['kernels'][number];

/** A kernel that notes its accesses. */
export interface ProbedKernel<T> {
  /** The text, whose trace is an `array<u32>` bound after the kernel's other bindings. */
  readonly source: string;
  /** Words of the trace. */
  readonly words: number;
  /** What the trace says once the kernel has run. */
  read(trace: Uint32Array): T;
}

/** A way to look at a kernel. */
export type Probe<T> = (kernel: ScheduledKernel) => ProbedKernel<T>;

/** A text in the place of what stands from `at` to `until`, which is `at` where nothing is to go. */
type Piece = readonly [at: number, piece: string, until?: number];

/** Puts texts into a text, each at its place. */
function insert(source: string, pieces: readonly Piece[]): string {
  let result = '';
  let from = 0;
  for (const [at, piece, until = at] of [...pieces].sort(([a], [b]) => a - b)) {
    result += source.slice(from, at) + piece;
    from = until;
  }
  return result + source.slice(from);
}

const declarationOf = ({ bindings }: ScheduledKernel, element: string): string =>
  `@group(0) @binding(${bindings.length + 1}) var<storage, read_write> access_trace: array<${element}>;`;

/** A site whose index was not below the array's length. */
export interface Outside {
  readonly kernel: string;
  readonly site: Site;
  /** The largest index of one of the threads; of a negative one, 2^32 more. */
  readonly index: number;
  readonly length: number | string;
}

/** The entry point, as the planner writes it. */
const ENTRY = /@compute @workgroup_size\([^)]*\)\s+fn main\(((?:@builtin\(\w+\) \w+: \w+,? ?)*)\)/;

/** The text with its entry point as a function, and one that calls it before other statements. */
function withEnd(source: string, label: string, statements: string): string {
  const [head, parameters] = ENTRY.exec(source) ?? [];
  if (head === undefined) throw new Error(`The entry point of '${label}' is not as the planner writes it.`);
  const plain = parameters.replace(/@builtin\(\w+\) /g, '');
  const names = plain.replace(/: \w+/g, '');
  return `${source.replace(head, () => `fn access_main(${plain})`)}\n${head} {\naccess_main(${names});\n${statements}\n}`;
}

/** Elements of a bound array, or the text that says how many there are. */
function lengthOf({ source, bindings }: ScheduledKernel, { array, bytes, length }: Site): number | string {
  const [, binding] = new RegExp(`@binding\\((\\d+)\\) var<[^>]*> ${array}:`).exec(source) ?? [];
  if (bytes === 0 || binding === undefined) return length;
  const { operand } = bindings[Number(binding) - 1];
  return ('bytes' in operand ? operand.bytes : bytesOf(sizeOf(operand.shape), operand.dtype)) / bytes;
}

/**
 * Compares every index of every thread with its array's length. A thread keeps the largest one outside for each site and stores
 * it at its end: of all ways to note it, drivers compile this one fastest.
 */
export const boundsProbe: Probe<Outside[]> = (kernel) => {
  const sites = accessesOf(kernel.source).sites.filter(({ checked }) => !checked);
  const count = Math.max(1, sites.length);
  const noted = insert(
    kernel.source,
    sites.flatMap(({ begin, end, length }, at): Piece[] => [
      [begin, `access_note(${at}u, u32(`],
      [end, `), ${length})`],
    ]),
  );
  const store = `for (var site = 0u; site < ${count}u; site++) {
  if (access_worst[site] > 0u) { access_trace[site] = access_worst[site]; }
}`;
  return {
    source: `${withEnd(noted, kernel.label, store)}
${declarationOf(kernel, 'u32')}
var<private> access_worst: array<u32, ${count}>;
fn access_note(site: u32, index: u32, length: u32) -> u32 {
  access_worst[site] = max(access_worst[site], select(0u, index, index >= length));
  return index;
}`,
    words: count,
    read: (trace) =>
      sites.flatMap((site, at) =>
        trace[at] === 0 ? [] : [{ kernel: kernel.label, site, index: trace[at], length: lengthOf(kernel, site) }],
      ),
  };
};

/** A workgroup whose accesses are noted. */
interface Sample {
  /** Its place among all. */
  readonly group: number;
  /** Workgroups that it stands for, itself included. */
  readonly weight: number;
}

/** Of a site in one workgroup. */
export interface Visits {
  /** Workgroups that this one stands for. */
  readonly weight: number;
  /** How often each thread came by. */
  readonly counts: Uint32Array;
  /** For each of the first executions, each thread's index plus 1; 0 where it took no part. */
  readonly executions: readonly Uint32Array[];
}

/** What was seen of a site of a kernel. */
export interface Traced {
  readonly kernel: string;
  readonly site: Site;
  /** Workgroups that were looked at. */
  readonly visits: readonly Visits[];
}

/** Bytes of a kernel's trace, about, and the executions of a site that are noted. */
const TRACE_BYTES = 8 * 2 ** 20;
const MOST_EXECUTIONS = 64;
const LEAST_EXECUTIONS = 4;
/** Workgroups between the first and the last that are noted. */
const BETWEEN = 3;

const productOf = (extents: readonly number[]): number => extents.reduce((product, extent) => product * extent, 1);

/** The first, the last and some workgroups between them, of each kernel that shares the dispatch. */
export function samplesOf(groupsOfParts: readonly number[]): Sample[] {
  let start = 0;
  return groupsOfParts.flatMap((groups) => {
    const first = start;
    start += groups;
    if (groups <= BETWEEN + 2) return Array.from({ length: groups }, (_, at) => ({ group: first + at, weight: 1 }));
    const between = Array.from({ length: BETWEEN }, (_, at) => ({
      group: first + Math.round(((at + 1) * (groups - 1)) / (BETWEEN + 1)),
      weight: (groups - 2) / BETWEEN,
    }));
    return [{ group: first, weight: 1 }, ...between, { group: first + groups - 1, weight: 1 }];
  });
}

/** A site that notes its index; with `drops` what is written there, a float, is computed no further than its own accesses. */
function notesOf({ begin, end, body, assigns }: Site, at: number, drops: boolean): Piece[] {
  const note = `access_note(${at}u, ${body}u, u32(`;
  if (!drops || assigns === null) {
    return [
      [begin, note],
      [end, '))'],
    ];
  }
  return [
    [assigns.from, `_ = ${note}`, begin],
    [end, ')); _ ', assigns.equals],
  ];
}

/** A write into a workgroup's memory whose value is dropped likewise, unless what is indexed there notes something itself. */
function droppedOf({ assigns }: Site, noted: readonly Site[]): Piece[] {
  if (assigns === null) return [];
  const { from, equals } = assigns;
  return noted.some(({ begin }) => begin > from && begin < equals) ? [] : [[from, '_ ', equals]];
}

/**
 * Notes where the threads of a few workgroups access storage and uniform buffers. A site's executions are told apart by how often
 * the loop or function around it was entered, so that threads which skip one do not fall behind the others. `whole`: whether the other
 * workgroups run as well; else nothing is known of what the kernel writes, and of what is computed from that. Floats are not written
 * then at all, so that the driver's compiler leaves out what computes them: of a product remain the indices, which compile in a
 * fraction of the time.
 */
export const lineProbe =
  (whole = true): Probe<Traced[]> =>
  (kernel) => {
    const { sites: all, bodies } = accessesOf(kernel.source);
    const sites = all.filter(({ space }) => space === 'storage' || space === 'uniform');
    const { threads } = kernel;
    const samples = samplesOf(
      kernel.parts.length === 0
        ? [productOf(kernel.grid)]
        : kernel.parts.map(({ template: { grid } }) => (typeof grid === 'number' ? grid : productOf(grid))),
    );
    const perExecution = 4 * threads * Math.max(1, sites.length) * samples.length;
    const executions = Math.min(MOST_EXECUTIONS, Math.max(LEAST_EXECUTIONS, Math.floor(TRACE_BYTES / perExecution)));
    const wordsOfSite = (executions + 1) * threads;
    const wordsOfSample = sites.length * wordsOfSite;
    const main = kernel.source.indexOf('fn main(') + 'fn main('.length;
    const entry = bodies.find((at) => at > main);
    if (entry === undefined || main < 'fn main('.length)
      throw new Error(`'${kernel.label}' has no entry point 'main'.`);
    const parameters = kernel.source.slice(main, entry);
    const builtins = Object.entries({ workgroup_id: 'vec3u', num_workgroups: 'vec3u', local_invocation_index: 'u32' })
      .filter(([name]) => !parameters.includes(`@builtin(${name})`))
      .map(([name, type]) => `@builtin(${name}) all_${name}: ${type}, `);
    const rest = '\nif (access_sample == NOT_NOTED) { return; }';
    const source = insert(kernel.source, [
      [main, builtins.join('')],
      [entry, `\nlet access_sample = access_sample_of(all_workgroup_id, all_num_workgroups);${whole ? '' : rest}`],
      [
        entry,
        '\naccess_words = select(access_sample + all_local_invocation_index, NOT_NOTED, access_sample == NOT_NOTED);',
      ],
      ...bodies.map((at, body): Piece => [at, ` access_entered[${body}] += 1u;`]),
      ...sites.flatMap((site, at) => notesOf(site, at, !whole)),
      ...(whole ? [] : all.filter(({ space }) => space === 'workgroup').flatMap((site) => droppedOf(site, sites))),
    ]);
    const cases = samples.map(({ group }, at) => `case ${group}u: { return ${at * wordsOfSample}u; }`);
    return {
      source: `${source}
${declarationOf(kernel, 'u32')}
var<private> access_words: u32;
var<private> access_entered: array<u32, ${bodies.length}>;
const NOT_NOTED = 0xffffffffu;
fn access_sample_of(group: vec3u, groups: vec3u) -> u32 {
  switch ((group.z * groups.y + group.y) * groups.x + group.x) {
    ${cases.join('\n    ')}
    default: { return NOT_NOTED; }
  }
}
fn access_note(site: u32, body: u32, index: u32) -> u32 {
  if (access_words != NOT_NOTED) {
    let words = access_words + site * ${wordsOfSite}u;
    access_trace[words] += 1u;
    let entered = access_entered[body];
    if (entered <= ${executions}u) { access_trace[words + entered * ${threads}u] = index + 1u; }
  }
  return index;
}`,
      words: Math.max(1, samples.length * wordsOfSample),
      read: (trace) =>
        sites.map((site, at) => ({
          kernel: kernel.label,
          site,
          visits: samples.map(({ weight }, sample) => {
            const from = sample * wordsOfSample + at * wordsOfSite;
            const row = (which: number): Uint32Array =>
              trace.slice(from + which * threads, from + (which + 1) * threads);
            return {
              weight,
              counts: row(0),
              executions: Array.from({ length: executions }, (_, which) => row(which + 1)),
            };
          }),
        })),
    };
  };
