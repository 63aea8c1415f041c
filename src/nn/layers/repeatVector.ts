import { ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { formatShape, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { checkCount, LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** [features] to [n, features]: the same row n times. */
export class RepeatVector extends Layer {
  readonly className = 'RepeatVector';
  readonly n: number;

  /**
   * @param n how many times, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(n: number, options: LayerOptions = {}) {
    checkOptions('RepeatVector', options, LAYER_OPTIONS);
    super(options);
    checkCount('RepeatVector', 'n', n);
    this.n = n;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): RepeatVector {
    return new RepeatVector(saved.whole('n'), options);
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    if (input.length === 1) return [];
    throw new ShapeError(
      `Layer '${name}' (RepeatVector) expects inputs [batch, features], got ${formatShape(input)} an example. Add a Flatten before it.`,
    );
  }

  call(x: Tensor): Tensor {
    const [batch, features] = x.shape;
    return x.reshape([batch, 1, features]).broadcastTo([batch, this.n, features]);
  }

  config(): LayerConfig {
    return { n: this.n };
  }
}
