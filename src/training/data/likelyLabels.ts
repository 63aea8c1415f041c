/** What labels a model would be trained with, as far as that can be told without any. */

import type { Shape } from '../../base/shape.ts';
import type { Goal, Target } from '../../network/compiled.ts';
import { perExampleOf } from '../../network/customParts.ts';
import type { Network } from '../../network/network.ts';
import { standIn } from '../../network/parameters.ts';
import type { LabelKind } from './labelKind.ts';

/**
 * Labels of each target that its loss and metrics take, as far as they tell: of the outputs' shape, or else class ids.
 * @throws what they say of the former, where they take neither
 */
export const likelyLabels = ({ targets }: Pick<Goal, 'targets'>, { outputShapes }: Network): LabelKind[] =>
  targets.map((target) => likelyOf(target, outputShapes[target.output]));

function likelyOf({ loss, metrics }: Target, outputShape: Shape): LabelKind {
  const ids: LabelKind = { shape: outputShape.slice(0, -1), dtype: 'int32' };
  if (loss.labelKind === 'classIds') return ids;
  const alike: LabelKind = { shape: outputShape, dtype: 'float32' };
  const batch = 2;
  const output = standIn([batch, ...outputShape]);
  let refusal: unknown = null;
  for (const kind of [alike, ids, { ...alike, dtype: 'int32' } as const]) {
    const labels = standIn([batch, ...kind.shape], kind.dtype);
    try {
      for (const measure of [loss, ...metrics.map(({ metric }) => metric)]) perExampleOf(measure, labels, output);
      return kind;
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal;
}
