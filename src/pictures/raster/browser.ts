/** SVG to pixels, and how wide its text is, as a browser's canvas has it; see node.ts. */

import { StateError } from '../../base/errors.ts';
import { FONT } from '../svgText.ts';
import type * as Node from './node.ts';

export const rasterize: typeof Node.rasterize = async (svg, zoom = 1) => {
  if (typeof document === 'undefined') {
    throw new StateError('Picture.png: a worker cannot draw an SVG document. Use `svg`, and draw it in the page.');
  }
  const address = URL.createObjectURL(new Blob([svg], { type: 'image/svg+xml' }));
  try {
    const image = new Image();
    image.src = address;
    await image.decode();
    const canvas = document.createElement('canvas');
    canvas.width = Math.round(image.naturalWidth * zoom);
    canvas.height = Math.round(image.naturalHeight * zoom);
    contextOf(canvas.getContext('2d')).drawImage(image, 0, 0, canvas.width, canvas.height);
    const drawn = await new Promise<Blob | null>((resolve) => canvas.toBlob(resolve, 'image/png'));
    if (drawn === null) {
      throw new StateError(
        `Picture.png: the browser has no canvas of ${canvas.width} × ${canvas.height} pixels. Ask for a smaller zoom.`,
      );
    }
    return new Uint8Array(await drawn.arrayBuffer());
  } finally {
    URL.revokeObjectURL(address);
  }
};

export const textWidth: typeof Node.textWidth = (content, { size, bold = false }) => {
  const context = contextOf(new OffscreenCanvas(1, 1).getContext('2d'));
  context.font = `${bold ? 700 : 400} ${size}px ${FONT}`;
  return context.measureText(content).width;
};

function contextOf<Context>(context: Context | null): Context {
  if (context !== null) return context;
  throw new StateError(
    'wgrad/pictures: the browser gives no canvas to draw on. Close other pages, or use another browser.',
  );
}
