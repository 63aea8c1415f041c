/** What of a tensor is finite: how many elements are not, and the range of those that are. */

import { sizeOf } from '../base/shape.ts';
import {
  type BuiltInOp,
  createNode,
  type Extents,
  type KernelTemplate,
  type Node,
  type Reduction,
  type Scratch,
} from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { copy, NONE, type None } from './elementwise.ts';

/** Words of the result. */
const WORDS = 4;
/** Threads that look at a tensor side by side, and elements that are worth one. */
const MOST_THREADS = 1024;
const PER_THREAD = 64;
/** Elements that one thread looks at, so that one kernel is enough. */
const ALONE = 1024;

export const finiteStatsOp: BuiltInOp<None> = {
  name: 'finiteStats',
  infer: () => ({ shape: [WORDS], dtype: 'int32' }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [x] }, target) {
      const all: Extents = { outer: 1, extent: sizeOf(x.shape), inner: 1 };
      return target.ways.reduction(finiteCounts(x), all, target)[0].kernels();
    },
  },
};

const finiteCounts = (x: Node): Reduction => ({
  label: 'finiteStats',
  source: shaders.finite_look,
  number: () => 'vec4u',
  words: WORDS,
  vector: false,
  combine: 'both(a, b)',
  value: 'look(bitcast<u32>(x[i]))',
  reads: () => [{ name: 'x', operand: x, element: 'f32' }],
  result: 'for (var word = 0u; word < 4u; word++) { store(word, bitcast<i32>(total[word])); }',
  alone: true,
  byThread: () => countsByThread(x),
});

/** By threads that look at many elements each, and one that looks at what these have found. */
function countsByThread(x: Node): KernelTemplate[] {
  const size = sizeOf(x.shape);
  const threads = size <= ALONE ? 1 : Math.min(MOST_THREADS, Math.ceil(size / PER_THREAD));
  const stage = (label: string, own: Partial<KernelTemplate>, holes: KernelTemplate['holes']): KernelTemplate => ({
    label,
    source: `${shaders.finite_look}\n${shaders.finite_stats}`,
    holes,
    grid: Math.ceil(threads / 64),
    alone: true,
    ...own,
  });
  const reads: KernelTemplate['reads'] = [{ name: 'x', operand: x, element: 'f32' }];
  const uniforms = { size, threads };
  if (threads === 1) return [stage('finiteStats', { reads, uniforms }, { LAST: false, ALONE: true })];
  const parts: Scratch = { bytes: threads * WORDS * 4 };
  return [
    stage(
      'finiteStats (parts)',
      { reads, writes: [{ name: 'parts', operand: parts, element: 'vec4u' }], uniforms },
      { LAST: false, ALONE: false },
    ),
    stage(
      'finiteStats',
      { reads: [{ name: 'parts', operand: parts, element: 'vec4u' }], uniforms: { threads }, workgroup: 1, grid: 1 },
      { LAST: true, ALONE: false },
    ),
  ];
}

/** Of a node's value; {@link decodeFiniteStats} reads the result. */
export const finiteStats = (x: Node): Node => createNode(finiteStatsOp, [x.dtype === 'float32' ? x : copy(x)], NONE);

export interface FiniteStats {
  readonly nans: number;
  readonly infinities: number;
  /** Smallest and largest finite element; null where there is none. */
  readonly min: number | null;
  readonly max: number | null;
}

/** The result's words as numbers. */
export function decodeFiniteStats([nans, infinities, least, most]: ArrayLike<number> & Iterable<number>): FiniteStats {
  const [low, high] = [least, most].map((word) => word >>> 0);
  if (low > high) return { nans, infinities, min: null, max: null };
  return { nans, infinities, min: floatOf(low), max: floatOf(high) };
}

/** The float whose rank among all floats, as words in rising order, the shader has found. */
function floatOf(rank: number): number {
  const bits = rank >= 0x80000000 ? rank ^ 0x80000000 : ~rank;
  return new Float32Array(Uint32Array.of(bits).buffer)[0];
}
