/** Images in rows, with what they show and what a model took them for. */

import { textWidth } from '#raster';
import { checkAbove, checkWhole } from '../base/checks.ts';
import { checkOptions } from '../base/optionNames.ts';
import type { Shape } from '../base/shape.ts';
import { imagePixels } from '../io/pixels.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { type Classes, readClasses, readLabels } from './classes.ts';
import type { Guess } from './confusion.ts';
import { embed } from './embed.ts';
import { percent } from './format.ts';
import { heading, MARGIN } from './heading.ts';
import { RIGHT, RIGHT_TEXT, WRONG, WRONG_TEXT } from './palette.ts';
import { Picture } from './picture.ts';
import { text } from './svgText.ts';
import { taken } from './taken.ts';

/** Images [count, height, width, 1 or 3] of bytes, or of floats from 0 to 1. */
export interface ImageArray {
  /** Four extents. */
  readonly shape: Shape;
  /** Row-major. */
  readonly data: Uint8Array | Float32Array;
}

/** An array or a tensor of images, or a part of a data set: its `labels` are then the default of those of the options. */
export type Images =
  | Tensor
  | ImageArray
  | {
      /** That of `images`. */
      readonly shape: Shape;
      /** As `data` of an array. */
      readonly images: Uint8Array | Float32Array;
      /** The true class of each. */
      readonly labels?: ArrayLike<number>;
    };

/** Options of `imageGrid`. */
export interface ImageGridOptions {
  /** The true class of each image, written under it. */
  readonly labels?: Classes;
  /** What a model says to each image; with labels, the frame is green where it is right, else orange. */
  readonly predictions?: Classes;
  /** The names of the classes; default their ids. */
  readonly classNames?: readonly string[];
  /** How many of the images, from the first on; default all. */
  readonly count?: number;
  /** Images in a row; default as many as fit into about 1,000 units, at least three. */
  readonly columns?: number;
  /** Units to a pixel; default the whole number that makes an image about 96 units large. */
  readonly zoom?: number;
  /** Default how many are right, or how many images there are; '' for none. */
  readonly title?: string;
}

const FRAME = 4;
const EDGE = '#bbbbbb';
const CAPTION = 14;
const LEADING = 16;
/** What an image is enlarged to. */
const SIDE = 96;
/** What a row fills: eight of CIFAR-10's images. */
const ROW = 1040;

/** One line under an image. */
interface Caption {
  readonly content: string;
  readonly bold: boolean;
  readonly color: string;
}

/**
 * Draws images side by side, each as coarse as it is. With predictions, each says what it was taken for and how surely; with
 * labels as well, its frame says whether that is right. A pixel that is not finite is magenta.
 * @throws ShapeError for images, labels or predictions that do not fit each other; ArgumentError for floats beyond 0 to 1;
 * StateError where a package is missing
 */
