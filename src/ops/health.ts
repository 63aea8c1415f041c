/** What a training step tells of itself: the epoch's sums, and whether loss and gradients were finite. */

import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { FLAGS } from '../ir/scope.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { copy, NONE, type None } from './elementwise.ts';
import { NOTHING, type UpdateRule } from './update.ts';

/** What the words of health say, by their place; see accumulate.wgsl. */
export const HEALTH = { first: 0, latest: 1, released: 2, words: 4 } as const;

export interface WatchAttributes {
  /** Whether the value's square must be finite as well. */
  readonly squared: boolean;
}

/** Inputs: the value, which is passed on, and the health words (see accumulate.wgsl), which are told where it is not finite. */
export const watchOp: BuiltInOp<WatchAttributes> = {
  name: 'watch',
  infer: ([x]) => ({ shape: x.shape, dtype: 'float32' }),
  gradient: () => 'none',
  partition: { cuts: (_, axis) => [axis] },
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
  createNode(watchOp, [gradient, health], { squared: rule.squares });

/** Inputs: the sums, the health words, then the step's values, the loss first. */
export const accumulateOp: BuiltInOp<None> = {
  name: 'accumulate',
  infer: () => ({ shape: NOTHING, dtype: 'float32' }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'effect',
    writes: 2,
    kernels: ({ inputs: [sums, health, ...values] }) => [
      {
        label: 'accumulate',
        source: shaders.accumulate,
        workgroup: 1,
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
