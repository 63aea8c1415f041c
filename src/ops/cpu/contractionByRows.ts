/**
 * Convolutions and their gradients to the kernel on the CPU along rows of pixels (conv2d_rows.wgsl, conv2d_kernel_gradient_rows.wgsl): with three
 * neighbouring taps, stride 1 and a result a pixel, what is loaded once serves all taps of a row.
 */

import { sizeOf } from '../../base/shape.ts';
import {
  type Binding,
  type Contraction,
  type ContractionOperand,
  isScratch,
  type KernelTemplate,
  type KernelVariant,
  type RowsOfImages,
  type Scratch,
  type Target,
} from '../../ir/op.ts';
import { cpuLanes, fitsUniform } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import { sumOfParts } from '../reduce.ts';

/** Subgroups that keep the adapter busy. */
const BUSY = 48;

/** The way by rows; none where the shapes would leave lanes of a subgroup of 8 without work. */
export function contractionByRows(contraction: Contraction, target: Target): KernelVariant[] {
  const { rowsOfImages: rows, n, batch = 1 } = contraction;
  if (rows === undefined || batch > 1 || cpuLanes(target) !== 8) return [];
  if (rows.of === 'kernel') {
    if (rows.channels % 16 > 0 || rows.width % 4 > 0 || (n !== 16 && n % 32 > 0)) return [];
    return [{ name: 'rows', kernels: () => kernelGradient(contraction, rows, target) }];
  }
  if (rows.channels % 4 > 0 || n % 16 > 0 || ![8, 16, 32].includes(rows.width)) return [];
  return [{ name: 'rows', kernels: () => [alongRows(contraction, rows)] }];
}

const asVec4s = ({ binding }: ContractionOperand): Binding => ({ ...binding, element: 'vec4f' });

/** As a uniform buffer where it fits: adapters on the CPU read these two to three times as fast as storage. */
function weights(operand: ContractionOperand): Binding {
  const { operand: tensor } = operand.binding;
  const bytes = isScratch(tensor) ? 0 : sizeOf(tensor.shape) * 4;
  const uniform = bytes > 0 && fitsUniform(bytes) ? { uniform: bytes / 16 } : {};
  return { ...asVec4s(operand), ...uniform, name: 'w' };
}

/** The convolution itself. */
function alongRows({ label, n, k, a, b }: Contraction, rows: RowsOfImages): KernelTemplate {
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
    reads: [{ ...asVec4s(a), name: 'pixels' }, weights(b)],
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
