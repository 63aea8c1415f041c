/**
 * Matrix products and convolutions on the CPU. Workgroup memory is memory like any other there, and barriers and long texts
 * cost, so a tile is of a subgroup or of a thread:
 *
 *     subgroupTile 2x2     blocks of rows and of columns a subgroup, spread by broadcasts (contraction_subgroup.wgsl)
 *     registerTile 8x4     rows and columns a thread (contraction_register.wgsl)
 */

import { sizeOf } from '../../base/shape.ts';
import { type Contraction, type ContractionOperand, isScratch, type KernelVariant, type Target } from '../../ir/op.ts';
import { cpuLanes, fitsUniform } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import { type Splitting, type Tiling, waysBy, widthOf } from '../contraction.ts';
import { convolutionByStrips } from './convolutionByStrips.ts';

const SPLITTING: Splitting = { busy: () => 16, shortest: 256 };
/** Products below which a tile's compile time costs more than its speed gains. */
const SMALL = 4e6;

/** Vec4s of an operand that may be bound as a uniform buffer; 0 where it is too large or read by single floats. */
function uniformLength({ binding: { operand, element } }: ContractionOperand, inBlocks: boolean): number {
  if (isScratch(operand) || !(inBlocks || element === 'vec4f')) return 0;
  const bytes = sizeOf(operand.shape) * 4;
  return fitsUniform(bytes) ? bytes / 16 : 0;
}

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
    uniformLength,
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
function registerTile({ m }: Contraction, lanes: number, tileM: number, tileN: number): Tiling {
  const workgroup = Math.min(16, Math.ceil(m / tileM));
  return {
    name: `registerTile ${tileM}x${tileN}`,
    rows: tileM * workgroup,
    columns: tileN,
    workgroup,
    source: shaders.contraction_register,
    stores: true,
    blocks: { a: true, b: true },
    // A third as fast as a subgroup's tile, and a second of compile time.
    hopeless: lanes === 16,
    holes: { TILE_M: tileM, BLOCKS: tileM / 4, COLUMNS: tileN, QUADS: tileN / 4, STEP: 1 },
  };
}

/** The largest power of two up to `most` whose blocks of `lanes` are not mostly empty. */
function blocksFor(extent: number, lanes: number, most: number): number {
  let blocks = 1;
  while (blocks < most && blocks * lanes < extent) blocks *= 2;
  return blocks;
}

/** What measured best on this kind of adapter, by shape. */
function defaultTiling(contraction: Contraction, lanes: number): Tiling {
  const { m, n, k } = contraction;
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
  return registerTile(contraction, lanes, m > 4 && !small ? 8 : 4, 4);
}

/** Every way, the default first; about four. */
export function contraction(contraction: Contraction, target: Target): KernelVariant[] {
  const lanes = cpuLanes(target);
  const all = [defaultTiling(contraction, lanes)];
  if (lanes === 8) all.push(subgroupTile(contraction, lanes, 1, 1), subgroupTile(contraction, lanes, 2, 2));
  if (lanes === 4) all.push(subgroupTile(contraction, lanes, 2, 2), subgroupTile(contraction, lanes, 8, 4));
  if (lanes === 16) {
    all.push(subgroupTile(contraction, lanes, 1, 1), subgroupTile(contraction, lanes, 2, 1));
    all.push(subgroupTile(contraction, lanes, 2, 2), subgroupTile(contraction, lanes, 4, 1));
  }
  all.push(registerTile(contraction, lanes, 8, 4), registerTile(contraction, lanes, 4, 8));
  const distinct = [...new Map(all.map((tiling) => [tiling.name, tiling])).values()];
  const strips = convolutionByStrips(contraction, target);
  const tiles = waysBy(distinct, contraction, SPLITTING, target);
  return contraction.m * contraction.n * contraction.k < SMALL ? [...tiles, ...strips] : [...strips, ...tiles];
}
