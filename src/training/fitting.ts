/** How many examples a device can take at once. */

import { bytesOfOperand } from '../compiler/placement.ts';
import type { Node } from '../ir/op.ts';
import { topologicalOrder } from '../ir/walk.ts';
import type { Compiled } from '../network/compiled.ts';
import { evaluationStep, type Step, trainingStep } from '../network/step.ts';
import type { LabelKind } from './data/labelKind.ts';
import type * as MicroBatches from './loop/microBatches.ts';
import { standInMoments, standInParts } from './standInStep.ts';

/**
 * The most examples, at most `batchSize`, that a device can take at once through `step`. Where one example alone is too
 * large for a binding, or the weights are, the planner cuts what is computed with them into pieces, which is slower.
 * @throws OutOfMemoryError where that is not possible; it names the layer
 */
export async function fitting(
  on: Pick<Compiled, 'device' | 'network'>,
  batchSize: number,
  step: (batch: number) => Step,
): Promise<number> {
  const limit = on.device.limits.binding;
  // A plan keeps nothing that is larger than the largest tensor of its graph: most graphs need no planning to see that they fit.
  const isSmall = (node: Node): boolean => node.op.lowering.kind === 'leaf' || bytesOfOperand(node) <= limit;
  if (topologicalOrder(step(batchSize).effects).every(isSmall)) return batchSize;
  const { largestFitting } = await import('./onDemand/index.ts');
  return largestFitting(on, batchSize, step);
}

/** The same of a training step. */
export function fittingBatch(compiled: Compiled, batchSize: number, labels: readonly LabelKind[]): Promise<number> {
  const { network, optimizer } = compiled;
  const examples = { count: batchSize, labels };
  return fitting(compiled, batchSize, (batch) =>
    trainingStep(standInParts(compiled, network, examples, batch), optimizer.update, standInMoments(compiled, network)),
  );
}

/** The same of an evaluation, which takes less. */
export function fittingEvaluation(
  compiled: Compiled,
  batchSize: number,
  labels: readonly LabelKind[],
): Promise<number> {
  const examples = { count: batchSize, labels };
  return fitting(compiled, batchSize, (batch) =>
    evaluationStep(standInParts(compiled, compiled.network, examples, batch)),
  );
}

/** What takes batches in parts, loaded where some are; else null. */
export const inPartsWhere = async (some: boolean): Promise<typeof MicroBatches | null> =>
  some ? (await import('./onDemand/index.ts')).microBatches : null;
