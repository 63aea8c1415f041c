/** What a batch runs. */

import { foldIn } from '../../base/random.ts';
import type { Node } from '../../ir/op.ts';
import type { Product, StepAnatomy } from '../../network/anatomy.ts';
import type { Goal } from '../../network/compiled.ts';
import type { MomentNodes } from '../../network/optimizerState.ts';
import { type StepParts, type TrainingStep, trainingStep } from '../../network/step.ts';
import type { GradientTrace } from '../../ops/gradients.ts';

/** Consecutive parts of a batch that are equally large. */
export interface Parts {
  readonly size: number;
  readonly repeats: number;
}

/** What a batch runs: `repeats` replays of one graph, each over the next `size` examples. */
export interface Stage extends Parts {
  readonly effects: readonly Node[];
  /** Whether it begins with the batch's first example again; default false: where the stage before it ended. */
  readonly again?: boolean;
  /** What the graph's operations are part of, where that is known. */
  readonly anatomy?: StepAnatomy;
}

/** A stage with what its operations are part of. */
export function toldStage(
  parts: StepParts,
  of: Parts,
  take: (parts: StepParts, trace: GradientTrace) => TrainingStep,
): Stage {
  const products: Product[] = [];
  const step = take(parts, (of, gradient) => products.push({ of, gradient }));
  return { ...of, effects: step.effects, anatomy: { network: parts.network, step, products } };
}

/** What a training step on `batch` examples runs that takes them whole. */
export const wholeStage = (
  { optimizer: { update: rule } }: Pick<Goal, 'optimizer'>,
  moments: MomentNodes,
  batch: number,
  partsFor: (size: number) => StepParts,
): Stage =>
  toldStage(partsFor(batch), { size: batch, repeats: 1 }, (of, trace) => trainingStep(of, rule, moments, trace));

/** The seed of a part's draws; the first part draws like a whole batch. */
export const seedOfPart = (seed: number, part: number): number => (part === 0 ? seed : foldIn(seed, part));
