/** Operations that write into variables: a new value, an optimizer's step. */

import { ShapeError } from '../base/errors.ts';
import { formatShape, type Shape, sizeOf } from '../base/shape.ts';
import { type Binding, type BuiltInOp, createNode, type Node, refuseInt32 } from '../ir/op.ts';
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
  partition: 'elementwise',
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
export function assign(target: Node, value: Node, health?: Node): Node {
  refuseInt32([value], 'assign');
  return createNode(assignOp, [target, copy(value), ...(health === undefined ? [] : [health])], {
    watched: health !== undefined,
  });
}

/** How gradients are clipped before a rule is given them: each number, each weight's gradient by its norm, or all by their common norm. */
export interface Clipping {
  /** Each number by its magnitude, each weight's gradient by its norm, or all gradients by their norm together. */
  readonly by: 'value' | 'norm' | 'globalNorm';
  /** The largest magnitude or norm that is left; above 0. */
  readonly limit: number;
}

/**
 * An optimizer's rule, as data: what a step makes of the weights, in WGSL that optimizer.wgsl takes in. It is computed on
 * four weights at a time, the `i`th of these fours, from
 *
 * ```
 *     old: vec4f                  the weights, less their decay
 *     g: vec4f                    their gradients, clipped
 *     NAME[i]: vec4f              what is remembered of them, for each name in `moments`
 *     rate: f32                   the first of the optimizer's `rates` of this step
 *     step.rates: vec4f           all of them
 *     params.NAME: f32            for each name in `constants`
 * ```
 *
 * Where one of the results is not finite, or in training any gradient, the step leaves the weight and its moments as they are.
 */
export interface UpdateRule {
  /** WGSL statements; they declare `next`, the new weights, and the variables that `moments` names. */
  readonly body: string;
  /**
   * What is remembered of each weight from step to step, 0 at first: the name, which is that in a model's file as well, and
   * which variable of `body` holds the new value.
   */
  readonly moments: Readonly<Record<string, string>>;
  /** Numbers of the optimizer's settings. Of a decay near 1 the body needs what it lacks to 1 as a number of its own: float32 has no digits left for the difference. */
  readonly constants: Readonly<Record<string, number>>;
  /**
   * Whether the body squares gradients: then one whose square overflows counts as not finite, too. It would else freeze its
   * weight for good. Training leaves out the step, and names that gradient as the cause.
   */
  readonly squares: boolean;
  /**
   * For a rule whose `rate` depends on the number of steps: WGSL of the rate after `taken: f32` steps, for trainings that
   * left steps out, of which the host does not know when it computes `rates`. `step.rates.w` must then be the host's number of
   * the step. `complement(x)` is 1 - exp(x) for x < 0, also in `body`. Else null.
   */
  readonly correctedRate: string | null;
  /** How gradients are clipped before; left out: they are not. `Optimizer.update` has it from the optimizer's options. */
  readonly clipping?: Clipping;
  /** Which variable of `body` holds the new weights; left out: `next`. */
  readonly result?: string;
  /**
   * Whether `body` reads `taken: f32`, the steps taken, this one included and those left out that were; `step.rates.w` must then be
   * the host's number of the step. Left out: it does not.
   */
  readonly counts?: boolean;
  /** Whether `old` is the weight less its share `step.rates.y`, the weight decay; left out: the weight itself. From the options, too. */
  readonly decays?: boolean;
}

/** Names of what a rule remembers of each weight, in the order in which the update takes it. */
export const momentsOf = (rule: UpdateRule): string[] => Object.keys(rule.moments);

/** What the words of steps left out say, by their place: how many there were, and one more than the latest one. */
export const LEFT_OUT = { count: 0, latest: 1, words: 4 } as const;

/** What an update heeds in training. */
export interface UpdateWatch {
  /** Whether the step is to be taken; see accumulate.wgsl. */
  readonly health: Node;
  /** Where it counts the steps that it leaves out; see optimizer.wgsl. */
  readonly leftOut: Node;
}

export interface UpdateAttributes {
  readonly rule: UpdateRule;
  /** True when the last input is what all gradients are multiplied by. */
  readonly scaled: boolean;
  /** True when the inputs have the health words and the words of steps left out. */
  readonly watched: boolean;
}

/**
 * Inputs: parameters, the rule's moments, the gradient, where watched the health words and those of steps left out, and where
 * scaled what the gradient is multiplied by.
 */
export const optimizerUpdateOp: BuiltInOp<UpdateAttributes> = {
  name: 'optimizerUpdate',
  infer: () => ({ shape: NOTHING, dtype: 'float32' }),
  gradient: () => 'none',
  partition: 'elementwise',
  lowering: {
    kind: 'effect',
    writes: 1,
    kernels({ inputs, attributes: { rule, scaled, watched } }, target) {
      const moments = momentsOf(rule);
      const [parameter] = inputs;
      const gradient = inputs[1 + moments.length];
      const size = sizeOf(parameter.shape);
      const { width, turns } = target.ways.update(size, target);
      const element = width === 4 ? 'vec4f' : 'f32';
      const count = Math.ceil(size / width);
      const block = 64 * turns;
      const writes: Binding[] = [{ name: 'parameter', operand: parameter, element }];
      moments.forEach((name, at) => {
        writes.push({ name, operand: inputs[1 + at], element });
      });
      if (watched) {
        const [health, leftOut] = inputs.slice(2 + moments.length);
        writes.push({ name: 'health', operand: health, element: FLAGS });
        writes.push({ name: 'left_out', operand: leftOut, element: 'u32' });
      }
      const corrected = watched && rule.correctedRate !== null;
      const reads: Binding[] = [{ name: 'gradient', operand: gradient, element }];
      if (scaled) reads.push({ name: 'gradient_scale', operand: inputs[inputs.length - 1], element: 'f32' });
      const { clipping, decays = false, result = 'next' } = rule;
      const byValue = clipping?.by === 'value';
      // What is not finite is looked for before it is clipped, too.
      const looked = [
        ...(byValue ? ['gradient[i]'] : []),
        'g',
        'next',
        ...Object.values(rule.moments),
        ...(result === 'next' ? [] : [result]),
      ];
      const limit = `${element}(params.clip_limit)`;
      return [
        {
          label: 'optimizer',
          source: shaders.optimizer,
          holes: {
            BODY: rule.body,
            RESULT: result,
            TAKEN: rule.counts === true,
            GRADIENT: byValue
              ? `clamp(gradient[i], -${limit}, ${limit})`
              : `gradient[i]${scaled ? ' * gradient_scale[0]' : ''}`,
            DECAY: decays ? ' - step.rates.y * parameter_before' : '',
            GOOD: looked.map((name) => `is_finite(${name})`).join(' & '),
            MOMENTS: Object.entries(rule.moments)
              .map(([name, next]) => `${name}[i] = select(${name}[i], ${next}, good);`)
              .join('\n'),
            WATCHED: watched,
            CORRECTED: corrected,
            COMPLEMENT: corrected || rule.body.includes('complement('),
            RATE: rule.correctedRate ?? '',
          },
          reads,
          writes,
          uniforms: { count, block },
          floats: byValue ? { ...rule.constants, clip_limit: clipping.limit } : rule.constants,
          grid: Math.ceil(count / block),
          width,
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
  scale?: Node,
): Node {
  const watched = watch !== undefined;
  const scaled = scale !== undefined;
  const watching = watched ? [watch.health, watch.leftOut] : [];
  const inputs = [parameter, ...moments, gradient, ...watching, ...(scaled ? [scale] : [])];
  return createNode(optimizerUpdateOp, inputs, { rule, scaled, watched });
}
