/** The batch of a data set on the GPU. */

import { ShapeError } from '../base/errors.ts';
import { type Shape, sizeOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';

export interface BatchAttributes {
  readonly batch: number;
  /** Rows of every shard but the last. */
  readonly rowsPerShard: number;
  /** Rows after the step's position at which it begins, default 0. */
  readonly from?: number;
}

/**
 * The batch of a data set: rows order[position], order[position + 1], … of the shards, which lie side by side; position
 * is the step's. Inputs: the shards [rows, ...], then the order (int32). uint8 comes out as float32.
 */
export const batchRowsOp: BuiltInOp<BatchAttributes> = {
  name: 'batchRows',
  infer(inputs, { batch }) {
    const [first] = inputs;
    if (inputs.slice(1, -1).some((shard) => sizeOf(shard.shape.slice(1)) !== sizeOf(first.shape.slice(1)))) {
      throw new ShapeError('batchRows: shards of one data set must hold rows of one shape. Cut the data set evenly.');
    }
    return { shape: [batch, ...first.shape.slice(1)], dtype: first.dtype === 'uint8' ? 'float32' : first.dtype };
  },
  gradient: () => 'none',
  partition: {
    cuts: () => [{ inputs: [], result: 0 }],
    sizes: ['batch'],
    start: 'from',
    rowsPerShard: 'rowsPerShard',
  },
  lowering: {
    kind: 'view',
    body({ inputs, attributes: { rowsPerShard, from = 0 } }, scope) {
      const row = rowSize(inputs[0].shape);
      const shards = inputs.slice(0, -1);
      const order = inputs.length - 1;
      const cases = shards.map((_, at) => {
        const value = `return ${scope.read(at, `(row - ${at * rowsPerShard}u) * ${row}u + e % ${row}u`)};`;
        return at === shards.length - 1 ? value : `if (row < ${(at + 1) * rowsPerShard}u) { ${value} }`;
      });
      const index = `${scope.step('position')} + ${from}u + e / ${row}u`;
      return `let row = u32(${scope.readOne(order, index)}); ${cases.join(' ')}`;
    },
    keepsRows: ({ inputs: [first] }) => rowSize(first.shape),
  },
};

const rowSize = (shape: Shape): number => sizeOf(shape.slice(1));

export const batchRows = (shards: readonly Node[], order: Node, batch: number, rowsPerShard: number): Node =>
  createNode(batchRowsOp, [...shards, order], { batch, rowsPerShard });
