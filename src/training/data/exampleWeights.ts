/** How much each example counts in the loss. */

import type { Device } from '../../runtime/device.ts';
import type { Tensor, TensorLike } from '../../tensor/tensor.ts';
import { dataOf } from './checkData.ts';
import { valuesOf } from './gpuDataset.ts';

/** What weighs examples. */
export interface Weighting {
  /**
   * Weight of each class's examples in the training loss, 1 where none is given; of the metrics only `weightedMetrics` heed it. A label is rounded to
   * its class (0.9 is of class 1, a half of the even one); a row, one-hot or soft, is of the class with the largest value.
   */
  readonly classWeight?: Readonly<Record<number, number>>;
  /** Weight of each example in the loss; of the metrics only `weightedMetrics` heed it, as in Keras. */
  readonly sampleWeight?: TensorLike;
}

/** One number an example, or null. */
export async function numbersOf(
  who: string,
  device: Device,
  weights: TensorLike | undefined,
): Promise<Float32Array | null> {
  if (weights === undefined) return null;
  return Float32Array.from(await valuesOf(device, dataOf(weights, `${who}: sampleWeight`)));
}

/**
 * Class and sample weights as one weight an example, or null. Classes weigh in training only, the first `trained` examples. As
 * in Keras a label is rounded to its class, and of a row the largest value counts, the first of equal ones.
 */
export async function exampleWeights(
  who: string,
  device: Device,
  y: Tensor,
  trained: number,
  { classWeight, sampleWeight }: Weighting,
): Promise<Float32Array | null> {
  const given = await numbersOf(who, device, sampleWeight);
  if (classWeight === undefined) return given;
  const { classWeights } = await import('../onDemand/index.ts');
  return classWeights(await valuesOf(device, y), y.shape[0], trained, classWeight, given);
}
