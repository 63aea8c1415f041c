/**
 * Matrix products and convolutions on a GPU, by tiles of a workgroup, staged through its memory (contraction_workgroup.wgsl):
 *
 *     workgroupTile 64x32  rows and columns
 *
 * A tile a thread, or one that a subgroup spreads by broadcasts, never wins there.
 */

import type { Contraction, ContractionOperand, KernelVariant, Target } from '../../ir/op.ts';
import { GUARANTEED_WORKGROUP } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import type { Holes } from '../../wgsl/template.ts';
import { cutOf, type Splitting, type Tiling, waysBy, widthOf } from '../contraction.ts';

/** Threads that keep a GPU busy; a sum is split when there are fewer. */
const BUSY = 32768;
const SPLITTING: Splitting = { busy: ({ workgroup }) => BUSY / workgroup, shortest: 128 };
/** What one more kernel costs, in multiply-adds of a thread. */
const LAUNCH = 4000;

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
  /** Rows are read one by one along k, by threads side by side. */
  readonly single: boolean;
}

/** By blocks. */
const PLAIN = { whole: 0, staged: 0, allK: false, single: false };

/** Rows that are whole lines are read by blocks; others as they lie, where the tile has them whole. */
function wayOf({ linear, alongK, blocks, binding }: ContractionOperand, extent: number, most: number, k: number): Way {
  const way: Way = { ...PLAIN, alongK };
  if (linear && alongK && binding.element === 'f32' && k > STRIPS) return { ...way, single: true };
  if (!linear || (alongK ? k > STRIPS || binding.element !== 'f32' : extent > most || extent % LINE === 0)) return way;
  if (blocks) return { ...way, whole: extent / 4 };
  return alongK
    ? { ...way, alongK: false, staged: Math.min(most, extent) * k, allK: true }
    : { ...way, staged: STRIPS * extent };
}

/** How an operand is brought into its strips, and how the strips' quads lie: see contraction_workgroup.wgsl. */
function stripHoles(
  side: 'A' | 'B',
  { alongK, whole, staged, allK, single }: Way,
  quads: number,
  across: number,
  workgroup: number,
  ends: boolean,
): Holes {
  const loads = (quads * STRIPS) / 4 / workgroup;
  const singles = single ? Math.ceil((quads * STRIPS) / workgroup) : 0;
  return {
    [`QUADS_${side}`]: quads,
    [`ACROSS_${side}`]: across,
    [`LOADS_${side}`]: Math.ceil(loads),
    [`PAIRS_${side}`]: Math.floor(loads / 2),
    [`CHECK_${side}`]: loads < 1 || ends,
    [`TWIST_${side}`]: alongK ? Math.min(4, across) : 1,
    [`ALONG_K_${side}`]: alongK && !single,
    [`BY_BLOCKS_${side}`]: !alongK,
    [`SINGLES_${side}`]: singles,
    [`SPARE_${side}`]: singles * workgroup > quads * STRIPS,
    [`WHOLE_${side}`]: whole,
    [`FLATS_${side}`]: Math.ceil((whole * STRIPS) / 2 / workgroup),
    [`STAGED_${side}`]: staged,
    [`ALL_K_${side}`]: allK,
  };
}

/** A tile of a workgroup as a way to compute a contraction. */
interface WorkgroupTiling extends Tiling {
  /** What one k costs a thread, in multiply-adds. */
  readonly effort: number;
}

/** Staged through workgroup memory. */
function workgroupTile({ a, b, m, n, k, runOf }: Contraction, target: Target, shape: WorkgroupShape): WorkgroupTiling {
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
    source: shaders.contraction_workgroup,
    stores: true,
    blocks: { a: true, b: true },
    multiple: STRIPS,
    // Only of the tile that is taken.
    get holes() {
      return {
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
        SLICED: slices > 1,
        REGROUPED: step > 1,
        KEEPS: slices > 1 || step > 1,
        SLICES: slices,
      };
    },
    memory: strips + staging(ways) + 4 * stagedX,
    // Multiply-adds, or reads of workgroup memory where they take longer; and about four for each value loaded.
    effort:
      (16 * Math.max(quadRows * quadColumns, quadRows + quadColumns)) / slices + (4 * (rows + columns)) / workgroup,
  };
}

/** Every tile of a workgroup that the operands allow. */
function workgroupTiles(contraction: Contraction, target: Target): WorkgroupTiling[] {
  const { a, b } = contraction;
  // What of both operands waits in registers for the second strip is too much for 64 threads.
  const shapes = WORKGROUP_SHAPES.filter(
    ({ columns, rows }) => !(a.alongK && b.alongK && rows === 64 && columns === 64),
  );
  return shapes.map((shape) => workgroupTile(contraction, target, shape));
}

/**
 * The time that a tile of a workgroup takes on a GPU, in multiply-adds of one thread: half of it waits for memory where few
 * threads run, and threads beyond BUSY take turns. A guess that orders the tiles; `npm run tune` measures them.
 */
function timeOf(contraction: Contraction, tiling: WorkgroupTiling, target: Target): number {
  const { m, n, batch = 1 } = contraction;
  const { work, chunk, splits } = cutOf(contraction, tiling, SPLITTING, target);
  const rounds = 0.5 + (work * tiling.workgroup) / BUSY;
  const adding = splits > 1 ? LAUNCH + (8 * batch * splits * m * n) / BUSY : 0;
  return rounds * chunk * tiling.effort + adding;
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

/** Every tile that the adapter can run, the one first that should be fastest. */
export const contraction = (contraction: Contraction, target: Target): KernelVariant[] =>
  waysBy(ranked(contraction, target), contraction, SPLITTING, target);
