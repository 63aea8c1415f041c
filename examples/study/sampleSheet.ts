/** A sheet of test images with what they show and what the network took them for. */
import { mkdir, rename, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { encode } from 'fast-png';
import { percent } from './facts.ts';
import { page, rasterize, text } from './svgSheet.ts';

const SIDE = 32;
const ZOOM = 3;
const TILE = SIDE * ZOOM;
const FRAME = 4;
const CELL = { width: 128, height: TILE + 58 };
const MARGIN = 20;
const HEADER = 52;
const COLUMNS = 8;
/** Green and red that the colour-blind tell apart; wrong ones also say so in words. */
const RIGHT = '#009E73';
const WRONG = '#D55E00';

/**
 * Writes a PNG of all the images given: N×32×32×3 bytes, their labels, N×classes probabilities. Each is shown three
 * times its size with a green frame if the most probable class is the true one, else with a red frame. The title begins
 * with `about`: whose predictions they are, on what data.
 */
export async function writeSampleSheet(
  path: string,
  images: Uint8Array,
  labels: ArrayLike<number>,
  predictions: Float32Array,
  classNames: readonly string[],
  about = '',
): Promise<void> {
  const bytes = SIDE * SIDE * 3;
  const n = labels.length;
  const classes = classNames.length;
  if (images.length !== n * bytes || predictions.length !== n * classes) {
    throw new RangeError(
      `${n} labels and ${classes} class names need ${n * bytes} bytes of images and ${n * classes} predictions, ` +
        `but got ${images.length} and ${predictions.length}`,
    );
  }
  const guesses = Array.from({ length: n }, (_, i) => likeliest(predictions.subarray(i * classes, (i + 1) * classes)));
  const right = guesses.filter((guess, i) => guess.index === labels[i]).length;
  const columns = Math.min(COLUMNS, Math.max(3, n));
  const corner = (i: number) => ({
    x: MARGIN + (i % columns) * CELL.width + (CELL.width - TILE) / 2,
    y: HEADER + FRAME + Math.floor(i / columns) * CELL.height,
  });

  const parts = guesses.map((guess, i) => {
    const { x, y } = corner(i);
    const good = guess.index === labels[i];
    const color = good ? RIGHT : WRONG;
    const middle = x + TILE / 2;
    const said =
      guess.index === -1 ? 'no number' : `${classNames[guess.index]} ${Math.round(guess.probability * 100)} %`;
    const truth = `true: ${classNames[labels[i]] ?? labels[i]}`;
    const size = TILE + 2 * FRAME;
    return (
      `<rect x="${x - FRAME}" y="${y - FRAME}" width="${size}" height="${size}" fill="${color}"/>` +
      text(middle, y + TILE + FRAME + 16, said, { size: 14, bold: true, color, anchor: 'middle' }) +
      text(middle, y + TILE + FRAME + 32, truth, { size: 14, color: '#444444', anchor: 'middle' })
    );
  });
  const share = n === 0 ? '' : ` (${percent(right / n)})`;
  parts.push(
    text(MARGIN, 32, `${about === '' ? '' : `${about}: `}${right} of ${n} test images right${share}`, {
      size: 20,
      bold: true,
    }),
  );

  const width = 2 * MARGIN + columns * CELL.width;
  const height = HEADER + Math.ceil(n / columns) * CELL.height + MARGIN / 2;
  const drawn = rasterize(page(width, height, parts));
  const pixels = new Uint8Array(drawn.pixels);
  for (let i = 0; i < n; i++) {
    paste(pixels, drawn.width, corner(i), images.subarray(i * bytes, (i + 1) * bytes));
  }
  await mkdir(dirname(path), { recursive: true });
  const draft = `${path}.${process.pid}.tmp`;
  await writeFile(draft, encode({ width: drawn.width, height: drawn.height, data: pixels, channels: 4 }));
  await rename(draft, path);
}

/** -1 if a diverged network gave no number. */
function likeliest(probabilities: Float32Array): { index: number; probability: number } {
  let found = { index: -1, probability: NaN };
  probabilities.forEach((probability, index) => {
    if (Number.isFinite(probability) && !(probability <= found.probability)) found = { index, probability };
  });
  return found;
}

/** Enlarges an RGB image by repeating its pixels, so that it stays as coarse as the network sees it. */
function paste(pixels: Uint8Array, stride: number, at: { x: number; y: number }, image: Uint8Array): void {
  for (let y = 0; y < TILE; y++) {
    for (let x = 0; x < TILE; x++) {
      const from = (Math.floor(y / ZOOM) * SIDE + Math.floor(x / ZOOM)) * 3;
      const to = ((at.y + y) * stride + at.x + x) * 4;
      pixels.set(image.subarray(from, from + 3), to);
    }
  }
}
