/** Outputs that a loss takes for probabilities and that are none: a softmax or a sigmoid was forgotten. */

import { compact } from '../../callbacks/progress/progressText.ts';
import type { Loss } from '../../nn/losses.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { firstExamples } from '../data/firstExamples.ts';

/** What probabilities that were computed may be beside them. */
const ROUNDING = 1e-4;

/** As many examples as are looked at. */
export const firstFew = (x: Tensor): Tensor => firstExamples(x, 8);

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
