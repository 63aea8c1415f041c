/** Pictures as pixels, and how numbers become some. Needs no package, so that a page or a logger can use it alone. */

import { counted, describe } from '../base/describe.ts';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors.ts';
import { type Shape, sizeOf } from '../base/shape.ts';

/** A small colour picture. */
export interface Pixels {
  /** In pixels. */
  readonly width: number;
  /** In pixels. */
  readonly height: number;
  /** Red, green and blue side by side, row by row from the top; `width * height * 3` bytes. */
  readonly data: Uint8Array;
}

/** What `filterPixels` can be told. */
export interface FilterScale {
  /**
   * What full brightness stands for: the largest weight of `each` filter, so that even faint ones show their pattern, that of
   * `all` filters, so that they can be compared, or a number. Default `each`.
   */
  readonly scale?: 'each' | 'all' | number;
}

/** Zero is grey: positive weights are brighter, negative ones darker. */
const ZERO = 127.5;
/** Neither grey nor likely as a colour of a filter: NaN and the infinities. */
const NOT_FINITE = [255, 0, 255] as const;
const COLOUR_CHANNELS = 3;

/**
 * The filters of a convolution kernel [height, width, channels, filters] as pictures of height × width pixels: in colour, one
 * a filter, where there are three channels; else in grey, one a channel, those of the first filter first. A weight that is
 * not finite is magenta.
 * @throws ShapeError for another rank, or values that do not fill the shape; ArgumentError for another scale
 */
export function filterPixels(
  { shape, data }: { readonly shape: Shape; readonly data: ArrayLike<number> },
  { scale = 'each' }: FilterScale = {},
): Pixels[] {
  if (shape.length !== 4 || data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `filterPixels: expected a kernel [height, width, channels, filters] with as many values, got shape [${shape.join(', ')}] and ` +
        `${counted(data.length, 'value')}. Pass the kernel of a Conv2D layer: getWeights() names it '…/kernel'.`,
    );
  }
  if (typeof scale === 'number' ? !(scale >= 0) : scale !== 'each' && scale !== 'all') {
    throw new ArgumentError(
      `filterPixels: expected scale to be 'each', 'all' or a number, got ${describe(scale)}. Fix the option.`,
    );
  }
  const [height, width, channels, filters] = shape;
  const spots = height * width;
  const at = (spot: number, channel: number, filter: number): number =>
    data[(spot * channels + channel) * filters + filter];
  const inColour = channels === COLOUR_CHANNELS;
  const largestOf = (filter: number): number =>
    largestWeight(Array.from({ length: data.length / filters }, (_, i) => data[i * filters + filter]));
  const largestOfAll = scale === 'all' ? largestWeight(data) : scale;
  const pictures: Pixels[] = [];
  for (let filter = 0; filter < filters; filter++) {
    const largest = largestOfAll === 'each' ? largestOf(filter) : largestOfAll;
    for (let channel = 0; channel < (inColour ? 1 : channels); channel++) {
      const pixels = new Uint8Array(spots * 3);
      for (let spot = 0; spot < spots; spot++) {
        const weights = [0, 1, 2].map((colour) => at(spot, inColour ? colour : channel, filter));
        pixels.set(weights.every(Number.isFinite) ? weights.map((w) => brightness(w, largest)) : NOT_FINITE, spot * 3);
      }
      pictures.push({ width, height, data: pixels });
    }
  }
  return pictures;
}

/** The largest finite weight, by size; 0 where there is none. */
export function largestWeight(weights: ArrayLike<number>): number {
  let largest = 0;
  for (let i = 0; i < weights.length; i++) {
    const size = Math.abs(weights[i]);
    if (Number.isFinite(size) && size > largest) largest = size;
  }
  return largest;
}

function brightness(weight: number, largest: number): number {
  const share = largest === 0 ? 0 : Math.min(1, Math.max(-1, weight / largest));
  return Math.round(ZERO + ZERO * share);
}

/**
 * Pictures of one size side by side, row by row, with a gap between them.
 * @param columns of a row
 * @param gap pixels between two pictures, which are white; default 1
 */
export function montage(pictures: readonly Pixels[], columns: number, gap = 1): Pixels {
  const [first] = pictures;
  if (first === undefined) return { width: 0, height: 0, data: new Uint8Array() };
  const across = Math.min(columns, pictures.length);
  const down = Math.ceil(pictures.length / across);
  const width = across * (first.width + gap) - gap;
  const height = down * (first.height + gap) - gap;
  const data = new Uint8Array(width * height * 3).fill(255);
  pictures.forEach((picture, i) => {
    const left = (i % across) * (first.width + gap);
    const top = Math.floor(i / across) * (first.height + gap);
    for (let y = 0; y < picture.height; y++) {
      const row = picture.data.subarray(y * picture.width * 3, (y + 1) * picture.width * 3);
      data.set(row, ((top + y) * width + left) * 3);
    }
  });
  return { width, height, data };
}

/**
 * The pictures of a batch of images [count, height, width, 1 or 3] of bytes, or of floats from 0 to 1; one channel is shown in
 * grey. A pixel that is not finite is magenta.
 * @param who what errors call the caller
 * @throws ShapeError for another shape, DtypeError for another type of array, ArgumentError for floats beyond 0 to 1
 */
export function imagePixels(
  { shape, data }: { readonly shape: Shape; readonly data: ArrayLike<number> },
  who = 'imagePixels',
): Pixels[] {
  const [count, height, width, channels] = shape;
  if (shape.length !== 4 || (channels !== 1 && channels !== COLOUR_CHANNELS) || data.length !== sizeOf(shape)) {
    throw new ShapeError(
      `${who}: expected images [count, height, width, 1 or 3], got shape [${shape.join(', ')}] and ${counted(data.length, 'value')}. ` +
        'Pass red, green and blue, or one grey channel, last.',
    );
  }
  const bytes = coloursOf(data, channels, who);
  const size = height * width * 3;
  return Array.from({ length: count }, (_, i) => ({
    width,
    height,
    data: bytes.subarray(i * size, (i + 1) * size),
  }));
}

/** Red, green and blue of each pixel, as bytes. */
function coloursOf(data: ArrayLike<number>, channels: number, who: string): Uint8Array {
  const inBytes = data instanceof Uint8Array;
  if (inBytes && channels === COLOUR_CHANNELS) return data;
  if (!inBytes && !(data instanceof Float32Array)) {
    throw new DtypeError(
      `${who}: expected bytes or floats, got ${describe(data)}. Pass a Uint8Array from 0 to 255, or a Float32Array from 0 to 1.`,
    );
  }
  const pixels = new Uint8Array((data.length / channels) * 3);
  for (let pixel = 0; pixel * channels < data.length; pixel++) {
    const values = [0, 1, 2].map((colour) => data[pixel * channels + (channels === 1 ? 0 : colour)]);
    const known = values.every(Number.isFinite);
    pixels.set(known ? (inBytes ? values : values.map((value) => byteOf(value, who))) : NOT_FINITE, pixel * 3);
  }
  return pixels;
}

function byteOf(share: number, who: string): number {
  if (share >= 0 && share <= 1) return Math.round(share * 255);
  throw new ArgumentError(
    `${who}: expected floats from 0 to 1, got ${share}. Divide values up to 255 by 255; clip(0, 1) cuts off what a model overshoots.`,
  );
}
