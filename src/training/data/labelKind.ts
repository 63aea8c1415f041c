/** What labels a training has: the dtype and the shape of one example's. */

import type { Dtype } from '../../base/dtype.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';

export interface LabelKind {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

export const labelKindOf = ({ shape, dtype }: Tensor): LabelKind => ({ shape: shape.slice(1), dtype });
