/** Activations with settings of their own, as layers. */

import { checkOptions } from '../../base/optionNames.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { checkFinite, LAYER_OPTIONS, type LayerConfig, type LayerOptions, PointwiseLayer } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `ReLU`. */
export interface ReLUOptions extends LayerOptions {
  /** The largest output, at least 0; default null: there is none. */
  readonly maxValue?: number | null;
  /** Slope below the threshold, at least 0; default 0. */
  readonly negativeSlope?: number;
  /** From here on x stays x, at least 0; default 0. */
  readonly threshold?: number;
}

const atLeast0 = (value: number): boolean => value >= 0;

/** x from `threshold` on, but at most `maxValue`; below it negativeSlope (x - threshold). */
export class ReLU extends PointwiseLayer {
  readonly className = 'ReLU';
  readonly maxValue: number | null;
  readonly negativeSlope: number;
  readonly threshold: number;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: ReLUOptions = {}) {
    checkOptions('ReLU', options, { ...LAYER_OPTIONS, maxValue: true, negativeSlope: true, threshold: true });
    super(options);
    const { maxValue = null, negativeSlope = 0, threshold = 0 } = options;
    if (maxValue !== null) checkFinite('ReLU', 'maxValue', maxValue, ' of at least 0, or null', atLeast0);
    checkFinite('ReLU', 'negativeSlope', negativeSlope, ' of at least 0', atLeast0);
    checkFinite('ReLU', 'threshold', threshold, ' of at least 0', atLeast0);
    this.maxValue = maxValue;
    this.negativeSlope = negativeSlope;
    this.threshold = threshold;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): ReLU {
    return new ReLU({
      ...options,
      maxValue: saved.numberOrNull('maxValue'),
      negativeSlope: saved.number('negativeSlope'),
      threshold: saved.number('threshold'),
    });
  }

  call(x: Tensor): Tensor {
    const { maxValue, negativeSlope, threshold } = this;
    const below = negativeSlope === 0 ? 0 : x.sub(threshold).mul(negativeSlope);
    const y = negativeSlope === 0 && threshold === 0 ? x.relu() : x.less(threshold).where(below, x);
    return maxValue === null ? y : y.minimum(maxValue);
  }

  config(): LayerConfig {
    const { maxValue, negativeSlope, threshold } = this;
    return { maxValue, negativeSlope, threshold };
  }
}

/** x, or negativeSlope x below 0. */
export class LeakyReLU extends PointwiseLayer {
  readonly className = 'LeakyReLU';
  readonly negativeSlope: number;

  /** @throws ArgumentError for an option outside its range */
  constructor(
    options: LayerOptions & {
      /** At least 0; default 0.3, Keras' of this layer: that of the activation `leakyRelu` is 0.2. */
      readonly negativeSlope?: number;
    } = {},
  ) {
    checkOptions('LeakyReLU', options, { ...LAYER_OPTIONS, negativeSlope: true });
    super(options);
    const { negativeSlope = 0.3 } = options;
    checkFinite('LeakyReLU', 'negativeSlope', negativeSlope, ' of at least 0', atLeast0);
    this.negativeSlope = negativeSlope;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): LeakyReLU {
    return new LeakyReLU({ ...options, negativeSlope: saved.number('negativeSlope') });
  }

  call(x: Tensor): Tensor {
    return x.leakyRelu(this.negativeSlope);
  }

  config(): LayerConfig {
    return { negativeSlope: this.negativeSlope };
  }
}

/** x, or alpha (e^x - 1) below 0 (Clevert et al. 2015). */
export class ELU extends PointwiseLayer {
  readonly className = 'ELU';
  readonly alpha: number;

  /** @throws ArgumentError for an option outside its range */
  constructor(
    options: LayerOptions & {
      /** A finite number; default 1. */
      readonly alpha?: number;
    } = {},
  ) {
    checkOptions('ELU', options, { ...LAYER_OPTIONS, alpha: true });
    super(options);
    const { alpha = 1 } = options;
    checkFinite('ELU', 'alpha', alpha);
    this.alpha = alpha;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): ELU {
    return new ELU({ ...options, alpha: saved.number('alpha') });
  }

  call(x: Tensor): Tensor {
    return x.elu(this.alpha);
  }

  config(): LayerConfig {
    return { alpha: this.alpha };
  }
}