export async function imageGrid(images: Images, options: ImageGridOptions = {}): Promise<Picture> {
  const who = 'imageGrid';
  const [given, settings] = taken([images, options] as const);
  checkOptions(who, settings, {
    labels: true,
    predictions: true,
    classNames: true,
    count: true,
    columns: true,
    zoom: true,
    title: true,
  });
  const all = imagePixels(await arrayOf(given), who);
  const { count = all.length, classNames, labels = 'labels' in given ? given.labels : undefined } = settings;
  checkWhole(who, 'count', count, 0);
  const truths = labels === undefined ? null : await readLabels(who, labels, all.length);
  const said = settings.predictions;
  const guesses = said === undefined ? null : (await readClasses(who, 'predictions', said, all.length)).guesses;
  const shown = all.slice(0, count);
  const nameOf = (index: number): string => classNames?.[index] ?? String(index);
  const captions = shown.map((_, i) => captionsOf(guesses?.[i], truths?.[i], nameOf));

  const [{ width: across, height: down } = { width: SIDE, height: SIDE }] = shown;
  const { zoom = Math.max(1, Math.round(SIDE / Math.max(across, down))) } = settings;
  checkAbove(who, 'zoom', zoom);
  const tile = { width: across * zoom, height: down * zoom };
  const widest = widestOf(captions.flat());
  const cell = {
    width: Math.max(tile.width + 32, Math.ceil(widest) + 12),
    height: tile.height + 2 * FRAME + (captions[0]?.length ?? 0) * LEADING + 18,
  };
  const { columns = Math.min(Math.max(1, Math.floor(ROW / cell.width)), Math.max(3, shown.length)) } = settings;
  checkWhole(who, 'columns', columns, 1);

  const width = 2 * MARGIN + Math.max(columns * cell.width, 3 * (SIDE + 32));
  const { title = titleOf(shown.length, all.length, guesses, truths) } = settings;
  const { svg: head, bottom: top } = heading(title, '', width);
  const tiles = await Promise.all(
    shown.map(async (pixels, i) => {
      const x = MARGIN + (i % columns) * cell.width + (cell.width - tile.width) / 2;
      const y = top + FRAME + Math.floor(i / columns) * cell.height;
      const guess = guesses?.[i];
      const truth = truths?.[i];
      const judged = guess !== undefined && truth !== undefined;
      // White images lie on a white page.
      const [edge, color] = judged ? [FRAME, guess.index === truth ? RIGHT : WRONG] : [1, EDGE];
      const frame =
        `<rect x="${x - edge}" y="${y - edge}" width="${tile.width + 2 * edge}" height="${tile.height + 2 * edge}" ` +
        `fill="${color}"/>`;
      const lines = captions[i].map(({ content, bold, color }, line) => {
        const baseline = y + tile.height + FRAME + (line + 1) * LEADING;
        return text(x + tile.width / 2, baseline, content, { size: CAPTION, bold, color, anchor: 'middle' });
      });
      return frame + (await embed(pixels, { x, y, zoom })) + lines.join('');
    }),
  );
  const height = top + Math.ceil(shown.length / columns) * cell.height + MARGIN / 2;
  return new Picture(width, height, [head, ...tiles]);
}

async function arrayOf(images: Images): Promise<{ shape: Shape; data: ArrayLike<number> }> {
  const { shape } = images;
  if ('images' in images) return { shape, data: images.images };
  const { data } = images;
  return { shape, data: typeof data === 'function' ? await data.call(images) : data };
}

function captionsOf(
  guess: Guess | undefined,
  truth: number | undefined,
  nameOf: (index: number) => string,
): readonly Caption[] {
  if (guess === undefined) {
    return truth === undefined ? [] : [{ content: nameOf(truth), bold: false, color: '#222222' }];
  }
  const { index, probability } = guess;
  const sure = Number.isNaN(probability) ? '' : ` ${Math.round(probability * 100)} %`;
  const content = index === -1 ? 'no number' : `${nameOf(index)}${sure}`;
  if (truth === undefined) return [{ content, bold: true, color: '#222222' }];
  return [
    { content, bold: true, color: index === truth ? RIGHT_TEXT : WRONG_TEXT },
    { content: `true: ${nameOf(truth)}`, bold: false, color: '#444444' },
  ];
}

/** Two images may say the same, and measuring takes its time. */
function widestOf(captions: readonly Caption[]): number {
  const distinct = new Map(captions.map((caption) => [`${caption.bold} ${caption.content}`, caption]));
  return [...distinct.values()].reduce(
    (widest, { content, bold }) => Math.max(widest, textWidth(content, { size: CAPTION, bold })),
    0,
  );
}

function titleOf(
  shown: number,
  all: number,
  guesses: readonly Guess[] | null,
  truths: readonly number[] | null,
): string {
  const what = `${shown < all ? 'the first ' : ''}${shown} image${shown === 1 ? '' : 's'}`;
  if (guesses === null || truths === null || shown === 0) return what[0].toUpperCase() + what.slice(1);
  const right = guesses.slice(0, shown).filter(({ index }, i) => index === truths[i]).length;
  return `${right} of ${what} right (${percent(right / shown)})`;
}
