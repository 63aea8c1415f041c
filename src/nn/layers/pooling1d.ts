import type { Padding, Shape } from '../../base/shape.ts';
import { avgPool1d, maxPool1d, type Pool1dOptions } from '../../tensor/convolutions.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { checkCount, type LayerOptions, type WeightSpec } from './layer.ts';
import { Pooling } from './pooling.ts';
import type { SavedLayer } from './savedLayer.ts';
import { expectSequences } from './sequences.ts';

/** Options of the poolings of sequences. */
export interface Pooling1DOptions extends LayerOptions {
  /** Default: the pool size. */
  readonly strides?: number;
  /** Default `valid`. */
  readonly padding?: Padding;
}

abstract class Pooling1D extends Pooling<number, number> {
  /**
   * @param poolSize steps of the window
   * @throws ArgumentError for an argument outside its range
   */
  constructor(poolSize = 2, options: Pooling1DOptions = {}) {
    const who = new.target.name;
    super(who, poolSize, options, (size, name) => {
      checkCount(who, name, size);
      return size;
    });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectSequences(input, name, this.className);
    return [];
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
