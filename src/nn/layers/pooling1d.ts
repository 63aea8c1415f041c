import { checkOptions } from '../../base/optionNames.ts';
import type { Padding, Shape } from '../../base/shape.ts';
import { avgPool1d, maxPool1d, type Pool1dOptions } from '../../tensor/convolutions.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import {
  type CallContext,
  checkCount,
  checkPadding,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';
import { expectSequences } from './sequences.ts';

/** Options of the poolings of sequences. */
export interface Pooling1DOptions extends LayerOptions {
  /** Default: the pool size. */
  readonly strides?: number;
  /** Default `valid`. */
  readonly padding?: Padding;
}

abstract class Pooling1D extends Layer {
  readonly poolSize: number;
  readonly strides: number;
  readonly padding: Padding;

  /**
   * @param poolSize steps of the window
   * @throws ArgumentError for an argument outside its range
   */
  constructor(poolSize = 2, options: Pooling1DOptions = {}) {
    const who = new.target.name;
    checkOptions(who, options, { ...LAYER_OPTIONS, strides: true, padding: true });
    super(options);
    this.poolSize = poolSize;
    this.strides = options.strides ?? poolSize;
    checkCount(who, 'poolSize', this.poolSize);
    checkCount(who, 'strides', this.strides);
    this.padding = checkPadding(who, options.padding ?? 'valid');
  }

  /** @internal */
  protected abstract pool(x: Tensor, options: Pool1dOptions): Tensor;

  override weights(input: Shape, name: string): WeightSpec[] {
    expectSequences(input, name, this.className);
    return [];
  }

  call(x: Tensor, _: CallContext): Tensor {
    return this.pool(x, { poolSize: this.poolSize, strides: this.strides, padding: this.padding });
  }

  config(): LayerConfig {
    return { poolSize: this.poolSize, strides: this.strides, padding: this.padding };
  }
}

/** The largest value of each window of steps; the pool size defaults to 2. */
export class MaxPooling1D extends Pooling1D {
  /** @internal */
  static override readonly name: string = 'MaxPooling1D';
  readonly className = 'MaxPooling1D';

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): MaxPooling1D {
    return new MaxPooling1D(saved.whole('poolSize'), { ...options, ...saved.steps() });
  }

  /** @internal */
  protected pool(x: Tensor, options: Pool1dOptions): Tensor {
    return maxPool1d(x, options);
  }
}

/** The mean of each window's steps, padding left out; the pool size defaults to 2. */
export class AveragePooling1D extends Pooling1D {
  /** @internal */
  static override readonly name: string = 'AveragePooling1D';
  readonly className = 'AveragePooling1D';

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): AveragePooling1D {
    return new AveragePooling1D(saved.whole('poolSize'), { ...options, ...saved.steps() });
  }

  /** @internal */
  protected pool(x: Tensor, options: Pool1dOptions): Tensor {
    return avgPool1d(x, options);
  }
}
