/**
 * Convolutions and their gradients on the CPU along rows of pixels (conv2d_rows.wgsl, conv2d_kernel_gradient_rows.wgsl): with three
 * neighbouring taps, stride 1 and a result a pixel, what is loaded once serves all taps of a row. The gradient to the images is the convolution of
 * the upstream gradient with the kernel flipped (flipped_kernel.wgsl).
 */

import type {
  Binding,
  Contraction,
  ContractionOperand,
  KernelTemplate,
  KernelVariant,
  Operand,
  RowsOfImages,
  Scratch,
  Target,
} from '../../ir/op.ts';
import { cpuLanes, fitsUniform } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import { sumOfParts } from '../reduce.ts';

/** Subgroups that keep the adapter busy. */
const BUSY = 48;

/** The way by rows; none where the shapes would leave lanes of a subgroup of 8 without work. */
export function contractionByRows(contraction: Contraction, target: Target): KernelVariant[] {
  const { rowsOfImages: rows, n, k, batch = 1 } = contraction;
  if (rows === undefined || batch > 1 || cpuLanes(target) !== 8) return [];
  if (rows.of === 'kernel') {
    if (rows.channels % 16 > 0 || rows.width % 4 > 0 || (n !== 16 && n % 32 > 0)) return [];
    return [{ name: 'rows', kernels: () => kernelGradient(contraction, rows, target) }];
  }
  if (rows.channels % 4 > 0 || n % 16 > 0 || ![8, 16, 32].includes(rows.width)) return [];
  // Weights are read as a uniform buffer, two to three times as fast as storage: without that tiles are faster.
  if (!fitsUniform(n * k * 4)) return [];
  const kernels = (): readonly KernelTemplate[] =>
    rows.of === 'input' ? inputGradient(contraction, rows) : [alongRows(contraction, rows)];
  return [{ name: 'rows', kernels }];
}

const asVec4s = ({ binding }: ContractionOperand): Binding => ({ ...binding, element: 'vec4f' });

/** The convolution of images `a` with a kernel `w`. */
function alongRows(
  { label, n, k, a, b }: Contraction,
  rows: RowsOfImages,
  w: Operand = b.binding.operand,
): KernelTemplate {
  const { height, width, channels, above } = rows;
  const tapRows = k / (3 * channels);
  const positions = rows.rows * width;
  const blocks = n / 16;
  const work = Math.ceil(positions / 32) * blocks;
  return {
    label,
    source: shaders.conv2d_rows,
    enables: ['subgroups'],
    workgroup: 8,
    builtins: ['workgroup_index', 'local_invocation_index'],
    reads: [
      { ...asVec4s(a), name: 'pixels' },
      { name: 'w', operand: w, element: 'vec4f', uniform: (n * k) / 4 },
    ],
    uniforms: {
      work,
      blocks,
      taps_y: tapRows,
      above,
      height,
      width,
      positions,
      quads_k: channels / 4,
      quads_n: n / 4,
    },
    grid: work,
    width: 4,
  };
}

function inputGradient(contraction: Contraction, rows: RowsOfImages): readonly KernelTemplate[] {
  const { label, n, k, b } = contraction;
  const flipped: Scratch = { bytes: n * k * 4 };
  return [
    {
      label: `${label} (flipped kernel)`,
      source: shaders.flipped_kernel,
      reads: [{ ...b.binding, element: 'f32' }],
      writes: [{ name: 'flipped', operand: flipped, element: 'f32' }],
      uniforms: { count: n * k, taps: k / rows.channels, channels: n, outs: rows.channels },
      grid: Math.ceil((n * k) / 64),
    },
    alongRows(contraction, rows, flipped),
  ];
}

function kernelGradient(
  { label, m, n, a, b }: Contraction,
  { rows, height, width, channels, above }: RowsOfImages,
  target: Target,
): readonly KernelTemplate[] {
  const group = n === 16 ? 4 : 8;
  const halves = 8 / group;
  const outs = n / (4 * group);
  const blocks = outs * (channels / 16);
  const tapRows = m / (3 * channels);
  const chunk = Math.ceil(rows / Math.min(rows, Math.ceil(BUSY / (blocks * tapRows)) * halves));
  const parts = Math.ceil(rows / chunk / halves) * halves;
  const partial: Scratch = { bytes: parts * m * n * 4 };
  const work = (parts / halves) * blocks * tapRows;
  return [
    {
      label: `${label} (parts)`,
      source: shaders.conv2d_kernel_gradient_rows,
      enables: ['subgroups'],
      workgroup: 8,
      builtins: ['workgroup_index', 'local_invocation_index'],
      holes: { GROUP: group, HALVED: halves > 1 },
      reads: [asVec4s(a), asVec4s(b)],
      writes: [{ name: 'partial', operand: partial, element: 'vec4f' }],
      uniforms: {
        work,
        outs,
        blocks,
        taps_y: tapRows,
        above,
        height,
        width,
        quads_x: channels / 4,
        quads_dy: n / 4,
        rows,
        chunk,
      },
      grid: work,
      width: 4,
    },
    ...sumOfParts(label, partial, { outer: 1, extent: parts, inner: m * n }, target),
  ];
}
