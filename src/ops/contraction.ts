/**
 * The ways in which Σ_k A(m, k) B(k, n) is computed, and over how many workgroups the sum is split. Matrix products and
 * convolutions share them: each brings loaders that say what A and B are.
 *
 *     subgroupTile 2x2     blocks of rows and of columns a subgroup, spread by broadcasts (contraction_subgroup.wgsl)
 *     registerTile 8x4     rows and columns a thread (contraction_register.wgsl)
 *     workgroupTile 64x32  rows and columns a workgroup, staged through its memory (contraction_workgroup.wgsl)
 */

import { sizeOf } from '../base/shape.ts';
import { type Binding, isScratch, type KernelTemplate, type KernelVariant, type Scratch } from '../ir/op.ts';
import { cpuLanes, fitsUniform, GUARANTEED_WORKGROUP, MAX_GRID, type Target } from '../ir/target.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { type Holes, pickHoles } from '../wgsl/template.ts';
import { reduceKernels } from './reduce.ts';

/** How an operand of a contraction lies in memory. */
export interface ContractionOperand {
  /** Whether neighbours in memory are neighbours in k; else they are neighbouring rows (of A) or columns (of B). */
  readonly alongK: boolean;
  /** Whether four neighbouring rows or columns of one k are one aligned vec4f: the loaders then know BLOCK_A or BLOCK_B. */
  readonly blocks: boolean;
  /** Whether it is a matrix whose rows follow each other in memory without gaps. */
  readonly linear: boolean;
  /** How it is bound for `load_a` or `load_b`; as vec4f where it is read in blocks. */
  readonly binding: Binding;
}

export interface Contraction {
  readonly label: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  /**
   * WGSL of row_of, column_of, load_a and load_b; with the hole BLOCK_A of load_rows instead of load_a, with BLOCK_B of
   * load_columns instead of load_b.
   */
  readonly loaders: string;
  readonly holes: Holes;
  readonly a: ContractionOperand;
  readonly b: ContractionOperand;
  readonly uniforms?: Readonly<Record<string, number>>;
  /** Elements that so many rows of A have in one run of memory, where loaders with the hole STAGED_X can stage them. */
  readonly runOf?: (rows: number) => number;
}

/** A way to compute it: how much a workgroup takes, and the WGSL that does. */
interface Tiling {
  readonly name: string;
  /** Rows and columns of a workgroup. */
  readonly rows: number;
  readonly columns: number;
  readonly workgroup: number;
  /** What follows the loaders. */
  readonly source: string;
  readonly holes: Holes;
  readonly enables?: readonly string[];
  /** Which operands are read in blocks if they can be. */
  readonly blocks?: { readonly a: boolean; readonly b: boolean };
  /** Whether operands that fit are bound as uniform buffers. */
  readonly uniformOperands?: boolean;
  readonly uniforms?: Readonly<Record<string, number>>;
  /** What the parts of a split sum are multiples of; default 4. */
  readonly multiple?: number;
  /** What one k costs a thread, in multiply-adds; tiles of a workgroup have it. */
  readonly effort?: number;
  /** Bytes of workgroup memory. */
  readonly memory?: number;
  /** Not worth a measurement. */
  readonly hopeless?: boolean;
}

/** Workgroups that keep a CPU busy, threads that keep a GPU busy; a sum is split when there are fewer tiles. */
const BUSY = { software: 16, threads: 32768 };
/** What one more kernel costs on a GPU, in multiply-adds of a thread. */
const LAUNCH = 4000;
/** Shortest share of a split sum. */
const MIN_CHUNK = { software: 256, hardware: 128 };
/** Products below which a tile's compile time costs more than its speed gains. */
const SMALL = 4e6;

const widthOf = (n: number): 1 | 4 => (n % 4 === 0 ? 4 : 1);

