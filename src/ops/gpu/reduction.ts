/**
 * Reductions on a GPU, where threads side by side should read addresses side by side. What combines the values is given as
 * WGSL, so that sums, extrema, positions and counts share these kernels:
 *
 *     staged    rows that are short, or begin within a line, by way of the workgroup's memory (reduce_staged.wgsl)
 *     tiles     several threads a result, combined in pairs (reduce_tile.wgsl); in two passes where results are few
 *     thread    a thread a result, where results are many and lie side by side
 */

import type { Extents, KernelTemplate, KernelVariant, Reduction, Scratch, Target } from '../../ir/op.ts';
import { GUARANTEED_WORKGROUP, SUBGROUP_VALUES } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import type { Holes } from '../../wgsl/template.ts';

/** Threads of a workgroup, and of one where results are few and extents long. */
const FEW = 64;
const MANY = 256;
/** Bytes that threads side by side should read together. */
const LINE = 128;
/** Results from which on a thread each keeps a GPU busy. */
const BUSY = 16384;
/** Workgroups that do. */
const WORKGROUPS = 512;
/** Values a thread from which on a second pass costs less than it saves. */
const SHORTEST = 32;
/** By how much there are fewer parts in the way that leaves less to a second pass. */
const FEWER = 4;
/** Values of a thread that are combined before they meet the rest. */
const BLOCK = 128;
/** Elements of the longest stretch that is staged in any case. */
const SHORT = 32;
/** Words of workgroup memory for staged ones: 32 rows of 33. */
const STAGED_WORDS = 1088;

/** Whether neighbouring results lie so close, and are so many, that a thread each reads well and keeps a GPU busy. */
const isWide = ({ outer, extent, inner }: Extents): boolean =>
  inner * 4 >= LINE && (outer * inner >= 4 * BUSY || extent <= 8);

/** How a workgroup is laid over a tensor of `columns`. */
interface Tile {
  readonly threads: number;
  /** Of columns. */
  readonly blocks: number;
  readonly across: number;
  readonly lanes: number;
  /** Stretches. */
  readonly rows: number;
}

/**
 * Threads a column, of `threads`: so many that the workgroup's reads begin with a line (`line` columns), if it can.
 */
function lanesOf(threads: number, across: number, line: number): number {
  const lanes = Math.floor(threads / across);
  let step = 1;
  while ((step * across) % line !== 0) step *= 2;
  return lanes < step ? lanes : lanes - (lanes % step);
}

/**
 * Neighbouring columns of a workgroup: a line of them where all rows begin with one; else as many as it can take, so that few
 * lines are shared with others.
 */
const acrossOf = (columns: number, threads: number, line: number): number =>
  columns % line === 0 ? line : Math.ceil(columns / Math.ceil(columns / threads));

/** Four rows to a workgroup, whose results are stored as one vec4f; worth it for so many workgroups. */
const QUAD: Tile = { threads: FEW, blocks: 1, across: 1, lanes: 16, rows: 4 };
const QUADS = 256;

const powerOfTwoFrom = (n: number): number => 2 ** Math.ceil(Math.log2(n));
const powerOfTwoTo = (n: number): number => 2 ** Math.floor(Math.log2(n));
const isPowerOfTwo = (n: number): boolean => (n & (n - 1)) === 0;

function tileOf({ outer, extent, inner: columns }: Extents, width: 1 | 4, target: Target): Tile {
  const line = LINE / 4 / width;
  const few = acrossOf(columns, FEW, line);
  const groups = outer * Math.ceil(columns / few);
  const long = extent * few > 16 * FEW;
  const idle = few * lanesOf(FEW, few, line) < 0.75 * FEW;
  const most = (target.workgroup ?? GUARANTEED_WORKGROUP).threads;
  const threads = most >= MANY && long && (idle || groups < WORKGROUPS / 2) ? MANY : FEW;
  const across = acrossOf(columns, threads, line);
  const blocks = Math.ceil(columns / across);
  // Where rows are many, fewer threads each: there is less to combine, and more in a thread to do side by side.
  const enough = columns === 1 && groups >= 1024 ? (extent > 1024 ? 64 : 32) : threads;
  const lanes = Math.min(lanesOf(threads, across, line), enough, powerOfTwoFrom(extent));
  return { threads, blocks, across, lanes, rows: blocks === 1 ? Math.floor(threads / (across * lanes)) : 1 };
}

