/** What every image data set of wgrad looks like. Free of Node's and the browser's own modules. */

/** Images and their classes, in the order in which the data set gives them. */
export interface LabelledImages {
  /** Pixels from 0 to 255, row-major NHWC: red, green and blue side by side. Length `count * 32 * 32 * 3`. */
  readonly images: Uint8Array;
  /** One class number an image, an index into `ImageDataset.classNames`. Length `count`. */
  readonly labels: Uint8Array;
  /** That of `images`, for `tensor(images, shape)`. */
  readonly shape: readonly [count: number, height: 32, width: 32, channels: 3];
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

/** Height and width of an image, in pixels. */
export const side = 32;
/** Pixels of one channel of one image. */
export const planePixels = side * side;
/** Bytes of one image. */
export const imageBytes = planePixels * 3;

/** The images from `begin` to `end`, where they lie: nothing is copied. */
export function imagesBetween({ images, labels, shape }: LabelledImages, begin: number, end: number): LabelledImages {
  const [, height, width, channels] = shape;
  return {
    images: images.subarray(begin * imageBytes, end * imageBytes),
    labels: labels.subarray(begin, end),
    shape: [end - begin, height, width, channels],
  };
}

/** Room for `count` images, to be filled by the caller. */
export function emptyImages(count: number): LabelledImages {
  return {
    images: new Uint8Array(count * imageBytes),
    labels: new Uint8Array(count),
    shape: [count, side, side, 3],
  };
}
