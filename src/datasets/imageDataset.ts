/** What every image data set of wgrad looks like. Free of Node's and the browser's own modules. */

import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';

/** Height, width and channels of one image. */
export type ImageShape = readonly [height: number, width: number, channels: number];

/** Images and their classes, in the order in which the data set gives them. */
export interface LabelledImages {
  /**
   * Pixels from 0 to 255, row-major NHWC: red, green and blue side by side, or one grey channel. As many as `shape` says:
   * `count * 32 * 32 * 3` for CIFAR-10.
   */
  readonly images: Uint8Array;
  /** One class number an image, an index into `ImageDataset.classNames`. Length `count`. */
  readonly labels: Uint8Array;
  /** That of `images`, for `tensor(images, shape)`. */
  readonly shape: readonly [count: number, height: number, width: number, channels: number];
}

/** A training and a test part with the same classes. */
export interface ImageDataset {
  /** Short name for titles and `results.json`, such as `CIFAR-10`. */
  readonly name: string;
  /** One plain phrase on where the images came from. */
  readonly source: string;
  /** True where a program drew the images: figures from them say nothing about real photographs. */
  readonly synthetic: boolean;
  /** In the order of the labels. */
  readonly classNames: readonly string[];
  /** To train on. */
  readonly train: LabelledImages;
  /** To measure with. */
  readonly test: LabelledImages;
}

/** Height and width of an image of CIFAR-10, in pixels. */
export const side = 32;
/** Pixels of one channel of one image. */
export const planePixels = side * side;
/** Bytes of one image. */
export const imageBytes = planePixels * 3;

/**
 * Some of the images with their labels, such as the first thousand, or those that are kept for validation. They stay where they
 * lie: nothing is copied.
 * @param begin the first one, from 0
 * @param end the one after the last, at most how many there are
 * @throws ArgumentError for other numbers
 */
export function imagesBetween({ images, labels, shape }: LabelledImages, begin: number, end: number): LabelledImages {
  const [count, height, width, channels] = shape;
  if (!(Number.isInteger(begin) && Number.isInteger(end) && begin >= 0 && begin <= end && end <= count)) {
    throw new ArgumentError(
      `imagesBetween: expected whole numbers 0 <= begin <= end <= ${count}, got ${describe(begin)} and ${describe(end)}. Correct them.`,
    );
  }
  const size = height * width * channels;
  return {
    images: images.subarray(begin * size, end * size),
    labels: labels.subarray(begin, end),
    shape: [end - begin, height, width, channels],
  };
}

/** Room for `count` images, to be filled by the caller. */
export function emptyImages(count: number, [height, width, channels]: ImageShape = [side, side, 3]): LabelledImages {
  return {
    images: new Uint8Array(count * height * width * channels),
    labels: new Uint8Array(count),
    shape: [count, height, width, channels],
  };
}
