/**
 * Gradients clipped by their norms, as in Keras: the direction stays. A norm that overflows makes them NaN, so that the update
 * leaves its step out. Clipping by value is part of the update itself.
 */

import type { Node } from '../ir/op.ts';
import { add, div, maximum, mul, sqrt, square } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { sum } from './reduce.ts';
import type { UpdateRule } from './update.ts';

/** What gradients are multiplied by so that their common norm is at most `limit`. */
function scaleTo(limit: number, gradients: readonly Node[]): Node {
  const most = fullNode(limit);
  const norm = sqrt(gradients.map((gradient) => sum(square(gradient))).reduce((a, b) => add(a, b)));
  return add(div(most, maximum(norm, most)), mul(norm, fullNode(0)));
}

/** The gradients, each clipped by its own norm where the rule says so. */
export const clippedEach = (gradients: readonly Node[], { clipping }: UpdateRule): readonly Node[] =>
  clipping?.by === 'norm' ? gradients.map((gradient) => mul(gradient, scaleTo(clipping.limit, [gradient]))) : gradients;

/** What an update multiplies all gradients by where the rule clips them by their common norm. */
export const commonScale = (gradients: readonly Node[], { clipping }: UpdateRule): Node | undefined =>
  clipping?.by === 'globalNorm' && gradients.length > 0 ? scaleTo(clipping.limit, gradients) : undefined;
