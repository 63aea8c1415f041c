/**
 * Rows of mean 0 and standard deviation 1: what layer and group normalisation are made of (Ba, Kiros and Hinton 2016). A kernel
 * each way: as other operations it would be three, and each would read the rows again.
 */

import { ShapeError } from '../base/errors.ts';
import { sizeOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, expectDtype, type Node, type RowKernel } from '../ir/op.ts';
import { alongRows } from './alongRows.ts';
import { add, div, mul, neg, sqrt } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { mean } from './reduce.ts';
import { reshape } from './reshape.ts';
import { variance } from './statistics.ts';
import { transpose } from './views.ts';

export interface StandardizeAttributes {
  /** Added to the variance. */
  readonly epsilon: number;
}

function rowsKernel(label: string, { inputs: [x, g], attributes, shape }: Node<StandardizeAttributes>): RowKernel {
  const columns = shape.at(-1) ?? 1;
  const rows = sizeOf(shape) / columns;
  const template = {
    label,
    holes: { GRADIENT: g !== undefined },
    reads: [
      { name: 'x', operand: x, element: 'f32' },
      ...(g === undefined ? [] : [{ name: 'g', operand: g, element: 'f32' }]),
    ],
    uniforms: { rows, columns },
    floats: { epsilon: attributes.epsilon },
  };
  return { template, text: 'standardize', rows, columns, labels: false, writes: true };
}

/** Along axes before the last, of all inputs. */
const beforeLast = (inputs: number): BuiltInOp<StandardizeAttributes>['partition'] => ({
  cuts: ({ shape }, axis) =>
    axis < shape.length - 1 ? [{ inputs: new Array<number>(inputs).fill(axis), result: axis }] : [],
});

/** (x - mean) / sqrt(variance + epsilon) along the last axis, the variance divided by the count. */
export const standardizeOp: BuiltInOp<StandardizeAttributes> = {
  name: 'standardize',
  infer([x]) {
    expectDtype(x, 'float32', 'standardize');
    if (x.shape.length > 0) return { shape: x.shape, dtype: 'float32' };
    throw new ShapeError('standardize: a scalar has no last axis. Give at least one dimension.');
  },
  gradient: ({ inputs: [x], attributes }, g) => [createNode(standardizeGradientOp, [x, g], attributes)],
  partition: beforeLast(1),
  lowering: alongRows('standardize', (node) => rowsKernel('standardize', node)),
};

export const standardize = (x: Node, epsilon: number): Node => createNode(standardizeOp, [x], { epsilon });

/** Inputs: x, the upstream gradient g. It is linear in g and its own transpose. */
export const standardizeGradientOp: BuiltInOp<StandardizeAttributes> = {
  name: 'standardizeGradient',
  infer: ([x]) => ({ shape: x.shape, dtype: 'float32' }),
  gradient(node, upstream, needs) {
    const [x, g] = node.inputs;
    const { epsilon } = node.attributes;
    const forG = createNode(standardizeGradientOp, [x, upstream], node.attributes);
    // With y the rows, r their 1 / deviation and D the two gradients: what r and the means of products move by with x.
    const forX = (): Node => {
      const y = standardize(x, epsilon);
      const along = (a: Node, b: Node): Node => mean(mul(a, b), -1, true);
      const r = div(fullNode(1), sqrt(add(variance(x, -1, true, 0, 'standardize'), fullNode(epsilon))));
      const byMeans = add(mul(along(upstream, y), node), mul(along(g, y), forG));
      return neg(mul(r, add(mul(y, along(upstream, node)), byMeans)));
    };
    return [needs[0] ? forX() : null, needs[1] ? forG : null];
  },
  partition: beforeLast(2),
  lowering: alongRows('standardizeGradient', (node) => rowsKernel('standardizeGradient', node)),
};

/** The same over several axes, in ascending order, which are brought together at the end for it. */
export function standardizeOver(x: Node, axes: readonly number[], epsilon: number): Node {
  const others = [...x.shape.keys()].filter((d) => !axes.includes(d));
  const order = [...others, ...axes];
  const turned = order.every((from, d) => from === d) ? x : transpose(x, order);
  const rows = reshape(turned, [...others.map((d) => x.shape[d]), -1]);
  const y = reshape(standardize(rows, epsilon), turned.shape);
  if (turned === x) return y;
  return transpose(
    y,
    order.map((_, d) => order.indexOf(d)),
  );
}
