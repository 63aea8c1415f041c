/** A small training of a sweep on a device. */

import { Callback, Dense, type Device, Sequential, tensor } from '../src/index.ts';
import type { TrainFunction } from '../src/sweep/index.ts';

/** A few weights on a device. `begins`: called before each epoch. */
export const smallTrain =
  (device: Device, begins: (trial: number, epoch: number) => void): TrainFunction<{ units: number }> =>
  async ({ units }, trial) => {
    class Begins extends Callback {
      override onEpochBegin(epoch: number): void {
        begins(trial.number, epoch);
      }
    }
    const layers = [new Dense(units, { activation: 'tanh' }), new Dense(1)];
    const model = new Sequential(layers, { inputShape: [3], seed: trial.seed, device }).compile({
      loss: 'meanSquaredError',
    });
    const x = Float32Array.from({ length: 48 }, (_, i) => Math.sin(i));
    const y = Float32Array.from({ length: 16 }, (_, i) => Math.cos(3 * i));
    try {
      await model.fit(tensor(x, [16, 3]), tensor(y, [16, 1]), {
        ...{ batchSize: 4, epochs: trial.epochs, verbose: 0 },
        callbacks: [new Begins(), ...trial.callbacks()],
      });
    } finally {
      model.dispose();
    }
  };
