/** A small picture, its pixels enlarged without blur. */

import { useLayoutEffect, useRef } from 'preact/hooks';
import type { Pixels } from '../../src/pictures/index.ts';

interface Props {
  readonly pixels: Pixels;
  /** Null: it is a part of a picture that says what it is. */
  readonly label: string | null;
}

export function PixelCanvas({ pixels, label }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useLayoutEffect(() => {
    const { width, height, data } = pixels;
    const context = canvas.current?.getContext('2d');
    if (context === null || context === undefined) return;
    const image = context.createImageData(width, height);
    for (let i = 0; i < width * height; i++) {
      image.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
      image.data[4 * i + 3] = 255;
    }
    context.putImageData(image, 0, 0);
  }, [pixels]);
  return (
    <canvas
      class="pixels"
      ref={canvas}
      width={pixels.width}
      height={pixels.height}
      {...(label !== null && { role: 'img', 'aria-label': label })}
    />
  );
}
