/** Running sums along an axis. */

import { normalizeAxis, sizeOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, type KernelTemplate, type Node, type Scratch } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { copy } from './elementwise.ts';

export interface ScanAttributes {
  readonly axis: number;
  /** Whether an element's own value is left out. */
  readonly exclusive: boolean;
  /** Whether sums run from the end. */
  readonly reverse: boolean;
}

/** Sums side by side from which on each extent is one thread's. */
const BUSY = 16384;
/** Shortest chunk. */
const SHORTEST = 32;

/** Chunks as long as they are many, so that a thread adds up no more chunks than values. */
function chunkOf(extent: number, columns: number): number {
  return columns >= BUSY ? extent : Math.max(SHORTEST, Math.ceil(Math.sqrt(extent)));
}

export const cumsumOp: BuiltInOp<ScanAttributes> = {
  name: 'cumsum',
  infer: ([x]) => ({ shape: x.shape, dtype: x.dtype === 'int32' ? 'int32' : 'float32' }),
  gradient: ({ attributes }, g) => [createNode(cumsumOp, [g], { ...attributes, reverse: !attributes.reverse })],
  partition: { cuts: ({ attributes: { axis } }, row) => (row === axis ? [] : [row]) },
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [x], attributes: { axis, exclusive, reverse }, dtype }) {
      const extent = x.shape[axis];
      const inner = sizeOf(x.shape.slice(axis + 1));
      const columns = sizeOf(x.shape) / extent;
      const chunk = chunkOf(extent, columns);
      const chunks = Math.ceil(extent / chunk);
      const threads = columns * chunks;
      const element = dtype === 'int32' ? 'i32' : 'f32';
      const totals: Scratch = { bytes: threads * 4 };
      const bound = { name: 'totals', operand: totals, element };
      const pass = (adding: boolean): KernelTemplate => ({
        label: adding ? 'cumsum (parts)' : 'cumsum',
        source: shaders.scan,
        holes: { REVERSE: reverse, TOTALS: adding, PARTS: chunks > 1, EXCLUSIVE: exclusive, NUMBER: element },
        reads: [{ name: 'x', operand: x, element }, ...(chunks > 1 && !adding ? [bound] : [])],
        writes: adding ? [bound] : [],
        uniforms: { threads, extent, inner, chunk, chunks },
        grid: Math.ceil(threads / 64),
      });
      return chunks > 1 ? [pass(true), pass(false)] : [pass(false)];
    },
  },
};

export function cumsum(x: Node, axis = -1, exclusive = false, reverse = false): Node {
  const normalized = normalizeAxis(axis, x.shape.length, 'cumsum');
  return createNode(cumsumOp, [x.dtype === 'uint8' ? copy(x) : x], { axis: normalized, exclusive, reverse });
}
