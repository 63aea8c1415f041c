/** Pixels within an SVG document. */

import { peer } from '../base/peer.ts';
import type { Pixels } from '../io/pixels.ts';

/** Where an image lies on the page, and how large a pixel is. */
export interface Spot {
  readonly x: number;
  readonly y: number;
  /** Units to a pixel. */
  readonly zoom: number;
}

/** An image with pixels that stay sharp squares however large they are drawn. */
export async function embed({ width, height, data }: Pixels, { x, y, zoom }: Spot): Promise<string> {
  if (width === 0 || height === 0) return '';
  const { encode } = await peer('wgrad/pictures', 'fast-png', () => import('fast-png'));
  const png = base64(encode({ width, height, data, channels: 3 }));
  return (
    `<image x="${x}" y="${y}" width="${width * zoom}" height="${height * zoom}" preserveAspectRatio="none" ` +
    `image-rendering="pixelated" href="data:image/png;base64,${png}"/>`
  );
}

function base64(bytes: Uint8Array): string {
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));
}
