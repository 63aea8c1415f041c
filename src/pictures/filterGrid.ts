/** What the filters of a convolution look for. */

import { checkAbove, checkWhole } from '../base/checks.ts';
import { ShapeError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { formatShape, type Shape, sameShape } from '../base/shape.ts';
import { type FilterScale, filterPixels, largestWeight, montage, type Pixels } from '../io/pixels.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { embed, type Spot } from './embed.ts';
import { short } from './format.ts';
import { heading, MARGIN } from './heading.ts';
import { Picture } from './picture.ts';
import { text } from './svgText.ts';
import { taken } from './taken.ts';

/** A kernel [height, width, channels, filters]: a weight of `model.getWeights()`, or a tensor. */
export type Kernel =
  | Tensor
  | {
      /** For the title. */
      readonly name?: string;
      /** Four extents. */
      readonly shape: Shape;
      /** Row-major. */
      readonly data: Float32Array | readonly number[];
    };

/** A kernel at two times. */
export interface BeforeAfter {
  /** Drawn on the left. */
  readonly before: Kernel;
  /** Of the same shape. */
  readonly after: Kernel;
}

/** Options of `filterGrid`. */
export interface FilterGridOptions extends FilterScale {
  /** Tiles in a row; default a filter's input channels, or eight where a tile is a whole filter. */
  readonly columns?: number;
  /** Units to a weight; default what makes a tile about 36 units large, or less where there are many. */
  readonly zoom?: number;
  /** Default how many filters of which layer there are; '' for none. */
  readonly title?: string;
}

interface Values {
  readonly name?: string;
  readonly shape: Shape;
  readonly data: ArrayLike<number>;
}

const NAME = { size: 14, bold: true } as const;
/** What a tile is enlarged to. */
const SIDE = 36;
/** What all tiles of a row may fill. */
const ROW = 900;
/** Room for a title that wraps seldom. */
const LEAST_WIDTH = 440;
/** Between before and after. */
const BETWEEN = 40;

/**
 * Draws the filters of a convolution, one tile a filter where it has three input channels (in colour) or one (in grey), else one
 * a filter and channel. Two kernels, such as before and after training, stand side by side; `scale: 'all'` is then that of both.
 * @throws ShapeError for what is no kernel, or two of different shapes; ArgumentError for an option out of its range; StateError
 * where a package is missing
 */
export async function filterGrid(kernel: Kernel | BeforeAfter, options: FilterGridOptions = {}): Promise<Picture> {
  const who = 'filterGrid';
  const [given, settings] = taken([kernel, options] as const);
  checkOptions(who, settings, { scale: true, columns: true, zoom: true, title: true });
  const sides =
    'before' in given ? [await valuesOf(given.before), await valuesOf(given.after)] : [await valuesOf(given)];
  const [{ shape }, after] = sides;
  if (after !== undefined && !sameShape(shape, after.shape)) {
    throw new ShapeError(
      `${who}: expected before and after of one shape, got ${formatShape(shape)} and ${formatShape(after.shape)}. Pass one layer’s kernel twice.`,
    );
  }
  const { scale = 'each' } = settings;
  const largest = scale === 'all' ? Math.max(...sides.map(({ data }) => largestWeight(data))) : scale;
  const tiles = sides.map((side) => filterPixels(side, { scale: largest }));
  const [, , channels, filters] = shape;
  const perChannel = tiles[0].length > filters;
  const { columns = perChannel ? channels : filters > 64 ? 16 : 8 } = settings;
  checkWhole(who, 'columns', columns, 1);
  const montages = tiles.map((side) => montage(side, columns));

  const [{ width: across, height: down }] = montages;
  const { zoom = zoomFor(Math.max(shape[0], shape[1]), across * sides.length) } = settings;
  checkAbove(who, 'zoom', zoom);
  const width = Math.max(LEAST_WIDTH, 2 * MARGIN + sides.length * across * zoom + (sides.length - 1) * BETWEEN);
  const { title = titleOf(sides) } = settings;
  const head = heading(title, noteOf(sides, largest, perChannel && columns === channels), width);
  const top = head.bottom + (sides.length > 1 ? 22 : 0);
  const parts = await Promise.all(
    montages.map(async (pixels, i) => {
      const x = MARGIN + i * (across * zoom + BETWEEN);
      const name = sides.length > 1 ? text(x, top - 9, i === 0 ? 'before' : 'after', NAME) : '';
      const spot = { x, y: top, zoom };
      return name + (await embed(pixels, spot)) + outlines(tiles[i], columns, spot);
    }),
  );
  return new Picture(width, top + down * zoom + MARGIN, [head.svg, ...parts]);
}

async function valuesOf(kernel: Kernel): Promise<Values> {
  const { shape, data } = kernel;
  const name = 'name' in kernel ? kernel.name : undefined;
  return { name, shape, data: typeof data === 'function' ? await data.call(kernel) : data };
}

function zoomFor(side: number, across: number): number {
  return Math.max(1, Math.min(Math.round(SIDE / side), Math.floor(ROW / across)));
}

function notFinite({ data }: Values): number {
  return Array.from(data).filter((weight) => !Number.isFinite(weight)).length;
}

function titleOf(sides: readonly Values[]): string {
  const [{ name, shape, data }] = sides;
  const [height, width, , filters] = shape;
  const what = `${filters} filter${filters === 1 ? '' : 's'}${name === undefined ? '' : ` of ${name}`}, ${height} × ${width}`;
  const bad = notFinite(sides[sides.length - 1]);
  const broken = bad === 0 ? '' : `: ${bad} of ${data.length} weights ${bad === 1 ? 'is' : 'are'} not finite`;
  return `${what}${sides.length > 1 ? ', before and after' : ''}${broken}`;
}

function noteOf(sides: readonly Values[], largest: 'each' | number, rows: boolean): string {
  const scale =
    largest === 'each'
      ? 'Each filter has its own scale.'
      : `White is ${short(largest)} or more, black ${short(-largest)} or less.`;
  return [
    'Grey is zero, brighter is positive, darker negative.',
    ...(rows ? ['A row is a filter, a column an input channel.'] : []),
    scale,
    ...(sides.some((side) => notFinite(side) > 0) ? ['Magenta is not finite.'] : []),
  ].join(' ');
}

/** The edges of tiles: white ones lie on a white page. */
function outlines(tiles: readonly Pixels[], columns: number, { x, y, zoom }: Spot): string {
  const edges = tiles.map(({ width, height }, i) => {
    const left = x + (i % columns) * (width + 1) * zoom;
    const top = y + Math.floor(i / columns) * (height + 1) * zoom;
    return `M${left} ${top}h${width * zoom}v${height * zoom}h${-width * zoom}z`;
  });
  return `<path d="${edges.join('')}" fill="none" stroke="#999999"/>`;
}
