/** The graphs of steps without a GPU: over examples and gradients that only have shapes. */

import type { Dtype } from '../base/dtype.ts';
import type { Shape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import type { Goal } from '../network/compiled.ts';
import { Measures } from '../network/measures.ts';
import type { Network } from '../network/network.ts';
import type { MomentNodes } from '../network/optimizerState.ts';
import { standIn } from '../network/parameters.ts';
import type { StepParts } from '../network/step.ts';
import { batchRows } from '../ops/batchRows.ts';
import { LEFT_OUT, momentsOf } from '../ops/update.ts';
import type { LabelKind } from './data/labelKind.ts';
import { standInMetrics } from './loop/stepMetrics.ts';

/** What a step is taken with. */
export interface StandInExamples {
  /** Examples that lie on the GPU. */
  readonly count: number;
  /** Of each target. */
  readonly labels: readonly LabelKind[];
  /** Dtype of the inputs; default float32. */
  readonly dtype?: Dtype;
}

/** The inputs of a step's graph for a batch of `size` examples. */
export function standInParts(
  goal: Goal,
  network: Network,
  { count, labels, dtype = 'float32' }: StandInExamples,
  size: number,
): StepParts {
  const order = standIn([count], 'int32');
  const take = (shape: Shape, type: Dtype): Node => batchRows([standIn([count, ...shape], type)], order, size, count);
  return {
    targets: goal.targets,
    network,
    x: network.inputShapes.map((shape) => take(shape, dtype)),
    y: labels.map((one) => take(one.shape, one.dtype)),
    weights: null,
    present: goal.targets.map(() => standIn([])),
    stepMetrics: standInMetrics(new Measures({ ...goal, network }).size),
  };
}

export const standInMoments = ({ optimizer: { update } }: Goal, { trainable }: Network): MomentNodes => ({
  moments: momentsOf(update).map(() => standIn([trainable.size])),
  leftOut: standIn([LEFT_OUT.words], 'int32'),
});
