/** Operations that write: a variable's new value, an optimizer's step, the epoch's sums; and the packing of gradients. */

import { ShapeError } from '../errors.ts';
import * as shaders from '../gpu/shaders.generated.ts';
import type { Binding } from '../graph/kernel.ts';
import { createNode, type Node, type Op } from '../graph/node.ts';
import { FLAGS } from '../graph/pointwise.ts';
import { OFFSET_ALIGNMENT } from '../graph/storage.ts';
import { formatShape, roundUp, type Shape, sizeOf } from '../shape.ts';
import { copy, NONE, type None } from './elementwise.ts';

/** What the words of health say, by their place; see accumulate.wgsl. */
export const HEALTH = { first: 0, latest: 1, released: 2, words: 4 } as const;

/** Shape of an operation that has no value. */
const NOTHING: Shape = [1];

export interface AssignAttributes {
  /** True when the inputs end in the health words. */
  readonly watched: boolean;
}

/** Inputs: the variable, the value, and the health words where watched. */
export const assignOp: Op<AssignAttributes> = {
  name: 'assign',
  infer([target, value]) {
    if (sizeOf(target.shape) !== sizeOf(value.shape)) {
      throw new ShapeError(
        `assign: a variable ${formatShape(target.shape)} cannot hold ${formatShape(value.shape)}. Give a value of its shape.`,
      );
    }
    return { shape: NOTHING, dtype: 'float32' };
  },
  gradient: () => 'none',
  lowering: {
    kind: 'effect',
    writes: 1,
    kernels({ inputs: [target, value, health], attributes: { watched } }) {
      const count = Math.ceil(sizeOf(target.shape) / 4);
      const writes: Binding[] = [{ name: 'target_', operand: target, element: 'vec4f' }];
      if (watched) writes.push({ name: 'health', operand: health, element: FLAGS });
      return [
        {
          label: 'assign',
          source: shaders.assign,
          holes: { WATCHED: watched },
          reads: [{ name: 'value', operand: value, element: 'vec4f' }],
          writes,
          uniforms: { count },
          grid: Math.ceil(count / 64),
          width: 4,
          usesStep: watched,
        },
      ];
    },
  },
};

/**
 * Writes a value into a variable's memory when the plan runs, after everything that reads it. With health words, what a
 * step that is not finite would write is left out, as the optimizer does.
 */
export const assign = (target: Node, value: Node, health?: Node): Node =>
  createNode(assignOp, [target, copy(value), ...(health === undefined ? [] : [health])], {
    watched: health !== undefined,
  });

/** The elements that a packed tensor takes, so that the next one starts where every adapter can bind it. */
export const packedSize = (size: number): number => roundUp(size, OFFSET_ALIGNMENT / 4);

export const packOp: Op<None> = {
  name: 'pack',
  infer: (inputs) => ({
    shape: [inputs.reduce((sum, input) => sum + packedSize(sizeOf(input.shape)), 0)],
    dtype: 'float32',
  }),
  gradient: () => 'none',
  lowering: {
    kind: 'pack',
    offsets(node) {
      let start = 0;
      return node.inputs.map((input) => {
        const offset = start * 4;
        start += packedSize(sizeOf(input.shape));
        return offset;
      });
    },
  },
};

/**
 * Tensors side by side in one buffer, each from a multiple of 256 bytes on; what lies between is zero. Each becomes a node
 * of its own by `own`, which the planner fuses into the kernel that computes the tensor.
 */
export const pack = (tensors: readonly Node[], own: (tensor: Node) => Node = copy): Node =>
  createNode(
    packOp,
    tensors.map((tensor) => own(tensor)),
    NONE,
  );

/** An optimizer's rule: the branch of optimizer.wgsl, its constants, and which moments it keeps. */
export interface UpdateRule {
  readonly kind: 'SGD' | 'RMSPROP' | 'ADAM';
  readonly momentum: boolean;
  readonly nesterov: boolean;
  readonly centered: boolean;
  readonly constants: Readonly<Record<string, number>>;
}

/** Moments that a rule keeps, in the order in which the update takes them. */
export function momentsOf(rule: UpdateRule): ('moment1' | 'moment2' | 'moment3')[] {
  const moments: ('moment1' | 'moment2' | 'moment3')[] = [];
  if (rule.kind === 'ADAM' || rule.momentum) moments.push('moment1');
  if (rule.kind !== 'SGD') moments.push('moment2');
  if (rule.centered) moments.push('moment3');
  return moments;
}