/** The names of the ways, the default first; `words`: of a value. */
function namesOf(extents: Extents, words: number): readonly ('staged' | 'tile' | 'thread')[] {
  if (extents.extent === 1) return ['thread'];
  if (isWide(extents)) return ['thread', 'tile'];
  const many = extents.outer * extents.inner >= BUSY / 4 ? (['thread'] as const) : [];
  return isStaged(extents, words) ? ['staged', 'tile', ...many] : ['tile', ...many];
}

export function reduction(reduction: Reduction, extents: Extents, target: Target): KernelVariant[] {
  const tile = (fewer: number): KernelTemplate[] => tileKernels(reduction, extents, target, fewer);
  const kernels = {
    staged: () => [stagedKernel(reduction, extents, target)],
    tile: () => tile(1),
    thread: () => reduction.byThread(reduction.vector && extents.inner % 4 === 0 ? 4 : 1),
  };
  const ways = namesOf(extents, reduction.words).map((name) => ({ name, kernels: kernels[name] }));
  const split = ways.some(({ name }) => name === 'tile') && tile(1).length > 1;
  return split ? [...ways, { name: 'tile, fewer parts', kernels: () => tile(FEWER) }] : ways;
}

/** One kernel, or two where few results come of many values: then of `fewer` times fewer parts than keep a GPU busy. */
function tileKernels(reduction: Reduction, extents: Extents, target: Target, fewer: number): KernelTemplate[] {
  const { outer, extent, inner } = extents;
  if (reduction.vector && inner % 4 === 0) {
    return tiles(reduction, { ...extents, inner: inner / 4 }, 4, target, fewer);
  }
  if (reduction.vector && inner === 1 && extent % 4 === 0) {
    const fours = { outer, extent: extent / 4, inner };
    const cut = chunksOf(fours, tileOf(fours, 4, target), fewer);
    if (cut.chunks > 1) return twoPasses(reduction, fours, cut, 4, target, true);
    if (outer % 4 === 0 && outer >= 4 * QUADS && fours.extent >= QUAD.lanes) {
      return [tileKernel(reduction, fours, { ...cut, tile: QUAD }, 4, target, { along: true, quad: true })];
    }
  }
  return tiles(reduction, extents, 1, target, fewer);
}

/** Whether rows are so short that a thread each is enough, or fit into a workgroup's memory and would be read across lines. */
function isStaged({ outer, extent, inner }: Extents, words: number): boolean {
  const size = extent * inner;
  return outer > 1 && (size <= SHORT || (inner < FEW && size * words < STAGED_WORDS && (size * 4) % LINE !== 0));
}

/** How a tensor is cut among workgroups. */
interface Cut {
  readonly tile: Tile;
  /** Along the extent. */
  readonly chunk: number;
  readonly chunks: number;
}

function chunksOf({ outer, extent }: Extents, tile: Tile, fewer: number): Cut {
  const each = Math.ceil(extent / tile.lanes);
  const wanted = Math.ceil(WORKGROUPS / (outer * tile.blocks));
  const parts = Math.floor(Math.min(wanted, each / SHORTEST) / fewer);
  const chunk = Math.ceil(each / Math.max(1, parts)) * tile.lanes;
  return { tile, chunk, chunks: Math.ceil(extent / chunk) };
}

function tiles(reduction: Reduction, extents: Extents, width: 1 | 4, target: Target, fewer: number): KernelTemplate[] {
  const cut = chunksOf(extents, tileOf(extents, width, target), fewer);
  if (cut.chunks > 1) return twoPasses(reduction, extents, cut, width, target, false);
  return [tileKernel(reduction, extents, cut, width, target)];
}

