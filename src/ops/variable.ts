/** The leaf of a variable: memory that lives longer than a plan and changes between plans. */

import { StateError } from '../errors.ts';
import { createNode, isOf, type Node, type Op } from '../graph/node.ts';
import type { Storage } from '../graph/storage.ts';
import { formatShape, type Shape } from '../shape.ts';

/** What all nodes of one variable share. */
export interface VariableCell {
  /** Null until a plan first needs the variable, and once it was disposed of. */
  storage: Storage | null;
  /** The first value, until it was computed or will not be needed any more. */
  initial: Node | null;
  /** Counts assignments, so that a tensor built before one is not read after it. */
  version: number;
}

export interface VariableAttributes {
  readonly cell: VariableCell;
  readonly version: number;
  readonly shape: Shape;
}

export const variableOp: Op<VariableAttributes> = {
  name: 'variable',
  infer: (_, { shape }) => ({ shape, dtype: 'float32' }),
  gradient: () => [],
  lowering: {
    kind: 'leaf',
    storage({ attributes: { cell, version, shape } }) {
      if (cell.version !== version) {
        throw new StateError(
          `A tensor was built from a variable ${formatShape(shape)} that has been updated since: its value would mix old and new. ` +
            'Await its data() before the update, or build it anew.',
        );
      }
      if (cell.storage === null) {
        throw new StateError(
          cell.initial === null
            ? `A variable ${formatShape(shape)} was disposed of: its value is gone. Read it before dispose(), or make a new variable.`
            : `A variable ${formatShape(shape)} was used before its first value was computed. Await its data() first.`,
        );
      }
      return { kind: 'device', storage: cell.storage };
    },
  },
};

/** The variable as it is now. */
export const variableNode = (cell: VariableCell, shape: Shape): Node =>
  createNode(variableOp, [], { cell, version: cell.version, shape });

/** The variable of a node as it is now. */
export const variableNow = (node: Node): Node => {
  const cell = cellOf(node);
  return cell === null ? node : variableNode(cell, node.shape);
};

/** The cell of a variable's node, else null. */
export function cellOf(node: Node): VariableCell | null {
  return isOf(node, variableOp) ? node.attributes.cell : null;
}
