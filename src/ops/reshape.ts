/** The same elements in the same order under another shape. */

import { counted } from '../base/describe.ts';
import { ShapeError } from '../base/errors.ts';
import { checkShape, formatShape, type Shape, sameShape, sizeOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';

export interface ReshapeAttributes {
  readonly shape: Shape;
}

export const reshapeOp: BuiltInOp<ReshapeAttributes> = {
  name: 'reshape',
  infer([x], { shape }) {
    checkShape(shape, 'reshape');
    if (sizeOf(shape) !== sizeOf(x.shape)) {
      throw new ShapeError(
        `reshape: ${formatShape(x.shape)} holds ${counted(sizeOf(x.shape), 'element')}, ${formatShape(shape)} holds ${sizeOf(shape)}. ` +
          'Give a shape of the same size; one extent may be -1.',
      );
    }
    return { shape, dtype: x.dtype };
  },
  gradient: (node, upstream) => [reshape(upstream, node.inputs[0].shape)],
  fold: (_, [value]) => value,
  partition: { cuts: () => ['flat'], sizes: ['shape'] },
  lowering: { kind: 'alias' },
};

/** One extent may be -1: it is inferred. */
export function reshape(x: Node, shape: Shape): Node {
  if (!Array.isArray(shape)) checkShape(shape, 'reshape');
  const open = shape.indexOf(-1);
  if (open !== shape.lastIndexOf(-1)) {
    throw new ShapeError(`reshape: ${formatShape(shape)} leaves more than one extent open. Give at most one -1.`);
  }
  let wanted = shape;
  if (open >= 0) {
    const rest = sizeOf(shape.filter((_, d) => d !== open));
    wanted = shape.map((extent, d) => (d === open ? Math.floor(sizeOf(x.shape) / rest) : extent));
  }
  return sameShape(x.shape, wanted) ? x : createNode(reshapeOp, [x], { shape: wanted });
}
