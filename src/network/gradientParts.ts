/** The graphs that measure the gradients of a batch's parts: squared norms, beside training and without a trace in it. */

import type { Node } from '../ir/op.ts';
import { concat } from '../ops/concat.ts';
import { add, mul, square } from '../ops/elementwise.ts';
import { fullNode } from '../ops/leaf.ts';
import { pack } from '../ops/pack.ts';
import { sum } from '../ops/reduce.ts';
import { reshape } from '../ops/reshape.ts';
import { assign } from '../ops/update.ts';
import type { ParameterBlock } from './parameters.ts';
import { backward, type StepParts } from './step.ts';

/** Where the parts of a batch add up, all 0 before the first one, and where what they tell is written. */
export interface GradientPartsNodes {
  /** Gradients, laid out like the weights. */
  readonly gradients: ParameterBlock;
  /** [1]. */
  readonly ofParts: Node;
  /** [2]: `ofParts` and `ofBatch` of `GradientNorms`. */
  readonly norms: Node;
}

const squaredNorm = (gradient: Node): Node => reshape(sum(square(gradient)), [1]);

/** A part of a batch of `batch` examples. Moving averages stay, and neither loss nor metrics are added up. */
export function measuredPart(parts: StepParts, batch: number, { gradients, ofParts }: GradientPartsNodes): Node[] {
  // The part's share of the batch's gradient: its own gradient is batch / examples times that.
  const share = pack(backward(parts, batch).slopes);
  const examples = parts.x[0].shape[0];
  return [
    assign(ofParts, add(ofParts, mul(squaredNorm(share), fullNode(batch ** 2 / examples)))),
    assign(gradients.node, add(gradients.node, share)),
  ];
}

/** What ends a batch: its norms, and zeros for the next one. */
export function measuredBatch(batch: number, { gradients, ofParts, norms }: GradientPartsNodes): Node[] {
  return [
    assign(norms, concat([ofParts, mul(squaredNorm(gradients.node), fullNode(batch))], 0)),
    assign(ofParts, fullNode(0, [1])),
    assign(gradients.node, fullNode(0, [gradients.size])),
  ];
}