/** `along`: what is read four at a time along the extent is one number for the second pass. */
function twoPasses(
  reduction: Reduction,
  extents: Extents,
  cut: Cut,
  width: 1 | 4,
  target: Target,
  along: boolean,
): KernelTemplate[] {
  const { outer, inner } = extents;
  const left = along ? 1 : width;
  const element = reduction.number(left);
  const partial: Scratch = { bytes: outer * cut.chunks * inner * left * reduction.words * 4 };
  const parts: Reduction = {
    ...reduction,
    label: `${reduction.label} (parts)`,
    result: along ? 'partial[result] = total.x;' : 'partial[result] = total;',
  };
  const rest: Reduction = {
    ...reduction,
    value: 'input[i]',
    reads: () => [{ name: 'input', operand: partial, element }],
  };
  return [
    {
      ...tileKernel(parts, extents, cut, width, target, { along, quad: false }),
      writes: [{ name: 'partial', operand: partial, element }],
    },
    ...tiles(rest, { outer, extent: cut.chunks, inner }, left, target, 1),
  ];
}

function tileKernel(
  reduction: Reduction,
  { outer, extent, inner: columns }: Extents,
  { tile: { threads, blocks, across, lanes, rows }, chunk, chunks }: Cut,
  width: 1 | 4,
  target: Target,
  { along, quad } = { along: false, quad: false },
): KernelTemplate {
  const stretches = outer * chunks;
  const aligned = isPowerOfTwo(across) && (rows === 1 || isPowerOfTwo(lanes));
  return {
    ...kernelOf(reduction, width, target, shaders.reduce_tile, { THREADS: threads, ALONG: along, QUAD: quad }),
    workgroup: threads,
    memory: threads * reduction.words * width * 4,
    uniforms: {
      stretches,
      extent,
      columns,
      chunk,
      chunks,
      blocks,
      across,
      lanes,
      rows,
      block: BLOCK,
      ...(target.subgroups === null ? {} : { aligned: aligned ? 1 : 0 }),
    },
    grid: Math.ceil(stretches / rows) * blocks,
  };
}

function stagedKernel(reduction: Reduction, { outer, extent, inner }: Extents, target: Target): KernelTemplate {
  const size = extent * inner;
  const pitch = size | 1;
  const places = Math.floor(STAGED_WORDS / reduction.words);
  const rows = Math.min(Math.floor(FEW / inner), powerOfTwoTo(places / pitch));
  const lanes = Math.min(powerOfTwoTo(FEW / (rows * inner)), powerOfTwoTo(extent));
  return {
    ...kernelOf(reduction, 1, target, shaders.reduce_staged, { PLACES: places, THREADS: FEW }),
    memory: (places + FEW) * reduction.words * 4,
    uniforms: { outer, extent, columns: inner, rows, pitch, lanes },
    grid: Math.ceil(outer / rows),
  };
}

/** What both kernels have in common. */
function kernelOf(
  { label, source, holes, number, combine, value, result, reads, alone }: Reduction,
  width: 1 | 4,
  target: Target,
  main: string,
  own: Holes,
): Omit<KernelTemplate, 'grid'> {
  const subgroups = target.subgroups !== null;
  return {
    label,
    source: [source, shaders.reduce_values, shaders.of_thread, main].join('\n'),
    builtins: ['workgroup_index', 'local_invocation_index', ...(subgroups ? SUBGROUP_VALUES : [])],
    enables: subgroups ? ['subgroups'] : [],
    holes: {
      ...holes,
      ...own,
      NUMBER: number(width),
      COMBINE: combine,
      VALUE: value,
      RESULT: result,
      SUBGROUPS: subgroups,
    },
    reads: reads(width),
    width,
    ...(alone === undefined ? {} : { alone }),
  };
}