/** Blocks of LANES rows by blocks of LANES columns a subgroup. */
function subgroupTile({ m, n }: Contraction, lanes: number, tileM: number, tileN: number): Tiling {
  const width = widthOf(n);
  const subgroups = Math.min(4, Math.ceil(m / (tileM * lanes)));
  const columns = tileN * lanes;
  return {
    name: `subgroupTile ${tileM}x${tileN}`,
    rows: tileM * lanes * subgroups,
    columns,
    workgroup: lanes * subgroups,
    source: shaders.contraction_subgroup,
    enables: ['subgroups'],
    blocks: { a: false, b: true },
    // Adapters on the CPU read uniform buffers two to three times as fast as storage.
    uniformOperands: true,
    holes: {
      LANES: lanes,
      BLOCKS: lanes / 4,
      ROWS: tileM * lanes,
      COLUMNS: columns,
      QUADS: columns / 4,
      TILE_M: tileM,
      TILE_N: tileN,
      ROW_STORES: columns / width,
      WIDTH: width,
    },
    uniforms: { stores: (tileM * columns) / width },
  };
}

/** Rows by columns a thread, both multiples of four; neighbouring threads take neighbouring rows. */
function registerTile({ m }: Contraction, target: Target, tileM: number, tileN: number): Tiling {
  const workgroup = Math.min(target.software ? 16 : 64, Math.ceil(m / tileM));
  return {
    name: `registerTile ${tileM}x${tileN}`,
    rows: tileM * workgroup,
    columns: tileN,
    workgroup,
    source: `${shaders.contraction_store}\n${shaders.contraction_register}`,
    blocks: { a: true, b: true },
    // A third as fast as a subgroup's tile, and a second of compile time.
    hopeless: cpuLanes(target) === 16,
    holes: { TILE_M: tileM, BLOCKS: tileM / 4, COLUMNS: tileN, QUADS: tileN / 4, STEP: 1 },
  };
}

/** A tile of a workgroup, and what a thread of it multiplies, in fours. */
interface WorkgroupShape {
  readonly rows: number;
  readonly columns: number;
  readonly quadRows: number;
  readonly quadColumns: number;
  /** Threads that share the sum of each result; default 1. Only tiles without STEP have more. */
  readonly slices?: number;
}

/**
 * Eight by eight results a thread keep the arithmetic and workgroup memory equally busy; fewer are for narrow and for small
 * results. More would leave fewer than eight waves a SIMD their registers.
 */
const WORKGROUP_SHAPES: readonly WorkgroupShape[] = [
  { rows: 128, columns: 128, quadRows: 2, quadColumns: 2 },
  { rows: 128, columns: 64, quadRows: 2, quadColumns: 2 },
  { rows: 64, columns: 64, quadRows: 2, quadColumns: 2 },
  { rows: 64, columns: 32, quadRows: 2, quadColumns: 1 },
  { rows: 64, columns: 16, quadRows: 2, quadColumns: 2, slices: 4 },
  { rows: 64, columns: 12, quadRows: 1, quadColumns: 3, slices: 4 },
  { rows: 32, columns: 32, quadRows: 1, quadColumns: 1 },
];

/** Values of k that a workgroup loads at once: two strips of sixteen. */
const STRIPS = 32;

/** Elements of a line of memory. */
const LINE = 32;

/** How an operand is brought into the strips of a tile. */
interface Way {
  readonly alongK: boolean;
  /** Quads of one k, where the operand is read by them as it lies; else 0. */
  readonly whole: number;
  /** Elements that are read one by one, as they lie, into memory of their own; else 0. */
  readonly staged: number;
  /** Those are all values of k. */
  readonly allK: boolean;
}

/** By blocks. */
const PLAIN = { whole: 0, staged: 0, allK: false };

/** Rows that are whole lines are read by blocks; others as they lie, where the tile has them whole. */
function wayOf({ linear, alongK, blocks, binding }: ContractionOperand, extent: number, most: number, k: number): Way {
  const way: Way = { ...PLAIN, alongK };
  if (!linear || (alongK ? k > STRIPS || binding.element !== 'f32' : extent > most || extent % LINE === 0)) return way;
  if (blocks) return { ...way, whole: extent / 4 };
  return alongK
    ? { ...way, alongK: false, staged: Math.min(most, extent) * k, allK: true }
    : { ...way, staged: STRIPS * extent };
}

