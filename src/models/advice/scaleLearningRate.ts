/** How a learning rate is carried over to another batch size. */

import { checkAbove, checkWhole, TYPICAL_RATES } from '../../base/checks.ts';

/**
 * The linear scaling rule (Goyal et al. 2017, https://arxiv.org/abs/1706.02677): with k times the batch, k times the rate.
 * It holds for SGD while rates are small, and is a first guess for Adam.
 * @throws ArgumentError for a rate or a batch size that is not above 0
 */
export function scaleLearningRate(learningRate: number, fromBatch: number, toBatch: number): number {
  checkWhole('scaleLearningRate', 'fromBatch', fromBatch, 1);
  checkWhole('scaleLearningRate', 'toBatch', toBatch, 1);
  checkAbove('scaleLearningRate', 'learningRate', learningRate, TYPICAL_RATES);
  return (learningRate * toBatch) / fromBatch;
}
