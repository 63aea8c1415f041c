/** Trains the study's network at a point of the plane. */

import { type Device, GradientNoiseScale, type ImageDataset } from '../../src/index.ts';
import type { TrainFunction } from '../../src/sweep/index.ts';
import { examplesOf } from '../study/data.ts';
import { makeNetwork } from '../study/network.ts';
import { warmUp } from '../study/warmUp.ts';
import type { Point } from './point.ts';

/** Larger batches validate faster and give the same result. */
const VALIDATION_BATCH = 512;

export function trainerOn(device: Device, data: ImageDataset): TrainFunction<Point> {
  const warm = new Set<number>();
  return async ({ batchSize, learningRate }, trial) => {
    const network = { device, learningRate, seed: trial.seed, clip: false };
    if (!warm.has(batchSize)) {
      // The kernels of a batch size are compiled once, and outside of what is timed.
      const model = makeNetwork(network);
      await warmUp(model, data, batchSize, VALIDATION_BATCH, 'stop').finally(() => model.dispose());
      warm.add(batchSize);
    }
    const model = makeNetwork(network);
    try {
      await model.fit(...examplesOf(data.train), {
        batchSize,
        epochs: trial.epochs,
        validationData: examplesOf(data.test),
        validationBatchSize: VALIDATION_BATCH,
        verbose: 0,
        // Beside the training, which stays the same to the bit.
        callbacks: [new GradientNoiseScale(), ...trial.callbacks()],
      });
    } finally {
      model.dispose();
    }
  };
}