/** How an operand is brought into its strips, and how the strips' quads lie: see contraction_workgroup.wgsl. */
function stripHoles(
  side: 'A' | 'B',
  { alongK, whole, staged, allK }: Way,
  quads: number,
  across: number,
  workgroup: number,
  ends: boolean,
): Holes {
  const loads = (quads * STRIPS) / 4 / workgroup;
  return {
    [`QUADS_${side}`]: quads,
    [`ACROSS_${side}`]: across,
    [`LOADS_${side}`]: Math.ceil(loads),
    [`PAIRS_${side}`]: Math.floor(loads / 2),
    [`CHECK_${side}`]: loads < 1 || ends,
    [`TWIST_${side}`]: alongK ? Math.min(4, across) : 1,
    [`ALONG_K_${side}`]: alongK,
    [`WHOLE_${side}`]: whole,
    [`FLATS_${side}`]: Math.ceil((whole * STRIPS) / 2 / workgroup),
    [`STAGED_${side}`]: staged,
    [`ALL_K_${side}`]: allK,
  };
}

/** Staged through workgroup memory. */
function workgroupTile({ a, b, m, n, k, runOf }: Contraction, target: Target, shape: WorkgroupShape): Tiling {
  const { rows, columns, quadRows, quadColumns, slices = 1 } = shape;
  const [acrossA, acrossB] = [rows / quadRows / 4, columns / quadColumns / 4];
  const workgroup = acrossA * acrossB * slices;
  const step = widthOf(n) === 4 || slices > 1 ? 1 : columns / 4;
  const ends = k % STRIPS > 0;
  const { bytes } = target.workgroup ?? GUARANTEED_WORKGROUP;
  const strips = 2 * STRIPS * (rows + columns);
  const staging = (of: readonly Way[]): number => 4 * of.reduce((sum, { staged }) => sum + staged, 0);
  const wanted = [wayOf(a, m, rows, k), wayOf(b, n, columns, k)];
  const ways = strips + staging(wanted) <= bytes ? wanted : [a, b].map(({ alongK }) => ({ ...PLAIN, alongK }));
  const run = runOf?.(rows) ?? 0;
  const stagedX = strips + staging(ways) + 4 * run <= bytes ? run : 0;
  return {
    name: `workgroupTile ${rows}x${columns}`,
    rows,
    columns,
    workgroup,
    source: `${shaders.contraction_store}\n${shaders.contraction_workgroup}`,
    blocks: { a: true, b: true },
    multiple: STRIPS,
    holes: {
      ...stripHoles('A', ways[0], rows / 4, acrossA, workgroup, ends),
      ...stripHoles('B', ways[1], columns / 4, acrossB, workgroup, ends),
      STAGED_X: stagedX,
      STAGED: staging(ways) > 0,
      ARRAY_A: a.binding.name,
      ARRAY_B: b.binding.name,
      ROWS: rows,
      COLUMNS: columns,
      P: quadRows,
      Q: quadColumns,
      HEIGHT: 4 * quadRows,
      SPREAD_A: !a.blocks,
      SPREAD_B: step > 1,
      STEP: step,
      ENDS: ends,
      // A longer text is faster on GPUs, and slower to compile.
      TOGETHER: target.software ? 1 : 4,
      SLICED: slices > 1,
      SLICES: slices,
    },
    memory: strips + staging(ways) + 4 * stagedX,
    // Multiply-adds, or reads of workgroup memory where they take longer; and about four for each value loaded.
    effort:
      (16 * Math.max(quadRows * quadColumns, quadRows + quadColumns)) / slices + (4 * (rows + columns)) / workgroup,
  };
}

/** Every tile of a workgroup that the operands allow. */
function workgroupTiles(contraction: Contraction, target: Target): Tiling[] {
  const { a, b } = contraction;
  // What of both operands waits in registers for the second strip is too much for 64 threads.
  const shapes = WORKGROUP_SHAPES.filter(
    ({ columns, rows }) => !(a.alongK && b.alongK && rows === 64 && columns === 64),
  );
  return shapes.map((shape) => workgroupTile(contraction, target, shape));
}

/** Vec4s of an operand that may be bound as a uniform buffer; 0 where it is too large or read by single floats. */
function uniformLength({ binding: { operand, element } }: ContractionOperand, inBlocks: boolean): number {
  if (isScratch(operand) || !(inBlocks || element === 'vec4f')) return 0;
  const bytes = sizeOf(operand.shape) * 4;
  return fitsUniform(bytes) ? bytes / 16 : 0;
}

/** The largest power of two up to `most` whose blocks of `lanes` are not mostly empty. */
function blocksFor(extent: number, lanes: number, most: number): number {
  let blocks = 1;
  while (blocks < most && blocks * lanes < extent) blocks *= 2;
  return blocks;
}

