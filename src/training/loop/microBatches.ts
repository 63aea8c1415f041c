/** Batches in parts: how a batch is cut, and the graphs of its parts and of the update that ends it. */

import { sizeOf } from '../../base/shape.ts';
import type { Product } from '../../network/anatomy.ts';
import type { Goal } from '../../network/compiled.ts';
import type { Network } from '../../network/network.ts';
import type { MomentNodes } from '../../network/optimizerState.ts';
import { ParameterBlock } from '../../network/parameters.ts';
import { partialStep, type StepParts, type TrainingStep, trainingStep, updateStep } from '../../network/step.ts';
import type { GradientTrace } from '../../ops/gradients.ts';
import type { Stage } from './stage.ts';

/** Consecutive parts of a batch that are equally large. */
export interface Parts {
  readonly size: number;
  readonly repeats: number;
}

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

/** A stage with what its operations are part of. */
function told(parts: StepParts, of: Parts, take: (parts: StepParts, trace: GradientTrace) => TrainingStep): Stage {
  const products: Product[] = [];
  const step = take(parts, (of, gradient) => products.push({ of, gradient }));
  return { ...of, effects: step.effects, anatomy: { network: parts.network, step, products } };
}

/** What a training step on `batch` examples runs. `sums` is null where every batch is taken whole. */
export function stagesOf(
  { optimizer: { update: rule } }: Pick<Goal, 'optimizer'>,
  moments: MomentNodes,
  batch: number,
  most: number,
  sums: ParameterBlock | null,
  partsFor: (size: number) => StepParts,
): Stage[] {
  if (sums === null || batch <= most) {
    return [told(partsFor(batch), { size: batch, repeats: 1 }, (of, trace) => trainingStep(of, rule, moments, trace))];
  }
  const parts = partsOf(batch, most).map((part) =>
    told(partsFor(part.size), part, (of, trace) => partialStep(of, batch, rule, sums, trace)),
  );
  return [...parts, { effects: updateStep(partsFor(1), rule, moments, sums), size: 0, repeats: 1 }];
}
