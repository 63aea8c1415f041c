/** Layers that draw in training, beside `Dropout`; in evaluation they do nothing. */

import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { dropout } from '../../ops/elementwise.ts';
import { ones } from '../../tensor/creation.ts';
import { normal } from '../../tensor/draws.ts';
import { Tensor } from '../../tensor/tensor.ts';
import {
  type CallContext,
  checkFinite,
  expectImages,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  PointwiseLayer,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** In training adds normal noise of mean 0, other noise in every step; else does nothing. */
export class GaussianNoise extends PointwiseLayer {
  readonly className = 'GaussianNoise';
  readonly stddev: number;

  /**
   * @param stddev standard deviation of the noise, at least 0
   * @throws ArgumentError for an argument outside its range
   */
  constructor(stddev: number, options: LayerOptions = {}) {
    checkOptions('GaussianNoise', options, LAYER_OPTIONS);
    super(options);
    checkFinite('GaussianNoise', 'stddev', stddev, ' of at least 0', (value) => value >= 0);
    this.stddev = stddev;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): GaussianNoise {
    return new GaussianNoise(saved.number('stddev'), options);
  }

  call(x: Tensor, { training, randomKey }: CallContext): Tensor {
    if (!training || this.stddev === 0) return x;
    return x.add(normal(x.shape, { std: this.stddev, key: randomKey }));
  }

  config(): LayerConfig {
    return { stddev: this.stddev };
  }
}

/**
 * `Dropout` of whole channels, whose neighbouring pixels say too much of each other to be dropped one by one (Tompson et al.
 * 2015): [height, width, channels], the same.
 */
export class SpatialDropout2D extends Layer {
  readonly className = 'SpatialDropout2D';
  readonly rate: number;

  /**
   * @param rate share of the channels that is zeroed, in [0, 1]
   * @throws ArgumentError for an argument outside its range
   */
  constructor(rate: number, options: LayerOptions = {}) {
    checkOptions('SpatialDropout2D', options, LAYER_OPTIONS);
    super(options);
    const fits = (share: number): boolean => share >= 0 && share <= 1;
    checkFinite('SpatialDropout2D', 'rate', rate, ' in [0, 1], the share that is dropped', fits);
    this.rate = rate;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): SpatialDropout2D {
    return new SpatialDropout2D(saved.number('rate'), options);
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return [];
  }

  call(x: Tensor, { training, randomKey }: CallContext): Tensor {
    if (!training || this.rate === 0) return x;
    const [batch, , , channels] = x.shape;
    return x.mul(new Tensor(dropout(ones([batch, 1, 1, channels]).node, this.rate, randomKey)));
  }

  config(): LayerConfig {
    return { rate: this.rate };
  }
}
