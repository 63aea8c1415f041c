/** The networks whose training steps are looked at, as layers: those whose single kernels bench/kernels.ts has. */
import { studyLayers } from '../examples/study/network.ts';
import { Conv2D, Dense, Flatten, type Layer, MaxPooling2D, Rescaling } from '../src/index.ts';
import type { NetworkName } from './kernels.ts';

const SAME = { padding: 'same', activation: 'relu' } as const;

/** 3×3 convolutions of 64 to 256 channels, and a dense head. */
const vggLayers = (): Layer[] => [
  new Rescaling(1 / 255),
  new Conv2D(64, 3, SAME),
  new Conv2D(64, 3, SAME),
  new MaxPooling2D(2),
  new Conv2D(128, 3, SAME),
  new MaxPooling2D(2),
  new Conv2D(256, 3, SAME),
  new Conv2D(256, 3, SAME),
  new MaxPooling2D(2),
  new Flatten(),
  new Dense(256, { activation: 'relu' }),
  new Dense(10, { activation: 'softmax' }),
];

/** Layers for images [32, 32, 3] of bytes and ten classes. */
export const LAYERS: Readonly<Record<NetworkName, () => Layer[]>> = {
  study: studyLayers,
  vgg: vggLayers,
};
