/** Tensors that optimizers write to. */

import type { HostArray } from '../base/dtype.ts';
import { DtypeError, ShapeError } from '../base/errors.ts';
import { formatShape, sameShape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { assign } from '../ops/update.ts';
import { newCell, type VariableCell, variableInTurn, variableNode } from '../ops/variable.ts';
import { readVariable, runOnce } from '../runtime/run.ts';
import { nodeOf } from './operands.ts';
import { Tensor, type TensorLike } from './tensor.ts';

/** A tensor with memory of its own that can be assigned to; float32. */
export class Variable extends Tensor {
  /** @internal */
  static override readonly name: string = 'Variable';
  /** Where the value lies. @internal */
  readonly cell: VariableCell;
  #current: { version: number; node: Node };

  /** Use `variable`. */
  constructor(initial: Node) {
    if (initial.dtype !== 'float32') {
      throw new DtypeError(
        `variable: expected float32, which optimizers compute with, got ${initial.dtype}. Convert the value with cast('float32').`,
      );
    }
    super(initial);
    this.cell = newCell(initial);
    this.#current = { version: 0, node: variableNode(this.cell, initial.shape) };
  }

  override get node(): Node {
    if (this.#current.version !== this.cell.version) {
      this.#current = { version: this.cell.version, node: variableNode(this.cell, this.#current.node.shape) };
    }
    return this.#current.node;
  }

  /** @internal */
  protected override get firstNode(): Node | null {
    return this.cell.version === 0 ? this.cell.initial : null;
  }

  /** @internal */
  override get realised(): boolean {
    return true;
  }

  override async data(): Promise<HostArray> {
    return readVariable(this.cell, this.shape);
  }

  /** A tensor: unlike the variable it keeps the present value, or can no longer be read after an update. */
  override cast(dtype: 'float32' | 'int32'): Tensor {
    return dtype === this.dtype ? new Tensor(this.node) : super.cast(dtype);
  }

  /**
   * Replaces the value. Tensors built from the old one and not yet read can then no longer be read; variables made of it
   * have it. Assignments take place in the order of the calls.
   */
  async assign(value: TensorLike): Promise<void> {
    const node = nodeOf(value, 'assign');
    if (!sameShape(node.shape, this.shape)) {
      throw new ShapeError(
        `assign: a variable ${formatShape(this.shape)} cannot hold ${formatShape(node.shape)}. Give a value of its shape.`,
      );
    }
    const effect = assign(variableInTurn(this.cell, this.shape), node);
    await runOnce([], [effect], {
      submitted: () => {
        this.cell.version++;
      },
    });
  }

  /** Frees the memory at once; the variable cannot be used any more. */
  override dispose(): void {
    const { storage } = this.cell;
    this.cell.initial = null;
    this.cell.storage = null;
    storage?.owner.free(storage);
  }
}

/** A tensor with memory of its own that optimizers and `assign` write to; it starts as `value`. */
export const variable = (value: TensorLike): Variable => new Variable(nodeOf(value, 'variable'));
