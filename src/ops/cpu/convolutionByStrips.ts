/**
 * Convolutions of 3×3 taps and their gradients on the CPU along strips of images (conv2d_strips.wgsl, conv2d_kernel_gradient_strips.wgsl):
 * what is loaded once meets all taps. The gradient to the images is the convolution of the upstream gradient with the kernel flipped; those of
 * stride 2 have kernels of their own (conv2d_strided_gradient_strips.wgsl, conv2d_strided_kernel_gradient_strips.wgsl).
 */

import type { Contraction, KernelTemplate, KernelVariant, Scratch, TapsOfImages, Target } from '../../ir/op.ts';
import { cpuLanes } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import type { Holes } from '../../wgsl/template.ts';
import { sumOfParts } from '../reduce.ts';
import { pointwise } from './threads.ts';

/** Subgroups that keep the adapter busy. */
const BUSY = 48;
/** Rows of strips that are worth loading a subgroup's weights, or storing its sums. */
const WORTH = 64;
/** Quads of channels whose weights fit the processor's first cache, with room for the rest. */
const MOST_QUADS = 8;

/** The way by strips; none where the shapes would leave lanes of a subgroup of 8 without work. */
export function convolutionByStrips(contraction: Contraction, target: Target): KernelVariant[] {
  const { tapsOfImages: taps, n } = contraction;
  if (taps === undefined || cpuLanes(target) !== 8 || n % 16 > 0) return [];
  if (taps.of === 'kernel') {
    if (taps.channels % 16 > 0 || (taps.strided ?? taps).width % 4 > 0) return [];
    return [{ name: 'strips', kernels: () => kernelGradient(contraction, taps, target) }];
  }
  const quads = quadsOfPass(taps.channels);
  return quads === 0 ? [] : [{ name: 'strips', kernels: () => passes(contraction, taps, quads) }];
}

/** Quads of channels that a pass takes; 0 where there would be many short ones. */
function quadsOfPass(channels: number): number {
  const quads = channels / 4;
  if (channels % 4 > 0) return 0;
  return quads <= MOST_QUADS ? quads : ([8, 6, 4].find((some) => quads % some === 0) ?? 0);
}

/** How strips of so many columns and rows are dealt out to the subgroups of each of `blocks`. */
function dealt(images: number, height: number, width: number, columns: number, blocks: number) {
  const across = Math.ceil(width / columns);
  const strips = images * across;
  const chunk = Math.max(Math.ceil((strips * blocks) / BUSY), Math.min(strips, Math.ceil(WORTH / height)));
  return { across, strips, chunk, parts: Math.ceil(strips / chunk) };
}

/** How a pass walks: its text, by what names it knows the images, and the uniforms that tell of its strips. */
interface Walk {
  readonly source: string;
  readonly images: string;
  /** Positions, or cells, that a row's lanes see. */
  readonly seen: number;
  readonly holes: Holes;
  readonly parts: number;
  readonly uniforms: Readonly<Record<string, number>>;
}

function walkOf({ of, images, height, width, channels, strided }: TapsOfImages, n: number, whole: boolean): Walk {
  const blocks = n / 16;
  if (strided === null) {
    const { parts, ...strips } = dealt(images, height, width, 2, blocks);
    const taps =
      of === 'output'
        ? { w_first: 0, w_tap: channels * n, w_k: n, w_pair: 2, w_next: 1 }
        : { w_first: 8 * channels * n, w_tap: (-channels * n) >>> 0, w_k: 1, w_pair: 2 * channels, w_next: channels };
    const uniforms = { height, width, ...strips, ...taps };
    return { source: shaders.conv2d_strips, images: 'pixels', seen: 4, holes: { WHOLE: whole }, parts, uniforms };
  }
  const [above, left] = strided.before;
  const [down, cells] = [strided.height + above, strided.width + left].map((extent) => Math.ceil(extent / 2));
  const { parts, ...strips } = dealt(images, down, cells, 2, blocks);
  const { height: to, width: along } = strided;
  const uniforms = { height: to, width: along, rows: height, columns: width, above, left, down, stores: 4, ...strips };
  return { source: shaders.conv2d_strided_gradient_strips, images: 'dy', seen: 3, holes: {}, parts, uniforms };
}

