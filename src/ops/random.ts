/**
 * Random numbers that kernels draw, as functions of the step's seed and number, a key and the element's index. They have an
 * input, which gives them their shape and nothing else: what has none is a constant, which kernels write out wherever they
 * read it, at their own index.
 */

import type { Shape } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import type { PointwiseScope } from '../ir/scope.ts';
import { fullNode } from './leaf.ts';

export interface DrawAttributes {
  /** Tells this draw from every other one of the graph; a whole number below 2^32. */
  readonly key: number;
}

const drawOp = (
  name: string,
  expression: (scope: PointwiseScope, key: number) => string,
): BuiltInOp<DrawAttributes> => ({
  name,
  infer: ([like]) => ({ shape: like.shape, dtype: 'float32' }),
  gradient: () => 'none',
  partition: 'whole',
  lowering: { kind: 'pointwise', expression: ({ attributes: { key } }, _, scope) => expression(scope, key) },
});

/** A multiple of 2^-24 in [0, 1). */
const fraction = (scope: PointwiseScope, key: number): string =>
  `V(${scope.random()}(${scope.index}, ${scope.word(key)}) >> U(8u)) * V(0x1p-24f)`;

export const randomUniformOp = drawOp('randomUniform', fraction);

/** Turns a key into that of a second sequence. */
const SECOND = 0x9e3779b9;

/** Box and Muller; 1 - u is never 0. */
export const randomNormalOp = drawOp(
  'randomNormal',
  (scope, key) =>
    `square_root(V(-2.0) * logarithm(V(1.0) - ${fraction(scope, key)})) * ` +
    `cos(V(6.2831853) * (${fraction(scope, (key ^ SECOND) >>> 0)}))`,
);

const draw =
  (op: BuiltInOp<DrawAttributes>) =>
  (shape: Shape, key: number): Node =>
    createNode(op, [fullNode(0, shape)], { key });

/** Uniform in [0, 1). */
export const randomUniform = draw(randomUniformOp);
/** Of mean 0 and standard deviation 1, at most 5.8. */
export const randomNormal = draw(randomNormalOp);
