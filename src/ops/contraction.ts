/**
 * How the contraction loop (contraction.wgsl) is cut into tiles, and over how many workgroups its sum is split. Matrix
 * products and convolutions share it.
 */

import { shaders } from '../gpu/shaders.generated.ts';
import { type Holes, specialise } from '../gpu/template.ts';
import type { Binding, KernelTemplate, Scratch, Target } from '../graph/kernel.ts';
import { reduceKernels } from './reduce.ts';

export interface Contraction {
  readonly label: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  /** WGSL of row_of, column_of, load_a and load_b, and the holes in it. */
  readonly loaders: string;
  readonly holes: Holes;
  readonly reads: readonly Binding[];
  readonly uniforms?: Readonly<Record<string, number>>;
}

/** Workgroups that keep an adapter busy; a sum is split when there are fewer tiles. */
const BUSY = { software: 16, hardware: 512 };
/** Shortest share of a split sum. */
const MIN_CHUNK = 256;

interface Tile {
  readonly lanes: number;
  readonly rows: number;
  readonly columns: number;
  readonly tileM: number;
  readonly tileN: number;
  readonly workgroup: number;
}

/** Products below which a tile's compile time costs more than its speed gains. */
const SMALL = 4e6;

function chooseTile(m: number, n: number, k: number, target: Target): Tile {
  const lanes = target.subgroupSize;
  if (lanes === 8) {
    // Two rows and two blocks of columns a lane: 32 sums, which measured best on lavapipe in every transposition.
    const small = m * n * k < SMALL;
    const tileM = m > lanes && !small ? 2 : 1;
    const tileN = n > lanes && !small ? 2 : 1;
    const subgroups = Math.min(4, Math.ceil(m / (tileM * lanes)));
    return { lanes, tileM, tileN, rows: tileM * lanes, columns: tileN * lanes, workgroup: lanes * subgroups };
  }
  // A register tile a thread: neighbouring threads take neighbouring tiles of rows.
  const tileM = m >= 4 ? 4 : 1;
  const tileN = 8;
  const threads = Math.min(target.software ? 8 : 64, Math.ceil(m / tileM));
  return { lanes: 1, tileM, tileN, rows: tileM, columns: tileN, workgroup: threads };
}

export function contractionKernels(
  { label, m, n, k, batch = 1, loaders, holes, reads, uniforms }: Contraction,
  target: Target,
): KernelTemplate[] {
  const tile = chooseTile(m, n, k, target);
  const tilesN = Math.ceil(n / tile.columns);
  const tiles = Math.ceil(m / (tile.rows * (tile.workgroup / tile.lanes))) * tilesN;
  const busy = target.software ? BUSY.software : BUSY.hardware;
  const wanted = Math.max(1, Math.min(Math.ceil(busy / (tiles * batch)), Math.floor(k / MIN_CHUNK)));
  const chunk = Math.ceil(k / wanted / 4) * 4;
  const splits = Math.ceil(k / chunk);
  const vector = n % 4 === 0;
  const partial: Scratch | null = splits > 1 ? { bytes: batch * splits * m * n * 4 } : null;
  const work = tiles * batch * splits;
  const subgroups = tile.lanes > 1;
  const product: KernelTemplate = {
    label: partial === null ? label : `${label} (parts)`,
    source: `${specialise(loaders, holes)}\n${shaders.contraction}`,
    enables: subgroups ? ['subgroups'] : [],
    holes: {
      WORKGROUP: tile.workgroup,
      LANES: tile.lanes,
      ROWS: tile.rows,
      COLUMNS: tile.columns,
      QUADS: tile.columns / 4,
      TILE_M: tile.tileM,
      TILE_N: tile.tileN,
      SUBGROUPS: subgroups,
      VECTOR: vector,
      SPLIT: partial !== null,
      ROLLED: target.software,
      ROW_STORES: tile.columns / (vector ? 4 : 1),
      WIDTH: vector ? 4 : 1,
    },
    reads,
    writes: partial === null ? [] : [{ name: 'partial', operand: partial, element: vector ? 'vec4f' : 'f32' }],
    uniforms: {
      m,
      n,
      k,
      tiles_n: tilesN,
      tiles,
      work,
      chunk,
      splits,
      stores: (tile.tileM * tile.columns) / (vector ? 4 : 1),
      ...uniforms,
    },
    grid: work,
    width: vector ? 4 : 1,
  };
  if (partial === null) return [product];
  return [product, ...reduceKernels(label, 'a + b', { outer: batch, extent: splits, inner: m * n }, target, partial)];
}
