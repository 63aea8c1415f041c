/** The leaf of a variable: memory that lives longer than a plan and changes between plans. */

import { StateError } from '../base/errors.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import { type BuiltInOp, createNode, isOf, type Node } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import { topologicalOrder } from '../ir/walk.ts';

/** What all nodes of one variable share. */
export interface VariableCell {
  /** Null until a plan first needs the variable, and once it was disposed of. */
  storage: Storage | null;
  /** The first value, until it was computed or will not be needed any more. */
  initial: Node | null;
  /** Counts assignments, so that a tensor built before one is not read after it. */
  version: number;
  /** The last write that was asked for; never fails. Null: none was. */
  writing: Promise<void> | null;
  /** Variables that may still need this one's present value as their first. */
  readonly waiting: Set<WeakRef<VariableCell>>;
}

/** What a new variable's nodes share. Where its first value depends on other variables, it takes that before they change. */
export function newCell(initial: Node): VariableCell {
  const cell: VariableCell = { storage: null, initial, version: 0, writing: null, waiting: new Set() };
  const self = new WeakRef(cell);
  for (const node of topologicalOrder([initial])) cellOf(node)?.waiting.add(self);
  return cell;
}

export interface VariableAttributes {
  readonly cell: VariableCell;
  /** Null: whatever it is when the plan's turn has come. */
  readonly version: number | null;
  readonly shape: Shape;
}

export const variableOp: BuiltInOp<VariableAttributes> = {
  name: 'variable',
  infer: (_, { shape }) => ({ shape, dtype: 'float32' }),
  gradient: () => [],
  partition: 'whole',
  lowering: {
    kind: 'leaf',
    storage({ attributes: { cell, version, shape } }) {
      if (version !== null && version !== cell.version) {
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

/** The variable as it will be in its turn: what a run writes to. */
export const variableInTurn = (cell: VariableCell, shape: Shape): Node =>
  createNode(variableOp, [], { cell, version: null, shape });

/** The cell of a variable's node, else null. */
export function cellOf(node: Node): VariableCell | null {
  return isOf(node, variableOp) ? node.attributes.cell : null;
}
