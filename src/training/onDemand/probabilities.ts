/** Outputs that a loss takes for probabilities and that are none: a softmax or a sigmoid was forgotten. */

import { sizeOf } from '../../base/shape.ts';
import { compact } from '../../callbacks/progress/progressText.ts';
import type { Loss } from '../../nn/losses.ts';
import { tensor } from '../../tensor/creation.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { givenValues } from '../data/gpuDataset.ts';

/** How many examples are looked at. */
const FEW = 8;
/** What probabilities that were computed may be beside them. */
const ROUNDING = 1e-4;

/** The first inputs of many. */
export function firstFew(x: Tensor): Tensor {
  const [count, ...shape] = x.shape;
  const few = Math.min(FEW, count);
  const values = givenValues(x);
  if (values === null) return x.slice([0, ...shape.map(() => 0)], [few, ...shape]);
  return tensor(values.slice(0, few * sizeOf(shape)), [few, ...shape]);
}

/** What is said of outputs that are no probabilities; null where they may be. `layer`: the last one's name. */
export function probabilitiesAdvice(who: string, loss: Loss, layer: string, outputs: ArrayLike<number>): string | null {
  const binary = loss.labelKind === 'binary';
  // The others divide by the sum over the classes: any positive numbers do.
  const wrong = Array.from(outputs).find((value) => value < -ROUNDING || (binary && value > 1 + ROUNDING));
  if (wrong === undefined) return null;
  const remedy = loss.config === undefined ? 'a loss of logits' : `loss: ${loss.name}({ fromLogits: true })`;
  const activation = binary ? 'sigmoid' : 'softmax';
  return (
    `${who}: ${loss.name} expects probabilities, and the last layer '${layer}' gives ${compact(wrong)}: it lacks a ${activation}. ` +
    `Give it activation: '${activation}', or compile with ${remedy}.`
  );
}