/**
 * A pass for every few channels, in whose sums those before it are. What follows them is a kernel of its own, so that passes share their texts,
 * which take seconds to compile; but not behind the one pass of a forward convolution, which mostly little follows.
 */
function passes({ label, m, n, a, b }: Contraction, taps: TapsOfImages, quads: number): readonly KernelTemplate[] {
  const all = taps.channels / 4;
  const blocks = n / 16;
  const whole = taps.of === 'output' && quads === all;
  const { source, images, seen, holes, parts, uniforms } = walkOf(taps, n, whole);
  const partial: Scratch = { bytes: m * n * 4 };
  const pass = (begin: number): KernelTemplate => ({
    label: whole ? label : `${label} (parts)`,
    source,
    alone: true,
    enables: ['subgroups'],
    workgroup: 8,
    builtins: ['workgroup_index', 'local_invocation_index'],
    holes: { ...holes, QUADS: quads, LOADS: Math.ceil((seen * quads) / 8) },
    reads: [
      { ...a.binding, name: images, element: 'vec4f' },
      { ...b.binding, name: 'w', element: 'f32' },
    ],
    writes: whole ? [] : [{ name: 'partial', operand: partial, element: 'vec4f' }],
    uniforms: { work: parts * blocks, blocks, ...uniforms, quads_k: all, quads_n: n / 4, taps: 36 * quads, begin },
    grid: parts * blocks,
    width: 4,
    apart: whole ? n : undefined,
  });
  const kernels = Array.from({ length: all / quads }, (_, at) => pass(at * quads));
  return whole ? kernels : [...kernels, resultsOf(label, partial, m * n)];
}

/** Stores `size` floats that kernels have left in scratch memory. */
function resultsOf(label: string, partial: Scratch, size: number): KernelTemplate {
  const count = size / 4;
  const block = 64 * (pointwise(size).turns ?? 1);
  return {
    label,
    source: shaders.partial_results,
    builtins: ['workgroup_index', 'local_invocation_index'],
    reads: [{ name: 'partial', operand: partial, element: 'vec4f' }],
    uniforms: { count, block },
    grid: Math.ceil(count / block),
    width: 4,
    apart: 256,
  };
}

/** The text of a gradient to a kernel, and the uniforms that tell of its strips. */
function sumsOf(
  { images, height, width, strided }: TapsOfImages,
  blocks: number,
): Pick<Walk, 'source' | 'parts' | 'uniforms'> {
  if (strided === null) {
    const { parts, ...strips } = dealt(images, height, width, 4, blocks);
    return { source: shaders.conv2d_kernel_gradient_strips, parts, uniforms: { height, width, ...strips } };
  }
  const { height: rows, width: columns } = strided;
  const [above, left] = strided.before;
  // One turn more where the last row of taps lies on pixels.
  const down = 2 * rows - above < height ? rows + 1 : rows;
  const { parts, ...strips } = dealt(images, down, columns, 4, blocks);
  const uniforms = { height, width, rows, columns, above, left, down, ...strips };
  return { source: shaders.conv2d_strided_kernel_gradient_strips, parts, uniforms };
}

/** The sums of each part of the strips, then of the parts. */
function kernelGradient(
  { label, m, n, a, b }: Contraction,
  taps: TapsOfImages,
  target: Target,
): readonly KernelTemplate[] {
  const outs = n / 16;
  const blocks = outs * (taps.channels / 16);
  const { source, parts, uniforms } = sumsOf(taps, blocks);
  const partial: Scratch = { bytes: parts * m * n * 4 };
  const work = parts * blocks;
  return [
    {
      label: `${label} (parts)`,
      source,
      alone: true,
      enables: ['subgroups'],
      workgroup: 8,
      builtins: ['workgroup_index', 'local_invocation_index'],
      reads: [
        { ...a.binding, element: 'vec4f' },
        { ...b.binding, element: 'vec2f' },
      ],
      writes: [{ name: 'partial', operand: partial, element: 'vec2f' }],
      uniforms: { work, outs, blocks, ...uniforms, quads_x: taps.channels / 4, pairs_dy: n / 2, sums: 144 },
      grid: work,
    },
    ...sumOfParts(label, partial, { outer: 1, extent: parts, inner: m * n }, target),
  ];
}
