/** The filters of a convolution as an image. */

import { encode } from 'fast-png';
import type { Weight } from '../base/weight.ts';
import { filterPixels, montage, type Pixels } from '../io/pixels.ts';
import type { Image } from './event.ts';

/** Pixels of the longer side, about: TensorBoard shows small images small. */
const SIDE = 512;

/** One tile a filter where a kernel has one or three input channels, else a row of tiles a filter, one a channel. */
export function filterImage(kernel: Weight): Image {
  const tiles = filterPixels(kernel);
  const [, , channels, filters] = kernel.shape;
  const columns = tiles.length > filters ? channels : Math.ceil(Math.sqrt(filters));
  const { width, height, data } = enlarge(montage(tiles, columns));
  const encodedImageString = encode({ width, height, data, channels: 3, depth: 8 });
  return { width, height, colorspace: 3, encodedImageString };
}

/** Every pixel becomes a square. */
function enlarge({ width, height, data }: Pixels): Pixels {
  const zoom = Math.max(1, Math.floor(SIDE / Math.max(width, height)));
  const row = new Uint8Array(width * zoom * 3);
  const large = new Uint8Array(row.length * height * zoom);
  for (let y = 0; y < height; y++) {
    for (let x = 0; x < width * zoom; x++) {
      const from = (y * width + Math.floor(x / zoom)) * 3;
      row.set(data.subarray(from, from + 3), x * 3);
    }
    for (let i = 0; i < zoom; i++) large.set(row, (y * zoom + i) * row.length);
  }
  return { width: width * zoom, height: height * zoom, data: large };
}