/**
 * The time that a tile of a workgroup takes on a GPU, in multiply-adds of one thread: half of it waits for memory where few
 * threads run, and threads beyond BUSY take turns. A guess that orders the tiles; `npm run tune` measures them.
 */
function timeOf(contraction: Contraction, tiling: Tiling, target: Target): number {
  const { m, n, batch = 1 } = contraction;
  const { work, chunk, splits } = cutOf(contraction, tiling, target);
  const rounds = 0.5 + (work * tiling.workgroup) / BUSY.threads;
  const adding = splits > 1 ? LAUNCH + (8 * batch * splits * m * n) / BUSY.threads : 0;
  return rounds * chunk * (tiling.effort ?? 0) + adding;
}

/**
 * The tiles of a workgroup, the one first that should be fastest on a GPU. Those of fewer than eight by eight results a
 * thread only come first where the result is narrow or small.
 */
function ranked(contraction: Contraction, target: Target): Tiling[] {
  const { m, n } = contraction;
  const narrow = Math.min(m, n) <= 16 || Math.max(m, n) < 64;
  const rank = ({ rows, columns }: Tiling): number => {
    if (columns <= 16) return n <= 16 ? 0 : 1;
    return narrow || rows * columns >= 64 * 64 ? 0 : 1;
  };
  return workgroupTiles(contraction, target)
    .map((tiling) => ({ tiling, rank: rank(tiling), time: timeOf(contraction, tiling, target) }))
    .sort((one, other) => one.rank - other.rank || one.time - other.time)
    .map(({ tiling }) => tiling);
}

/** What measured best on this kind of adapter on the CPU, by shape. */
function defaultTiling(contraction: Contraction, target: Target): Tiling {
  const { m, n, k } = contraction;
  const lanes = cpuLanes(target);
  const small = m * n * k < SMALL;
  // lavapipe: two rows and two blocks of columns a lane, 32 sums, measured best in every transposition.
  if (lanes === 8) {
    if (small) return subgroupTile(contraction, lanes, 1, 1);
    // What is cheap to load may be loaded twice as often.
    const { a, b } = contraction;
    const cheapA = uniformLength(a, false) > 0;
    const cheapB = uniformLength(b, b.blocks) > 0;
    const tileM = blocksFor(m, lanes, cheapA && !cheapB ? 4 : 2);
    const tileN = blocksFor(n, lanes, cheapB && !cheapA ? 4 : 2);
    return subgroupTile(contraction, lanes, tileM, tileN);
  }
  // Twice the lanes, and 32 registers of them: as many sums again, although not all fit. What is small takes the shorter text.
  if (lanes === 16) return subgroupTile(contraction, lanes, blocksFor(m, lanes, 2), small ? 1 : blocksFor(n, lanes, 2));
  // SwiftShader takes each value that is loaded from memory one by one, about 75 cycles for the four lanes: the largest
  // tile is best, though its sums do not fit the registers.
  if (lanes === 4) {
    return subgroupTile(contraction, lanes, blocksFor(m, lanes, small ? 2 : 8), blocksFor(n, lanes, small ? 2 : 4));
  }
  return registerTile(contraction, target, m > 4 && !small ? 8 : 4, 4);
}

/** Every way, the default first; about six. On a GPU a tile a thread never wins. */
function tilings(contraction: Contraction, target: Target): Tiling[] {
  if (!target.software) return ranked(contraction, target);
  const lanes = cpuLanes(target);
  const all = [defaultTiling(contraction, target)];
  if (lanes === 8) all.push(subgroupTile(contraction, lanes, 1, 1), subgroupTile(contraction, lanes, 2, 2));
  if (lanes === 4) all.push(subgroupTile(contraction, lanes, 2, 2), subgroupTile(contraction, lanes, 8, 4));
  if (lanes === 16) {
    all.push(subgroupTile(contraction, lanes, 1, 1), subgroupTile(contraction, lanes, 2, 1));
    all.push(subgroupTile(contraction, lanes, 2, 2), subgroupTile(contraction, lanes, 4, 1));
  }
  all.push(registerTile(contraction, target, 8, 4), registerTile(contraction, target, 4, 8));
  all.push(...workgroupTiles(contraction, target));
  return [...new Map(all.map((tiling) => [tiling.name, tiling])).values()];
}

