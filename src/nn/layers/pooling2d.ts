import { checkOptions } from '../../base/optionNames.ts';
import { type Padding, type Pair, pairOf, type Shape } from '../../base/shape.ts';
import type { Pool2dOptions } from '../../ops/pool2d.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import {
  type CallContext,
  checkPadding,
  expectImages,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';

/** Options of the poolings. */
export interface PoolingOptions extends LayerOptions {
  /** Default: the pool size. */
  readonly strides?: Pair;
  /** Default `valid`. */
  readonly padding?: Padding;
}

/** What both poolings of images are. */
export abstract class Pooling2D extends Layer {
  readonly poolSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;

  /**
   * @param poolSize [height, width] of the window, or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(poolSize: Pair = 2, options: PoolingOptions = {}) {
    const who = new.target.name;
    checkOptions(who, options, { ...LAYER_OPTIONS, strides: true, padding: true });
    super(options);
    this.poolSize = pairOf(poolSize, `${who} poolSize`);
    this.strides = pairOf(options.strides ?? poolSize, `${who} strides`);
    this.padding = checkPadding(who, options.padding ?? 'valid');
  }

  /** @internal */
  protected abstract pool(x: Tensor, options: Pool2dOptions): Tensor;

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return [];
  }

  call(x: Tensor, _: CallContext): Tensor {
    return this.pool(x, { poolSize: this.poolSize, strides: this.strides, padding: this.padding });
  }

  config(): LayerConfig {
    return { poolSize: this.poolSize, strides: this.strides, padding: this.padding };
  }
}
