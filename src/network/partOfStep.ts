/** The graphs of a step that takes its batch in parts. */

import type { Node } from '../ir/op.ts';
import { clippedEach } from '../ops/clipping.ts';
import { add } from '../ops/elementwise.ts';
import type { GradientTrace } from '../ops/gradients.ts';
import { fullNode } from '../ops/leaf.ts';
import { pack } from '../ops/pack.ts';
import { sum } from '../ops/reduce.ts';
import { assign, type UpdateRule } from '../ops/update.ts';
import type { MomentNodes } from './optimizerState.ts';
import type { ParameterBlock } from './parameters.ts';
import { backward, type StepParts, type TrainingStep, update, watchedPack } from './step.ts';

/** Adds up, part by part of a batch, how many steps each target's mask has: `counts` has a scalar for each. */
export function countingStep({ network, targets, x }: StepParts, counts: ParameterBlock, training: boolean): Node[] {
  const weights = { trainable: network.trainable.nodes(), fixed: network.fixed.nodes() };
  const { masks } = network.forward(x, training, weights);
  const known = counts.nodes();
  const now = targets.map(({ output }, at) => {
    const mask = masks[output];
    return mask === null ? known[at] : add(known[at], sum(mask));
  });
  return [assign(counts.node, pack(now))];
}

/**
 * A part of a batch of `batch` examples: the same but for the update; the gradients are added to `sums`, which are laid
 * out like the weights. Batch normalisation sees the part alone.
 */
export function partialStep(
  parts: StepParts,
  batch: number,
  rule: UpdateRule,
  sums: ParameterBlock,
  trace?: GradientTrace,
): TrainingStep {
  const taken = backward(parts, batch, trace);
  const { slopes, metrics, moving, activations } = taken;
  const known = sums.nodes();
  const totals = slopes.map((slope, at) => add(known[at], slope));
  const added = slopes.length > 0 ? [assign(sums.node, watchedPack(totals, parts.stepMetrics, rule))] : [];
  return { effects: [metrics, ...added, ...moving.map(({ effect }) => effect)], activations, backward: taken };
}

/** The update that ends a batch in parts: by the gradients' sums, which are zero afterwards. */
export function updateStep(
  parts: Pick<StepParts, 'network' | 'stepMetrics'>,
  rule: UpdateRule,
  moments: MomentNodes,
  sums: ParameterBlock,
): Node[] {
  if (sums.size === 0) return [];
  const packed = rule.clipping?.by === 'norm' ? pack(clippedEach(sums.nodes(), rule)) : sums.node;
  return [update(parts, rule, moments, packed), assign(sums.node, fullNode(0, [sums.size]))];
}
