/** What the functions that draw give: one picture, as a vector graphic and as pixels. */

import { files } from '#platform';
import { rasterize } from '#raster';
import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { makeFolderOf, writeBytes } from '../platform/files.ts';
import { page } from './svgSheet.ts';

/** How fine a PNG is. */
export interface PngOptions {
  /** Pixels to a unit of the picture's `width` and `height`, above 0; default 2, which is sharp on a dense screen. */
  readonly zoom?: number;
}

/** Four bytes each while they are drawn: 1 GiB. */
const MOST_PIXELS = 2 ** 28;
const IN_BROWSER = 'Use svg or png() there.';

/** A finished picture: what the functions of this module draw, or one of your own. */
export class Picture {
  /** A complete SVG document that refers to no other file. Its text is in Source Sans 3, or Arial where that is not installed. */
  readonly svg: string;
  /** In units of the SVG document: the width of a PNG with `zoom: 1`. */
  readonly width: number;
  /** In units of the SVG document: the height of a PNG with `zoom: 1`. */
  readonly height: number;

  /**
   * A picture of your own.
   * @param width units, rounded up
   * @param height units, rounded up
   * @param parts SVG elements, the first behind the others, on a white page: those of `text` and `paragraph`, charts and other
   * pictures by `place`, or your own
   * @throws ArgumentError for a size that is not above 0
   */
  constructor(width: number, height: number, parts: readonly string[]) {
    if (!(width > 0 && height > 0 && Number.isFinite(width * height))) {
      throw new ArgumentError(
        `Picture: expected a width and a height above 0, got ${describe(width)} and ${describe(height)}. Correct them.`,
      );
    }
    this.width = Math.ceil(width);
    this.height = Math.ceil(height);
    this.svg = page(this.width, this.height, parts);
  }

  /**
   * The picture as the bytes of a PNG file.
   * @throws ArgumentError for a zoom that is not above 0 or makes more than 2²⁸ pixels; StateError where a package is missing
   * in Node, or a browser has no such large canvas.
   */
  async png(options: PngOptions = {}): Promise<Uint8Array> {
    return this.#png('Picture.png', options);
  }

  /**
   * Writes the picture in Node, all or nothing, as SVG or PNG: the path's ending says which. Missing folders are made.
   * @throws ArgumentError for another ending, FileError where the system refuses, StateError in a browser; and as `png` does.
   */
  async save(path: string, options: PngOptions = {}): Promise<void> {
    const who = 'Picture.save';
    files(who, IN_BROWSER);
    const [ending] = /\.(svg|png)$/i.exec(path) ?? [];
    if (ending === undefined) {
      throw new ArgumentError(`${who}: expected a path that ends in .svg or .png, got '${path}'. Add one of the two.`);
    }
    const bytes = ending.toLowerCase() === '.svg' ? this.svg : await this.#png(who, options);
    await makeFolderOf(who, path, IN_BROWSER);
    await writeBytes(who, path, bytes);
  }

  async #png(who: string, options: PngOptions): Promise<Uint8Array> {
    checkOptions(who, options, { zoom: true });
    const { zoom = 2 } = options;
    if (!(zoom > 0 && this.width * this.height * zoom ** 2 <= MOST_PIXELS)) {
      const most = Math.sqrt(MOST_PIXELS / (this.width * this.height));
      throw new ArgumentError(
        `${who}: expected a zoom above 0 and, for this picture, of at most ${most.toPrecision(2)}, got ${describe(zoom)}. Correct it.`,
      );
    }
    return rasterize(this.svg, zoom);
  }
}
