import { checkOptions } from '../../base/optionNames.ts';
import { type Padding, type Pair, pairOf, type Shape } from '../../base/shape.ts';
import type { Node } from '../../ir/op.ts';
import { avgPool2d, maxPool2d, type Pool2dOptions } from '../../ops/pool2d.ts';
import { mean } from '../../ops/reduce.ts';
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

abstract class Pooling2D extends Layer {
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
  protected abstract pool(x: Node, options: Pool2dOptions): Node;

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return [];
  }

  call(x: Node, _: CallContext): Node {
    return this.pool(x, { size: this.poolSize, stride: this.strides, padding: this.padding });
  }

  config(): LayerConfig {
    return { poolSize: this.poolSize, strides: this.strides, padding: this.padding };
  }
}

/** The largest value of each window; the pool size defaults to 2. */
export class MaxPooling2D extends Pooling2D {
  /** @internal */
  static override readonly name: string = 'MaxPooling2D';
  readonly className = 'MaxPooling2D';
  /** @internal */
  protected pool(x: Node, options: Pool2dOptions): Node {
    return maxPool2d(x, options);
  }
}

/** The mean of each window's pixels, padding left out; the pool size defaults to 2. */
export class AveragePooling2D extends Pooling2D {
  /** @internal */
  static override readonly name: string = 'AveragePooling2D';
  readonly className = 'AveragePooling2D';
  /** @internal */
  protected pool(x: Node, options: Pool2dOptions): Node {
    return avgPool2d(x, options);
  }
}

/** The mean over all pixels: [batch, height, width, channels] to [batch, channels]. */
export class GlobalAveragePooling2D extends Layer {
  readonly className = 'GlobalAveragePooling2D';

  constructor(options: LayerOptions = {}) {
    checkOptions('GlobalAveragePooling2D', options, LAYER_OPTIONS);
    super(options);
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return [];
  }

  call(x: Node): Node {
    return mean(x, [1, 2]);
  }

  config(): LayerConfig {
    return {};
  }
}
