/** How much each example counts in the losses. */

import type { ByTarget, Target } from '../../network/compiled.ts';
import type { Device } from '../../runtime/device.ts';
import type { Tensor, TensorLike } from '../../tensor/tensor.ts';
import { valuesOf } from './gpuDataset.ts';

/** What weighs examples. `Y`: how the model is given labels. */
export interface Weighting<Y = TensorLike> {
  /**
   * Weight of each class's examples in the training loss, 1 where none is given; of the metrics only `weightedMetrics` heed it. A label is rounded to
   * its class (0.9 is of class 1, a half of the even one); a row, one-hot or soft, is of the class with the largest value. Of
   * models with one output, as in Keras.
   */
  readonly classWeight?: Readonly<Record<number, number>>;
  /**
   * Weight of each example [examples] in the loss; of the metrics only `weightedMetrics` heed it, as in Keras. With several outputs it
   * counts for all of them; given as labels are, a list or a record by names, each output has its own, null for 1 each.
   */
  readonly sampleWeight?: TensorLike | Y;
}

/** Numbers, one an example. What is the same tensor for several targets is the same array. */
export async function numbersOf(device: Device, weights: ByTarget<Tensor>): Promise<ByTarget<Float32Array>> {
  if (weights === null) return null;
  const known = new Map<Tensor, Float32Array>();
  const numbers: (Float32Array | null)[] = [];
  for (const one of weights) {
    const found = one && (known.get(one) ?? Float32Array.from(await valuesOf(device, one)));
    if (one !== null && found !== null) known.set(one, found);
    numbers.push(found);
  }
  return numbers;
}

/**
 * Class and sample weights as one weight an example, or null. Classes weigh in training only, the first `trained` examples. As
 * in Keras a label is rounded to its class, and of a row the largest value counts, the first of equal ones.
 */
export async function exampleWeights(
  device: Device,
  y: Tensor,
  trained: number,
  sampleWeight: ByTarget<Tensor>,
  classWeight: Weighting['classWeight'],
): Promise<ByTarget<Float32Array>> {
  const given = await numbersOf(device, sampleWeight);
  if (classWeight === undefined) return given;
  const { classWeights } = await import('../onDemand/index.ts');
  return [classWeights(await valuesOf(device, y), y.shape[0], trained, classWeight, given?.[0] ?? null)];
}

/** The mean weight of some rows; of several targets by the shares of their losses in that of the model. */
export function meanWeight(
  targets: readonly Pick<Target, 'weight'>[],
  weights: ByTarget<Float32Array>,
  rows: ArrayLike<number>,
): number {
  let [sum, shares] = [0, 0];
  for (const [at, { weight }] of targets.entries()) {
    // The share of a single one is all, whatever it is.
    const share = targets.length === 1 ? 1 : Math.abs(weight);
    const own = weights?.[at] ?? null;
    let total = own === null ? rows.length : 0;
    if (own !== null) for (let i = 0; i < rows.length; i++) total += own[rows[i]];
    sum += (share * total) / rows.length;
    shares += share;
  }
  return shares === 0 ? 1 : sum / shares;
}
