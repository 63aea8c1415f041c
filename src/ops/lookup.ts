/** Rows of a table by many ids, as an embedding takes them. */

import { type Shape, sizeOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { type GatherAttributes, gather, gatherOp, scatterAddOp } from './gather.ts';
import { isLong, withLongSum } from './longSum.ts';
import { reshape } from './reshape.ts';
import { sortOrder } from './sort.ts';

/** Comparisons of rows with ids that take as long as sorting the ids. */
const MANY_COMPARISONS = 2 ** 20;

/** `gather`, but for a gradient that sorts the ids where they are many, so that no row looks at those of others. */
export const lookupOp: BuiltInOp<GatherAttributes> = {
  ...gatherOp,
  name: 'lookup',
  gradient({ inputs: [{ shape }, ids] }, g) {
    if (sizeOf(ids.shape) * sizeOf(shape) <= MANY_COMPARISONS) {
      return [createNode(scatterAddOp, [g, ids], { axis: 0, rows: shape[0] }), null];
    }
    const order = sortOrder(reshape(ids, [-1]), false, false);
    return [createNode(scatterOrderedOp, [g, ids, order], { shape }), null];
  },
};

/** Rows of `table` in the order of `ids` (int32), whose shape takes the place of the first axis. An id out of range gives NaN. */
export const lookup = (table: Node, ids: Node): Node => createNode(lookupOp, [table, ids], { axis: 0 });

export interface TableAttributes {
  /** Of the table. */
  readonly shape: Shape;
}

/** Inputs: g, ids, and the places of these in ascending order. Adds the rows of g into those of a table, each id's in their order. */
export const scatterOrderedOp: BuiltInOp<TableAttributes> = {
  name: 'scatterOrdered',
  infer: (_, { shape }) => ({ shape, dtype: 'float32' }),
  gradient: ({ inputs: [, ids] }, g) => [gather(g, ids), null, null],
  partition: 'whole',
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [g, ids, order], shape }) {
      const [count, ofIds] = [sizeOf(shape), sizeOf(ids.shape)];
      return [
        {
          label: 'scatterOrdered',
          source: withLongSum(shaders.scatter_ordered),
          holes: { LONG: isLong(ofIds) },
          reads: [
            { name: 'g', operand: g, element: 'f32' },
            { name: 'ids', operand: ids, element: 'i32' },
            { name: 'order', operand: order, element: 'i32' },
          ],
          uniforms: { count, ids: ofIds, inner: count / shape[0] },
          grid: Math.ceil(count / 64),
        },
      ];
    },
  },
};
