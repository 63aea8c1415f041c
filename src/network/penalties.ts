/** What regularizers add to a loss. */

import type { Node } from '../ir/op.ts';
import type { AnyLayer, WeightSpec } from '../nn/layers/layer.ts';
import { mul } from '../ops/elementwise.ts';
import { fullNode } from '../ops/leaf.ts';
import { penaltyOf } from './customParts.ts';

/** A weight of a layer in a step. */
interface LayerWeight {
  readonly spec: WeightSpec;
  readonly node: Node;
  readonly learnt: boolean;
}

/**
 * What a layer adds to the sum of a batch's losses, of which a step takes the mean: its weights once, its outputs [batch, ...] as often
 * as it is applied. As in Keras, weights that are not learnt add nothing.
 */
export function penaltiesOf(
  layer: AnyLayer,
  name: string,
  weights: readonly LayerWeight[],
  outputs: readonly Node[],
  batch: number,
): Node[] {
  const penalties = weights.flatMap(({ spec, node, learnt }) => {
    if (!learnt || !spec.regularizer) return [];
    return [mul(penaltyOf(layer, name, `the regularizer of ${spec.name}`, spec.regularizer, node), fullNode(batch))];
  });
  const { activityRegularizer } = layer;
  if (activityRegularizer === null) return penalties;
  const given = outputs.map((output) => penaltyOf(layer, name, 'activityRegularizer', activityRegularizer, output));
  return [...penalties, ...given];
}
