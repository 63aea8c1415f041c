/**
 * What all ways to compute Σ_k A(m, k) B(k, n) have in common: tiles of the result, each a workgroup's, and sums that are split
 * over several where there are few tiles. Matrix products and convolutions name loaders that say what A and B are; which tiles
 * there are is a matter of the class of adapters (cpu/contraction.ts, gpu/contraction.ts).
 */

import type {
  Binding,
  Contraction,
  ContractionOperand,
  KernelTemplate,
  KernelVariant,
  LoaderName,
  Scratch,
  Target,
} from '../ir/op.ts';
import { GUARANTEED_WORKGROUP, MAX_GRID } from '../ir/target.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { type Holes, pickHoles } from '../wgsl/template.ts';
import { sumOfParts } from './reduce.ts';

const LOADERS: Readonly<Record<LoaderName, string>> = {
  matmul: shaders.matmul,
  conv2d: shaders.conv2d,
  conv2d_input_gradient: shaders.conv2d_input_gradient,
  conv2d_kernel_gradient: shaders.conv2d_kernel_gradient,
};

/** A way to compute a contraction: how much a workgroup takes, and the WGSL that does. */
export interface Tiling {
  readonly name: string;
  /** Rows and columns of a workgroup. */
  readonly rows: number;
  readonly columns: number;
  readonly workgroup: number;
  /** What follows the loaders. */
  readonly source: string;
  /** Whether it ends as contraction_store.wgsl has it. */
  readonly stores?: boolean;
  readonly holes: Holes;
  readonly enables?: readonly string[];
  /** Which operands are read in blocks if they can be. */
  readonly blocks: { readonly a: boolean; readonly b: boolean };
  /** Vec4s of an operand that is to be bound as a uniform buffer; 0 for others. Default: none is. */
  uniformLength?(operand: ContractionOperand, inBlocks: boolean): number;
  readonly uniforms?: Readonly<Record<string, number>>;
  /** What the parts of a split sum are multiples of; default 4. */
  readonly multiple?: number;
  /** Bytes of workgroup memory. */
  readonly memory?: number;
  /** Not worth a measurement. */
  readonly hopeless?: boolean;
}

/** When a sum is split. */
export interface Splitting {
  /** Workgroups of a tiling that keep the adapter busy: with fewer tiles it is. */
  busy(tiling: Tiling): number;
  /** Shortest share of a split sum. */
  readonly shortest: number;
}

/** Elements of one store. */
export const widthOf = (n: number): 1 | 4 => (n % 4 === 0 ? 4 : 1);

/** How the tiles and the parts of the sum make up a grid. */
export interface Cut {
  readonly tilesN: number;
  /** Of one product. */
  readonly tiles: number;
  /** Products in one part, a multiple of four. */
  readonly chunk: number;
  readonly splits: number;
  /** Workgroups. */
  readonly work: number;
}

export function cutOf(
  { m, n, k, batch = 1 }: Contraction,
  tiling: Tiling,
  { busy, shortest }: Splitting,
  target: Target,
): Cut {
  const { rows, columns, multiple = 4 } = tiling;
  const tilesN = Math.ceil(n / columns);
  const tiles = Math.ceil(m / rows) * tilesN;
  // The parts' results lie side by side in one binding.
  const bindable = Math.floor((target.maxBindingBytes ?? Number.POSITIVE_INFINITY) / (4 * batch * m * n));
  const wanted = Math.max(1, Math.min(Math.ceil(busy(tiling) / (tiles * batch)), Math.floor(k / shortest), bindable));
  const chunk = Math.ceil(k / wanted / multiple) * multiple;
  const splits = Math.ceil(k / chunk);
  return { tilesN, tiles, chunk, splits, work: tiles * batch * splits };
}

/** Whether the adapter can run it. */
function runs({ workgroup, memory = 0 }: Tiling, { work }: Cut, target: Target): boolean {
  const { threads, bytes } = target.workgroup ?? GUARANTEED_WORKGROUP;
  return workgroup <= threads && memory <= bytes && work <= MAX_GRID ** 2;
}

/** Those of the tilings that the adapter can run, in their order. */
export const waysBy = (
  tilings: readonly Tiling[],
  contraction: Contraction,
  splitting: Splitting,
  target: Target,
): KernelVariant[] =>
  tilings
    .map((tiling) => ({ tiling, cut: cutOf(contraction, tiling, splitting, target) }))
    .filter(({ tiling, cut }) => runs(tiling, cut, target))
    .map(({ tiling, cut }) => ({
      name: tiling.name,
      hopeless: tiling.hopeless,
      kernels: () => kernelsOf(contraction, tiling, cut, target),
    }));

function kernelsOf(contraction: Contraction, tiling: Tiling, cut: Cut, target: Target): readonly KernelTemplate[] {
  const { label, m, n, k, batch = 1, sideBySide = false, loaders, holes, a, b, uniforms } = contraction;
  const { tilesN, tiles, chunk, splits, work } = cut;
  const width = widthOf(n);
  const element = width === 4 ? 'vec4f' : 'f32';
  const partial: Scratch | null = splits > 1 ? { bytes: batch * splits * m * n * 4 } : null;
  const blocks = { BLOCK_A: a.blocks && tiling.blocks.a, BLOCK_B: b.blocks && tiling.blocks.b };
  const bound = (operand: ContractionOperand, inBlocks: boolean): Binding => {
    const { binding } = operand;
    const known = inBlocks ? { ...binding, element: 'vec4f' } : binding;
    const uniform = tiling.uniformLength?.(operand, inBlocks) ?? 0;
    return uniform > 0 ? { ...known, uniform } : known;
  };
  const source = [LOADERS[loaders], ...(tiling.stores ? [shaders.contraction_store] : []), tiling.source].join('\n');
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
      SIDE_BY_SIDE: sideBySide ? batch : 0,
    }),
    enables: tiling.enables ?? [],
    reads: [bound(a, blocks.BLOCK_A), bound(b, blocks.BLOCK_B)],
    writes: partial === null ? [] : [{ name: 'partial', operand: partial, element }],
    uniforms: { m, n, k, tiles_n: tilesN, tiles, work, chunk, splits, ...tiling.uniforms, ...uniforms },
    grid: work,
    width,
  };
  if (partial === null) return [product];
  const [outer, inner] = sideBySide ? [1, batch * m * n] : [batch, m * n];
  return [product, ...sumOfParts(label, partial, { outer, extent: splits, inner }, target)];
}
