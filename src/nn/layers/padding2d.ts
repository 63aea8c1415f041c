/** Rows and columns put around images, or taken off them. */

import { refuse } from '../../base/checks.ts';
import { ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { formatShape, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { expectImages, LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Pixels at each side: one number for all four, [height, width] for both sides each, or [[top, bottom], [left, right]]. */
export type Sides =
  | number
  | readonly [number, number]
  | readonly [readonly [number, number], readonly [number, number]];

/** [top, bottom, left, right]. */
export type FourSides = readonly [number, number, number, number];

function sidesOf(sides: Sides, who: string, what: string): FourSides {
  const [height, width] = typeof sides === 'number' ? [sides, sides] : Array.isArray(sides) ? sides : [];
  const pair = (side: unknown): readonly unknown[] => (Array.isArray(side) && side.length === 2 ? side : [side, side]);
  const [top, bottom, left, right] = [...pair(height), ...pair(width)];
  const fits = (n: unknown): n is number => typeof n === 'number' && Number.isSafeInteger(n) && n >= 0;
  if (fits(top) && fits(bottom) && fits(left) && fits(right) && (typeof sides === 'number' || sides.length === 2)) {
    return Object.freeze([top, bottom, left, right]);
  }
  refuse(who, what, 'whole numbers of at least 0', sides, 'Write 1, [1, 2] for height and width, or [[1, 2], [3, 4]].');
}

/** What a file has. */
function savedSides(saved: SavedLayer, key: string): Sides {
  const [top, bottom, left, right] = saved.numbers(key, 4);
  return [
    [top, bottom],
    [left, right],
  ];
}

/** Zeros around images: [height, width, channels] to [top + height + bottom, left + width + right, channels]. */
export class ZeroPadding2D extends Layer {
  readonly className = 'ZeroPadding2D';
  /** [top, bottom, left, right] */
  readonly padding: FourSides;

  /**
   * @param padding pixels at each side: a number, [height, width] or [[top, bottom], [left, right]]
   * @throws ArgumentError for an argument outside its range
   */
  constructor(padding: Sides = 1, options: LayerOptions = {}) {
    checkOptions('ZeroPadding2D', options, LAYER_OPTIONS);
    super(options);
    this.padding = sidesOf(padding, 'ZeroPadding2D', 'padding');
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): ZeroPadding2D {
    return new ZeroPadding2D(savedSides(saved, 'padding'), options);
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return [];
  }

  call(x: Tensor): Tensor {
    const [top, bottom, left, right] = this.padding;
    return x.pad([
      [0, 0],
      [top, bottom],
      [left, right],
      [0, 0],
    ]);
  }

  config(): LayerConfig {
    return { padding: this.padding };
  }
}

/** Images without their outermost pixels: [height, width, channels] to [height - top - bottom, width - left - right, channels]. */
export class Cropping2D extends Layer {
  readonly className = 'Cropping2D';
  /** [top, bottom, left, right] */
  readonly cropping: FourSides;

  /**
   * @param cropping pixels at each side: a number, [height, width] or [[top, bottom], [left, right]]
   * @throws ArgumentError for an argument outside its range
   */
  constructor(cropping: Sides = 0, options: LayerOptions = {}) {
    checkOptions('Cropping2D', options, LAYER_OPTIONS);
    super(options);
    this.cropping = sidesOf(cropping, 'Cropping2D', 'cropping');
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Cropping2D {
    return new Cropping2D(savedSides(saved, 'cropping'), options);
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    const [top, bottom, left, right] = this.cropping;
    if (top + bottom < input[0] && left + right < input[1]) return [];
    throw new ShapeError(
      `Layer '${name}' (Cropping2D): nothing is left of images ${formatShape(input)} without ${top} and ${bottom} rows and ` +
        `${left} and ${right} columns. Take fewer off.`,
    );
  }

  call(x: Tensor): Tensor {
    const [batch, height, width, channels] = x.shape;
    const [top, bottom, left, right] = this.cropping;
    return x.slice([0, top, left, 0], [batch, height - top - bottom, width - left - right, channels]);
  }

  config(): LayerConfig {
    return { cropping: this.cropping };
  }
}
