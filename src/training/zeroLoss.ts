/** What a regression costs before anything is learnt: the scale of its losses. */

import { sizeOf } from '../base/shape.ts';
import type { ByTarget, Target } from '../network/compiled.ts';
import type { Loss } from '../nn/losses.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { givenValues } from './data/gpuDataset.ts';

/** So many labels tell the scale; more computed ones are not worth a copy to the host. */
const ENOUGH = 65_536;
const READ = 1 << 20;

/**
 * What an output of 0 costs on the first `count` examples, by their weights; of many labels, some rows that lie evenly apart.
 * Null for losses that do not tell, and where it is not finite.
 */
export async function zeroLoss(
  targets: readonly Target[],
  y: readonly Tensor[],
  count: number,
  weights: ByTarget<Float32Array>,
): Promise<number | null> {
  let sum = 0;
  for (const [at, { loss, weight }] of targets.entries()) {
    const cost = await zeroLossOf(loss, y[at], count, weights?.[at] ?? null);
    if (cost === null) return null;
    sum += weight * cost;
  }
  return sum;
}

async function zeroLossOf(loss: Loss, y: Tensor, count: number, weights: Float32Array | null): Promise<number | null> {
  if (loss.costOfZero === undefined) return null;
  const labels = givenValues(y) ?? (sizeOf(y.shape) <= READ ? await y.data() : null);
  if (labels === null) return null;
  const width = sizeOf(y.shape.slice(1));
  const rows = Math.min(count, Math.max(1, Math.floor(ENOUGH / width)));
  let [sum, total] = [0, 0];
  for (let i = 0; i < rows; i++) {
    const row = Math.floor((i * count) / rows);
    const weight = weights?.[row] ?? 1;
    for (let at = row * width; at < (row + 1) * width; at++) sum += weight * loss.costOfZero(labels[at]);
    total += weight * width;
  }
  const mean = sum / total;
  return Number.isFinite(mean) ? mean : null;
}
