/** Compiles the kernels of a run before its time is taken: a software adapter compiles a kernel when it first runs. */
import type { ImageDataset, LabelledImages, Sequential } from '../../src/index.ts';
import { type Examples, examplesOf } from './data.ts';

/** Trains and validates `model`, which is of no use afterwards, on a whole batch and a short last one of the run's sizes. */
export async function warmUp(
  model: Sequential,
  { train, test }: ImageDataset,
  batchSize: number,
  validationBatchSize: number,
): Promise<void> {
  await model.fit(...batchAndRest(train, batchSize), {
    batchSize,
    validationData: batchAndRest(test, validationBatchSize),
    validationBatchSize,
    verbose: 0,
  });
}

function batchAndRest(part: LabelledImages, batchSize: number): Examples {
  const images = part.labels.length;
  return examplesOf(part, Math.min(images, batchSize + (images % batchSize)));
}
