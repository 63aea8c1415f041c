/**
 * The three operations of a convolution: itself, and its gradients to the input and to the kernel. They are one bilinear form seen from
 * three sides, so that the gradients of each are the other two.
 */

import type { Shape } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Lowering } from '../ir/op.ts';

interface ConvolutionShapes {
  readonly input: Shape;
  readonly kernel: Shape;
  readonly output: Shape;
}

interface Lowerings<A> {
  /** Of [input, kernel]. */
  readonly forward: Lowering<A>;
  /** Of [upstream gradient, kernel]. */
  readonly toInput: Lowering<A>;
  /** Of [input, upstream gradient]. */
  readonly toKernel: Lowering<A>;
}

/** `name`, `nameInputGradient` and `nameKernelGradient`; images lie along the batch, which comes first. */
export function convolutionOps<A extends ConvolutionShapes>(name: string, lowerings: Lowerings<A>) {
  const forward: BuiltInOp<A> = {
    name,
    infer: (_, { output }) => ({ shape: output, dtype: 'float32' }),
    gradient({ inputs: [x, kernel], attributes }, g, needs) {
      return [
        needs[0] ? createNode(toInput, [g, kernel], attributes) : null,
        needs[1] ? createNode(toKernel, [x, g], attributes) : null,
      ];
    },
    partition: { cuts: () => [0], sizes: ['input', 'output'] },
    lowering: lowerings.forward,
  };
  const toInput: BuiltInOp<A> = {
    name: `${name}InputGradient`,
    infer: (_, { input }) => ({ shape: input, dtype: 'float32' }),
    gradient({ inputs: [dy, kernel], attributes }, g, needs) {
      return [
        needs[0] ? createNode(forward, [g, kernel], attributes) : null,
        needs[1] ? createNode(toKernel, [g, dy], attributes) : null,
      ];
    },
    partition: { cuts: () => [0], sizes: ['input', 'output'] },
    lowering: lowerings.toInput,
  };
  const toKernel: BuiltInOp<A> = {
    name: `${name}KernelGradient`,
    infer: (_, { kernel }) => ({ shape: kernel, dtype: 'float32' }),
    gradient({ inputs: [x, dy], attributes }, g, needs) {
      return [
        needs[0] ? createNode(toInput, [dy, g], attributes) : null,
        needs[1] ? createNode(forward, [x, g], attributes) : null,
      ];
    },
    partition: { cuts: () => [{ inputs: [0, 0], result: 'add' }], sizes: ['input', 'output'] },
    lowering: lowerings.toKernel,
  };
  return { forward, toInput, toKernel };
}
