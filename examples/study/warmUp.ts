/** Compiles the kernels of a run before its time is taken: a software adapter compiles a kernel when it first runs. */
import { DivergenceDetector, type ImageDataset, type LabelledImages, type Sequential } from '../../src/index.ts';
import { type Examples, examplesOf } from './data.ts';
import type { Policy } from './options.ts';

/** Trains and validates `model`, which is of no use afterwards, on a whole batch and a short last one of the run's sizes. */
export async function warmUp(
  model: Sequential,
  { train, test }: ImageDataset,
  batchSize: number,
  validationBatchSize: number,
  policy: Policy,
): Promise<void> {
  await model.fit(...batchAndRest(train, batchSize), {
    batchSize,
    validationData: batchAndRest(test, validationBatchSize),
    validationBatchSize,
    verbose: 0,
    // It decides which kernels there are. What goes wrong here goes wrong in the run as well, which tells of it.
    callbacks: [new DivergenceDetector({ onDivergence: policy, print: () => {} })],
  });
}

function batchAndRest(part: LabelledImages, batchSize: number): Examples {
  const images = part.labels.length;
  return examplesOf(part, Math.min(images, batchSize + (images % batchSize)));
}
