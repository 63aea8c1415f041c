/** What a training step tells of itself: the epoch's sums, and whether loss and gradients were finite. */

import { sizeOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { FLAGS } from '../ir/scope.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { copy } from './elementwise.ts';
import { pack, packedSize } from './pack.ts';
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

export interface AccumulateAttributes {
  /** Sizes of the values that lie packed in the last input; null: each is an input. */
  readonly packed: readonly number[] | null;
}

/** Inputs: the sums, the health words, then the step's values, the loss first: scalars, and vectors of which every element has a sum. */
export const accumulateOp: BuiltInOp<AccumulateAttributes> = {
  name: 'accumulate',
  infer: () => ({ shape: NOTHING, dtype: 'float32' }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: {
    kind: 'effect',
    writes: 2,
    kernels({ inputs: [sums, health, ...values], attributes: { packed } }) {
      const places =
        packed === null ? values.map((value, at) => placeOf(at, sizeOf(value.shape))) : packedPlaces(packed);
      const threads = Math.max(...places.map(({ size }) => size));
      let start = 0;
      const lines = places.map(({ of, from, size }) => {
        const sum = `if (i < ${size}u) { sums[${start}u + i] += value${of}[${from}u + i]; }`;
        start += size;
        return sum;
      });
      return [
        {
          label: 'accumulate',
          source: shaders.accumulate,
          workgroup: Math.min(threads, 64),
          holes: { SUMS: lines.join('\n') },
          reads: values.map((operand, at) => ({ name: `value${at}`, operand, element: 'f32' })),
          writes: [
            { name: 'sums', operand: sums, element: 'f32' },
            { name: 'health', operand: health, element: FLAGS },
          ],
          grid: Math.ceil(threads / 64),
          usesStep: true,
        },
      ];
    },
  },
};

/** Where the values of one lie: in which input, from which element on. */
const placeOf = (of: number, size: number, from = 0) => ({ of, from, size });

/** Those of a loss and of what lies packed behind it. */
function packedPlaces(sizes: readonly number[]) {
  let end = 0;
  const others = sizes.map((size) => {
    const from = end;
    end += packedSize(size);
    return placeOf(1, size, from);
  });
  return [placeOf(0, 1), ...others];
}

/** More of them at once would be more buffers than every adapter binds. */
const MOST_VALUES = 6;

/** Adds scalars and vectors, side by side, to the sums when the plan runs, and watches the first one, the loss, which is a scalar. */
export function accumulate(sums: Node, health: Node, values: readonly Node[]): Node {
  if (values.length <= MOST_VALUES) {
    const inputs = [sums, health, ...values.map((value) => copy(value))];
    return createNode(accumulateOp, inputs, { packed: null });
  }
  const [loss, ...others] = values;
  const packed = others.map(({ shape }) => sizeOf(shape));
  return createNode(accumulateOp, [sums, health, copy(loss), pack(others)], { packed });
}
