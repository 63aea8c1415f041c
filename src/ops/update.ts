/** Operations that write into variables: a new value, an optimizer's step. */

import { ShapeError } from '../base/errors.ts';
import { formatShape, type Shape, sizeOf } from '../base/shape.ts';
import { type Binding, type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { FLAGS } from '../ir/scope.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { copy } from './elementwise.ts';

/** Shape of an operation that has no value. */
export const NOTHING: Shape = [1];

export interface AssignAttributes {
  /** True when the inputs end in the health words. */
  readonly watched: boolean;
}

/** Inputs: the variable, the value, and the health words where watched. */
export const assignOp: BuiltInOp<AssignAttributes> = {
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
  rows: 'elementwise',
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

/** What the words of steps left out say, by their place: how many there were, and one more than the latest one. */
export const LEFT_OUT = { count: 0, latest: 1, words: 4 } as const;

/** What an update heeds in training. */
export interface UpdateWatch {
  /** Whether the step is to be taken; see accumulate.wgsl. */
  readonly health: Node;
  /** Where it counts the steps that it leaves out; see optimizer.wgsl. */
  readonly leftOut: Node;
}

/** Decays: the kernel needs 1 less each as well, which float32 would round to few digits or to 0. */
const DECAYS = ['rho', 'beta1', 'beta2'];

/** The constants that the kernel reads. */
function floatsOf({ constants }: UpdateRule): Record<string, number> {
  const floats: Record<string, number> = { ...constants };
  for (const name of DECAYS) if (name in constants) floats[`${name}_rest`] = 1 - constants[name];
  return floats;
}

export interface UpdateAttributes {
  readonly rule: UpdateRule;
  /** True when the inputs end in the health words and the words of steps left out. */
  readonly watched: boolean;
}

/** The logarithm of a decay, from which the bias of a moment after any number of steps follows. Of 0 it is finite, too. */
const logarithm = (decay: number): number => Math.max(Math.log(decay), -1000);

/** Inputs: parameters, the rule's moments, the gradient, and where watched the health words and those of steps left out. */
export const optimizerUpdateOp: BuiltInOp<UpdateAttributes> = {
  name: 'optimizerUpdate',
  infer: () => ({ shape: NOTHING, dtype: 'float32' }),
  gradient: () => 'none',
  rows: 'elementwise',
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
      if (watched) {
        const [health, leftOut] = inputs.slice(2 + moments.length);
        writes.push({ name: 'health', operand: health, element: FLAGS });
        writes.push({ name: 'left_out', operand: leftOut, element: 'u32' });
      }
      const corrected = watched && rule.kind === 'ADAM';
      const { beta1, beta2 } = rule.constants;
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
            CORRECTED: corrected,
          },
          reads: [{ name: 'gradient', operand: gradient, element: 'vec4f' }],
          writes,
          uniforms: { count },
          floats: {
            ...floatsOf(rule),
            ...(corrected && { log_beta1: logarithm(beta1), log_beta2: logarithm(beta2) }),
          },
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
  watch?: UpdateWatch,
): Node {
  const watched = watch !== undefined;
  const inputs = [parameter, ...moments, gradient, ...(watched ? [watch.health, watch.leftOut] : [])];
  return createNode(optimizerUpdateOp, inputs, { rule, watched });
}
