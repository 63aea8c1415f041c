/** What `fit` says of a training that diverged, where no DivergenceDetector does. */

import { describeNonFinite } from '../../callbacks/divergence/describeNonFinite.ts';
import type { NonFinite } from '../../callbacks/divergence/nonFinite.ts';
import { compact } from '../../callbacks/progress/progressText.ts';

const REMEDY = 'Lower the learning rate, or scale inputs and labels';

/** `epoch`: from 0. */
export const standstillText = (cause: NonFinite, epoch: number): string =>
  `Epoch ${epoch + 1}: no step could be taken, since in each something was not finite (in step ${cause.step} ${describeNonFinite(cause)}): ` +
  `training stops. ${REMEDY}; a DivergenceDetector sees it sooner, and fit goes on with onNonFinite: 'warn'.`;

/** Losses of the first and of the last epoch. */
export const explosionText = (first: number, last: number): string =>
  `The loss went from ${compact(first)} in the first epoch to ${compact(last)} in the last one: training diverged. ` +
  `${REMEDY}; a DivergenceDetector sees it sooner.`;
