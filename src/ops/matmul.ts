/** Matrix products, with either operand read transposed, over leading batch dimensions. */

import { ShapeError } from '../base/errors.ts';
import { broadcastShapes, formatShape, type Shape, sizeOf } from '../base/shape.ts';
import { type BuiltInOp, type Contraction, createNode, expectDtype, type Node, rowAxis } from '../ir/op.ts';
import { contracted } from './contracted.ts';
import { add } from './elementwise.ts';
import { broadcastTo } from './reduce.ts';
import { reshape } from './reshape.ts';

export interface MatmulAttributes {
  readonly transposeA: boolean;
  readonly transposeB: boolean;
}

interface Extents {
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch: Shape;
}

function extentsOf(a: Shape, b: Shape, { transposeA, transposeB }: MatmulAttributes): Extents {
  if (a.length < 2 || b.length < 2) {
    throw new ShapeError(
      `matmul: expected two matrices (rank 2 or more), got ${formatShape(a)} and ${formatShape(b)}. Reshape vectors to [1, n] or [n, 1].`,
    );
  }
  const [a0, a1] = a.slice(-2);
  const [b0, b1] = b.slice(-2);
  const [m, k] = transposeA ? [a1, a0] : [a0, a1];
  const [other, n] = transposeB ? [b1, b0] : [b0, b1];
  if (k !== other) {
    const flip = (shape: Shape, transposed: boolean): string =>
      `${formatShape(shape)}${transposed ? ' transposed' : ''}`;
    throw new ShapeError(
      `matmul: inner extents differ: ${flip(a, transposeA)} by ${flip(b, transposeB)} would add ${k} against ${other} products. ` +
        'Transpose or reshape one of them.',
    );
  }
  return { m, n, k, batch: broadcastShapes([a.slice(0, -2), b.slice(0, -2)], 'matmul') };
}

export const matmulOp: BuiltInOp<MatmulAttributes> = {
  name: 'matmul',
  infer([a, b], attributes) {
    expectDtype(a, 'float32', 'matmul');
    expectDtype(b, 'float32', 'matmul');
    const { m, n, batch } = extentsOf(a.shape, b.shape, attributes);
    return { shape: [...batch, m, n], dtype: 'float32' };
  },
  gradient({ inputs: [a, b], attributes: { transposeA, transposeB } }, g, needs) {
    const forA = (): Node => (transposeA ? matmul(b, g, transposeB, true) : matmul(g, b, false, !transposeB));
    const forB = (): Node => (transposeB ? matmul(g, a, true, transposeA) : matmul(a, g, !transposeA, false));
    return [needs[0] ? forA() : null, needs[1] ? forB() : null];
  },
  partition: {
    // Along the batch if there is one, else along each of the three indices; what the inner one counts is added up.
    cuts: ({ attributes: { transposeA, transposeB }, shape }) => [
      ...(rowAxis(shape) < shape.length - 2 ? (['elementwise'] as const) : []),
      { inputs: [transposeA ? -1 : -2], result: -2 },
      { inputs: [null, transposeB ? -2 : -1], result: -1 },
      { inputs: [transposeA ? -2 : -1, transposeB ? -1 : -2], result: 'add' },
    ],
  },
  lowering: {
    kind: 'kernel',
    ...contracted(
      ({ inputs: [a, b], attributes: { transposeA, transposeB } }) =>
        `matmul ${formatShape(a.shape)}${transposeA ? 'ᵀ' : ''} ${formatShape(b.shape)}${transposeB ? 'ᵀ' : ''}`,
      contractionOf,
    ),
  },
};

function contractionOf({ inputs: [a, b], attributes }: Node<MatmulAttributes>): Contraction {
  const { transposeA, transposeB } = attributes;
  const { m, n, k, batch } = extentsOf(a.shape, b.shape, attributes);
  const whole = k % 4 === 0;
  const vectorA = whole && !transposeA;
  const vectorB = whole && transposeB;
  const strideOf = (shape: Shape): number => (sizeOf(shape.slice(0, -2)) === 1 ? 0 : sizeOf(shape.slice(-2)));
  return {
    label: 'matmul',
    m,
    n,
    k,
    batch: sizeOf(batch),
    loaders: 'matmul',
    holes: {
      TRANSPOSE_A: transposeA,
      TRANSPOSE_B: transposeB,
      VECTOR_A: vectorA,
      VECTOR_B: vectorB,
      WHOLE_K: whole,
    },
    a: {
      alongK: !transposeA,
      blocks: transposeA && m % 4 === 0,
      linear: true,
      binding: { name: 'a', operand: a, element: vectorA ? 'vec4f' : 'f32' },
    },
    b: {
      alongK: transposeB,
      blocks: !transposeB && n % 4 === 0,
      linear: true,
      binding: { name: 'b', operand: b, element: vectorB ? 'vec4f' : 'f32' },
    },
    uniforms: { a_stride: strideOf(a.shape), b_stride: strideOf(b.shape) },
  };
}

/**
 * [..., m, k] by [..., k, n] gives [..., m, n]; leading dimensions broadcast. With a flag the operand is stored
 * transposed: [..., k, m] or [..., n, k].
 */
export function matmul(a: Node, b: Node, transposeA = false, transposeB = false): Node {
  const attributes = { transposeA, transposeB };
  // The kernel steps from matrix to matrix evenly: an operand has the whole batch or serves all of it.
  const { batch } = extentsOf(a.shape, b.shape, attributes);
  const spread = (x: Node): Node => {
    const own = sizeOf(x.shape.slice(0, -2));
    return own === 1 || own === sizeOf(batch) ? x : broadcastTo(x, [...batch, ...x.shape.slice(-2)]);
  };
  return createNode(matmulOp, [spread(a), spread(b)], attributes);
}

/** [..., in] by [in, out], plus a bias [out]. */
export function dense(x: Node, kernel: Node, bias?: Node): Node {
  if (x.shape.length === 0 || kernel.shape.length !== 2 || x.shape.at(-1) !== kernel.shape[0]) {
    throw new ShapeError(
      `dense: expected inputs [..., ${kernel.shape[0]}] for a kernel ${formatShape(kernel.shape)} ([in, out]), got ${formatShape(x.shape)}. ` +
        'Flatten the inputs or change the kernel.',
    );
  }
  const rows = reshape(x, [-1, kernel.shape[0]]);
  const product = matmul(rows, kernel);
  const y = bias === undefined ? product : add(product, bias);
  return reshape(y, [...x.shape.slice(0, -1), kernel.shape[1]]);
}
