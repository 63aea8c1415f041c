import { type Padding, type Pair, pairOf, type Shape } from '../../base/shape.ts';
import { expectImages, type LayerOptions, type WeightSpec } from './layer.ts';
import { Pooling } from './pooling.ts';

/** Options of the poolings. */
export interface PoolingOptions extends LayerOptions {
  /** Default: the pool size. */
  readonly strides?: Pair;
  /** Default `valid`. */
  readonly padding?: Padding;
}

/** What both poolings of images are. */
export abstract class Pooling2D extends Pooling<readonly [number, number], Pair> {
  /**
   * @param poolSize [height, width] of the window, or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(poolSize: Pair = 2, options: PoolingOptions = {}) {
    const who = new.target.name;
    super(who, poolSize, options, (size, name) => pairOf(size, `${who} ${name}`));
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return [];
  }
}
