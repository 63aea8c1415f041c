/** Epochs of `model.fit`: the steps with all that surrounds them, which is shuffling, gathering, metrics and callbacks. */
import { examplesOf } from '../examples/study/data.ts';
import { makeNetwork } from '../examples/study/network.ts';
import { Stopwatch } from '../examples/study/stopwatch.ts';
import { cifar10, type Device, type ImageDataset, proceduralImages } from '../src/index.ts';
import { rounded, spreadOf } from './statistics.ts';

export interface EpochRow {
  readonly part: 'epochs';
  readonly adapter: string;
  /** Which images. */
  readonly epoch: string;
  readonly batch: number;
  readonly images: number;
  readonly epochMs: number;
  readonly epochLowMs: number;
  readonly epochHighMs: number;
  readonly samples: number;
  readonly imagesPerSecond: number;
  readonly usPerImage: number;
}

/** CIFAR-10 from a folder, or drawn images. */
export function loadImages(dir: string | undefined, images: number): ImageDataset | Promise<ImageDataset> {
  if (dir === undefined) return proceduralImages({ train: images, test: 1 });
  return cifar10.load({ dir, train: images, test: 1 });
}

/** Trains the study's network for some epochs after one that warms up. */
export async function measureEpochs(
  device: Device,
  data: ImageDataset,
  batch: number,
  epochs: number,
): Promise<EpochRow> {
  const model = makeNetwork({ device, learningRate: 0.001, seed: 1, clip: false });
  const watch = new Stopwatch();
  try {
    await model.fit(...examplesOf(data.train), {
      batchSize: batch,
      epochs: epochs + 1,
      verbose: 0,
      callbacks: [watch],
    });
    const images = data.train.labels.length;
    const { median, low, high, samples } = spreadOf(watch.epochSeconds.slice(1).map((seconds) => seconds * 1000));
    return {
      part: 'epochs',
      adapter: device.info.name,
      epoch: data.name,
      batch,
      images,
      epochMs: rounded(median),
      epochLowMs: rounded(low),
      epochHighMs: rounded(high),
      samples,
      imagesPerSecond: rounded((images * 1000) / median),
      usPerImage: rounded((median * 1000) / images),
    };
  } finally {
    model.dispose();
  }
}
