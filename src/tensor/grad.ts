/** Differentiation of functions of tensors. */

import { describe } from '../base/describe.ts';
import { ArgumentError, GradientError } from '../base/errors.ts';
import { createNode } from '../ir/op.ts';
import { gradients } from '../ops/gradients.ts';
import { reshapeOp } from '../ops/reshape.ts';
import { nodeOf } from './operands.ts';
import { Tensor, type TensorLike } from './tensor.ts';

/**
 * A function that gives the value of `f`, a scalar, and its gradient to every argument. The value and the gradients are
 * computed together when one of them is read.
 */
export function valueAndGrad(f: (...args: Tensor[]) => Tensor): (...args: TensorLike[]) => [Tensor, Tensor[]] {
  if (typeof f !== 'function') {
    throw new ArgumentError(
      `grad: expected a function of tensors, got ${describe(f)}. Write grad((x) => x.square().sum()).`,
    );
  }
  return (...args) => {
    // An argument given twice has two gradients, so each gets a node of its own; a reshape costs nothing.
    const inputs = args.map((arg) => {
      const node = nodeOf(arg, 'grad');
      return createNode(reshapeOp, [node], { shape: node.shape });
    });
    const value = f(...inputs.map((node) => new Tensor(node)));
    if (!(value instanceof Tensor)) {
      throw new GradientError(
        `grad: expected a function that returns a scalar tensor, got ${describe(value)}. Return a tensor, not its values, and not from an async function.`,
      );
    }
    const result = gradients(value.node, inputs).map((node) => new Tensor(node));
    Tensor.join([value, ...result]);
    return [value, result];
  };
}

/** A function that gives the gradient of `f`, a scalar, to every argument. */
export function grad(f: (...args: Tensor[]) => Tensor): (...args: TensorLike[]) => Tensor[] {
  const both = valueAndGrad(f);
  return (...args) => both(...args)[1];
}
