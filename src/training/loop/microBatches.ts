/**
 * Batches in parts: how a batch is cut, and the graphs of its parts and of the update that ends it. Few trainings need it: loaded on
 * demand.
 */

import { sizeOf } from '../../base/shape.ts';
import type { Goal } from '../../network/compiled.ts';
import type { Network } from '../../network/network.ts';
import type { MomentNodes } from '../../network/optimizerState.ts';
import { ParameterBlock } from '../../network/parameters.ts';
import { countingStep, partialStep, updateStep } from '../../network/partOfStep.ts';
import type { StepParts } from '../../network/step.ts';
import { fullNode } from '../../ops/leaf.ts';
import { assign } from '../../ops/update.ts';
import { type Parts, type Stage, toldStage, wholeStage } from './stage.ts';

/**
 * Cuts a batch into parts of at most `most` examples: into equal ones where that takes less than twice as many parts as it
 * must, else into equal ones and a smaller last one.
 */
export function partsOf(batch: number, most: number): Parts[] {
  const least = Math.ceil(batch / most);
  for (let parts = least; parts < 2 * least; parts++) {
    if (batch % parts === 0) return [{ size: batch / parts, repeats: parts }];
  }
  const size = Math.ceil(batch / least);
  const repeats = Math.floor(batch / size);
  return [
    { size, repeats },
    { size: batch - repeats * size, repeats: 1 },
  ];
}

/** Room for the sum of the gradients of a batch's parts, laid out like the weights. */
export const gradientSums = ({ trainable }: Network): ParameterBlock =>
  new ParameterBlock(
    trainable.parameters.map(({ name, shape }) => ({ name, shape, values: new Float32Array(sizeOf(shape)) })),
  );

/** Room for how many steps of a batch each target's mask has; null where no target has one. */
export function stepCounts({ targets, network }: Pick<StepParts, 'targets' | 'network'>): ParameterBlock | null {
  if (targets.every(({ output }) => !network.outputsMasked[output])) return null;
  return new ParameterBlock(targets.map(({ name }) => ({ name, shape: [], values: new Float32Array(1) })));
}

/**
 * The stages of a batch's parts. Where the parts of a loss are shares of a mean over the steps that a mask has, the batch's steps are
 * counted first. `partsFor` gives the counts as `present`.
 */
export function inParts(
  cut: readonly Parts[],
  counts: ParameterBlock | null,
  training: boolean,
  partsFor: (size: number) => StepParts,
  stageOf: (part: Parts) => Stage,
): Stage[] {
  const stages = cut.map(stageOf);
  if (counts === null) return stages;
  return [...countingStages(cut, counts, training, partsFor), { ...stages[0], again: true }, ...stages.slice(1)];
}

/** What counts the steps of a batch that is taken in parts. */
export const countingStages = (
  cut: readonly Parts[],
  counts: ParameterBlock,
  training: boolean,
  partsFor: (size: number) => StepParts,
): Stage[] => [
  { effects: [assign(counts.node, fullNode(0, [counts.size]))], size: 0, repeats: 1 },
  ...cut.map((part, at) => ({
    ...part,
    again: at === 0,
    effects: countingStep(partsFor(part.size), counts, training),
  })),
];

/** What a training step on `batch` examples runs. `sums` is null where every batch is taken whole, `counts` where no target has a mask. */
export function stagesOf(
  { optimizer }: Pick<Goal, 'optimizer'>,
  moments: MomentNodes,
  batch: number,
  most: number,
  sums: ParameterBlock | null,
  counts: ParameterBlock | null,
  partsFor: (size: number) => StepParts,
): Stage[] {
  if (sums === null || batch <= most) return [wholeStage({ optimizer }, moments, batch, partsFor)];
  const { update: rule } = optimizer;
  const parts = inParts(partsOf(batch, most), counts, true, partsFor, (part) =>
    toldStage(partsFor(part.size), part, (of, trace) => partialStep(of, batch, rule, sums, trace)),
  );
  return [...parts, { effects: updateStep(partsFor(1), rule, moments, sums), size: 0, repeats: 1 }];
}