export interface WatchAttributes {
  /** Whether the value's square must be finite as well. */
  readonly squared: boolean;
}

/** Inputs: the value, which is passed on, and the health words (see accumulate.wgsl), which are told where it is not finite. */
export const watchOp: Op<WatchAttributes> = {
  name: 'watch',
  infer: ([x]) => ({ shape: x.shape, dtype: 'float32' }),
  gradient: () => 'none',
  lowering: {
    kind: 'pointwise',
    flags: 1,
    expression({ attributes: { squared } }, [x, health], scope) {
      const step = scope.step('step');
      const first = `atomicMin(&${health}[${HEALTH.first}], ${step});`;
      const latest = `atomicMax(&${health}[${HEALTH.latest}], ${step} + 1u);`;
      scope.statement(`if (!all(is_finite(${squared ? `${x} * ${x}` : x}))) { ${first} ${latest} }`);
      return x;
    },
  },
};

/**
 * A gradient, watched: where it is not finite, the optimizer leaves the step out. So it does where a rule with squares of
 * gradients would overflow, which would freeze the weight for good.
 */
export const watch = (gradient: Node, health: Node, rule: UpdateRule): Node =>
  createNode(watchOp, [gradient, health], { squared: rule.kind !== 'SGD' });

export interface UpdateAttributes {
  readonly rule: UpdateRule;
  /** True when the inputs end in the health words. */
  readonly watched: boolean;
}

/** Inputs: parameters, the rule's moments, the gradient, and the health words where watched. */
export const optimizerUpdateOp: Op<UpdateAttributes> = {
  name: 'optimizerUpdate',
  infer: () => ({ shape: NOTHING, dtype: 'float32' }),
  gradient: () => 'none',
  lowering: {
    kind: 'effect',
    writes: 1,
    kernels({ inputs, attributes: { rule, watched } }) {
      const moments = momentsOf(rule);
      const [parameter] = inputs;
      const gradient = inputs[1 + moments.length];
      const count = Math.ceil(sizeOf(parameter.shape) / 4);
      const writes: Binding[] = [{ name: 'parameter', operand: parameter, element: 'vec4f' }];
      moments.forEach((name, at) => {
        writes.push({ name, operand: inputs[1 + at], element: 'vec4f' });
      });
      if (watched) writes.push({ name: 'health', operand: inputs[2 + moments.length], element: FLAGS });
      return [
        {
          label: 'optimizer',
          source: shaders.optimizer,
          holes: {
            SGD: rule.kind === 'SGD',
            RMSPROP: rule.kind === 'RMSPROP',
            ADAM: rule.kind === 'ADAM',
            MOMENTUM: moments.includes('moment1'),
            NESTEROV: rule.nesterov,
            SECOND_MOMENT: moments.includes('moment2'),
            CENTERED: rule.centered,
            WATCHED: watched,
          },
          reads: [{ name: 'gradient', operand: gradient, element: 'vec4f' }],
          writes,
          uniforms: { count },
          floats: rule.constants,
          grid: Math.ceil(count / 64),
          width: 4,
          usesStep: true,
        },
      ];
    },
  },
};

export function optimizerUpdate(
  rule: UpdateRule,
  parameter: Node,
  moments: readonly Node[],
  gradient: Node,
  health?: Node,
): Node {
  const watched = health !== undefined;
  const inputs = [parameter, ...moments, gradient, ...(watched ? [health] : [])];
  return createNode(optimizerUpdateOp, inputs, { rule, watched });
}

/** Inputs: the sums, the health words, then the step's values, the loss first. */
export const accumulateOp: Op<None> = {
  name: 'accumulate',
  infer: () => ({ shape: NOTHING, dtype: 'float32' }),
  gradient: () => 'none',
  lowering: {
    kind: 'effect',
    writes: 2,
    kernels: ({ inputs: [sums, health, ...values] }) => [
      {
        label: 'accumulate',
        source: shaders.accumulate,
        holes: { VALUES: values.length },
        reads: values.map((operand, at) => ({ name: `value${at}`, operand, element: 'f32' })),
        writes: [
          { name: 'sums', operand: sums, element: 'f32' },
          { name: 'health', operand: health, element: FLAGS },
        ],
        grid: [1, 1, 1],
        usesStep: true,
      },
    ],
  },
};

/** Adds scalars to the sums when the plan runs, and watches the first one, the loss. */
export const accumulate = (sums: Node, health: Node, values: readonly Node[]): Node =>
  createNode(accumulateOp, [sums, health, ...values.map((value) => copy(value))], NONE);
