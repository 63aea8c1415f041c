/** The first of many examples. */

import { sizeOf } from '../../base/shape.ts';
import { tensor } from '../../tensor/creation.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { givenValues } from './gpuDataset.ts';

/** At most so many; from what the host gave they are taken without a kernel. */
export function firstExamples(x: Tensor, most: number): Tensor {
  const [examples, ...shape] = x.shape;
  const count = Math.min(most, examples);
  const values = givenValues(x);
  if (values === null) return x.slice([0, ...shape.map(() => 0)], [count, ...shape]);
  return tensor(values.slice(0, count * sizeOf(shape)), [count, ...shape]);
}