/** Whether the adapter can run it. */
function runs(tiling: Tiling, cut: Cut, target: Target): boolean {
  const { threads, bytes } = target.workgroup ?? GUARANTEED_WORKGROUP;
  return tiling.workgroup <= threads && (tiling.memory ?? 0) <= bytes && cut.work <= MAX_GRID ** 2;
}

/** How the tiles and the parts of the sum make up a grid. */
interface Cut {
  readonly tilesN: number;
  /** Of one product. */
  readonly tiles: number;
  /** Products in one part, a multiple of four. */
  readonly chunk: number;
  readonly splits: number;
  /** Workgroups. */
  readonly work: number;
}

function cutOf(
  { m, n, k, batch = 1 }: Contraction,
  { rows, columns, workgroup, multiple = 4 }: Tiling,
  target: Target,
): Cut {
  const tilesN = Math.ceil(n / columns);
  const tiles = Math.ceil(m / rows) * tilesN;
  const busy = target.software ? BUSY.software : BUSY.threads / workgroup;
  // The parts' results lie side by side in one binding.
  const bindable = Math.floor((target.maxBindingBytes ?? Number.POSITIVE_INFINITY) / (4 * batch * m * n));
  const wanted = Math.max(
    1,
    Math.min(
      Math.ceil(busy / (tiles * batch)),
      Math.floor(k / (target.software ? MIN_CHUNK.software : MIN_CHUNK.hardware)),
      bindable,
    ),
  );
  const chunk = Math.ceil(k / wanted / multiple) * multiple;
  const splits = Math.ceil(k / chunk);
  return { tilesN, tiles, chunk, splits, work: tiles * batch * splits };
}

function kernelsOf(contraction: Contraction, tiling: Tiling, cut: Cut, target: Target): KernelTemplate[] {
  const { label, m, n, k, batch = 1, loaders, holes, a, b, uniforms } = contraction;
  const { tilesN, tiles, chunk, splits, work } = cut;
  const width = widthOf(n);
  const element = width === 4 ? 'vec4f' : 'f32';
  const partial: Scratch | null = splits > 1 ? { bytes: batch * splits * m * n * 4 } : null;
  const blocks = { BLOCK_A: a.blocks && tiling.blocks?.a === true, BLOCK_B: b.blocks && tiling.blocks?.b === true };
  const bound = (operand: ContractionOperand, inBlocks: boolean): Binding => {
    const { binding } = operand;
    const known = inBlocks ? { ...binding, element: 'vec4f' } : binding;
    const uniform = tiling.uniformOperands === true ? uniformLength(operand, inBlocks) : 0;
    return uniform > 0 ? { ...known, uniform } : known;
  };
  const source = `${loaders}\n${tiling.source}`;
  const product: KernelTemplate = {
    label: partial === null ? label : `${label} (parts)`,
    source,
    workgroup: tiling.workgroup,
    builtins: ['workgroup_index', 'local_invocation_index'],
    holes: pickHoles(source, {
      ...holes,
      ...tiling.holes,
      ...blocks,
      SHARE: shaders.contraction_share,
      WORKGROUP: tiling.workgroup,
      VECTOR: width === 4,
      SPLIT: partial !== null,
      ROLLED: target.software,
    }),
    enables: tiling.enables ?? [],
    reads: [bound(a, blocks.BLOCK_A), bound(b, blocks.BLOCK_B)],
    writes: partial === null ? [] : [{ name: 'partial', operand: partial, element }],
    uniforms: { m, n, k, tiles_n: tilesN, tiles, work, chunk, splits, ...tiling.uniforms, ...uniforms },
    grid: work,
    width,
  };
  if (partial === null) return [product];
  return [product, ...reduceKernels(label, 'a + b', { outer: batch, extent: splits, inner: m * n }, target, partial)];
}

/** The ways to compute a contraction that this adapter can run, the default first. */
export function contractionVariants(contraction: Contraction, target: Target): KernelVariant[] {
  return tilings(contraction, target)
    .map((tiling) => ({ tiling, cut: cutOf(contraction, tiling, target) }))
    .filter(({ tiling, cut }) => runs(tiling, cut, target))
    .map(({ tiling, cut }) => ({
      name: tiling.name,
      // On the CPU workgroup memory is memory like any other, and barriers and long texts cost.
      hopeless: tiling.hopeless || (target.software && tiling.memory !== undefined),
      kernels: () => kernelsOf(contraction, tiling, cut, target),
    }));
}
