/** Differentiation of functions of tensors. */

import { describe } from '../base/describe.ts';
import { ArgumentError, GradientError } from '../base/errors.ts';
import { createNode, type Node } from '../ir/op.ts';
import { mul } from '../ops/elementwise.ts';
import { gradients } from '../ops/gradients.ts';
import { broadcastTo, sum } from '../ops/reduce.ts';
import { reshapeOp } from '../ops/reshape.ts';
import { nodeOf } from './operands.ts';
import { Tensor, type TensorLike } from './tensor.ts';

function checkFunction(who: 'grad' | 'vjp', f: unknown): void {
  if (typeof f === 'function') return;
  throw new ArgumentError(
    `${who}: expected a function of tensors, got ${describe(f)}. Write ${who}((x) => x.square().sum()).`,
  );
}

/**
 * A function that gives the value of `f`, a scalar, and its gradient to every argument. The value and the gradients are
 * computed together when one of them is read.
 */
export function valueAndGrad(f: (...args: Tensor[]) => Tensor): (...args: TensorLike[]) => [Tensor, Tensor[]] {
  checkFunction('grad', f);
  return (...args) => {
    const { value, inputs } = traced(f, args);
    const result = gradients(value.node, inputs).map((node) => new Tensor(node));
    Tensor.join([value, ...result]);
    return [value, result];
  };
}

/** What `f` gives, and the nodes of its arguments. */
function traced(f: (...args: Tensor[]) => Tensor, args: readonly TensorLike[]): { value: Tensor; inputs: Node[] } {
  // An argument given twice has two gradients, so each gets a node of its own; a reshape costs nothing.
  const inputs = args.map((arg) => {
    const node = nodeOf(arg, 'grad');
    checkSlope(node, 'an argument');
    return createNode(reshapeOp, [node], { shape: node.shape });
  });
  const value = f(...inputs.map((node) => new Tensor(node)));
  if (!(value instanceof Tensor)) {
    throw new GradientError(
      `grad: expected a function that returns a tensor, got ${describe(value)}. Return a tensor, not its values, and not from an async function.`,
    );
  }
  checkSlope(value.node, 'the value');
  return { value, inputs };
}

/** Whole numbers make steps: there is no slope of them. */
function checkSlope({ dtype }: Node, what: string): void {
  if (dtype !== 'int32') return;
  throw new GradientError(
    `grad: ${what} is int32, of which there is no gradient. Convert it with cast('float32'), or use it in the function without being an argument.`,
  );
}

/**
 * A function that gives the value of `f`, a tensor of any shape, and a function of the upstream gradient (something that broadcasts
 * to the value's shape) that gives the gradient to every argument: of the sum of value times upstream.
 */
export function vjp(
  f: (...args: Tensor[]) => Tensor,
): (...args: TensorLike[]) => [Tensor, (upstream: TensorLike) => Tensor[]] {
  checkFunction('vjp', f);
  return (...args) => {
    const { value, inputs } = traced(f, args);
    // Once it is read, the tensor's own node is but the value.
    const { node: computed } = value;
    const pull = (upstream: TensorLike): Tensor[] => {
      const weighed = mul(computed, broadcastTo(nodeOf(upstream, 'vjp'), value.shape));
      const result = gradients(sum(weighed), inputs).map((node) => new Tensor(node));
      Tensor.join([value, ...result]);
      return result;
    };
    return [value, pull];
  };
}

/**
 * A function that gives the gradient of `f`, a scalar, to every argument: an array also where there is but one, so that the type
 * does not depend on how many there are.
 * @throws GradientError where the value or an argument is int32
 */
export function grad(f: (...args: Tensor[]) => Tensor): (...args: TensorLike[]) => Tensor[] {
  const both = valueAndGrad(f);
  return (...args) => both(...args)[1];
}
