/** The network that every run trains. */
import {
  Adam,
  Conv2D,
  Dense,
  type Device,
  Dropout,
  Flatten,
  type Layer,
  MaxPooling2D,
  Rescaling,
  Sequential,
  sparseCategoricalCrossentropy,
} from '../../src/index.ts';

export interface NetworkOptions {
  readonly device: Device;
  readonly learningRate: number;
  readonly seed: number;
  /** Classic Keras' loss, which cuts probabilities; else the exact one. */
  readonly clip: boolean;
}

/** The network's layers, for images [32, 32, 3] of bytes. `dropout`: share of what is dropped after both. */
export function studyLayers(dropout = 0.25): Layer[] {
  return [
    new Rescaling(1 / 255),
    new Conv2D(32, 3, { padding: 'same', activation: 'relu' }),
    new MaxPooling2D(2),
    new Dropout(dropout),
    new Flatten(),
    new Dense(100, { activation: 'relu' }),
    new Dropout(dropout),
    new Dense(10, { activation: 'softmax' }),
  ];
}

/** A fresh network; the same seed gives the same weights. */
export function makeNetwork({ device, learningRate, seed, clip }: NetworkOptions): Sequential {
  return new Sequential(studyLayers(), { inputShape: [32, 32, 3], seed, device }).compile({
    optimizer: new Adam({ learningRate }),
    loss: sparseCategoricalCrossentropy({ clip: clip ? 1e-7 : 0 }),
    metrics: ['accuracy'],
  });
}
