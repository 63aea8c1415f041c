import { checkOptions } from '../../base/optionNames.ts';
import type { Pair, Shape } from '../../base/shape.ts';
import { depthwiseConv2d } from '../../tensor/convolutions.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Regularizer } from '../regularizers.ts';
import {
  BIAS_OPTIONS,
  type BiasOptions,
  type BiasSettings,
  biasConfig,
  biasOf,
  biasSettings,
  checkInitializer,
  checkRegularizer,
  initializerName,
  learnt,
  regularizerConfig,
} from './kernel.ts';
import {
  type CallContext,
  checkCount,
  expectImages,
  type InitializerLike,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';
import { SLIDING_OPTIONS, SlidingLayer, type SlidingLayerOptions, slidingConfig } from './sliding.ts';

/** Options of `DepthwiseConv2D`. */
export interface DepthwiseConv2DOptions extends BiasOptions, SlidingLayerOptions {
  /** Results of each channel, default 1. */
  readonly depthMultiplier?: number;
  /** Default `glorotUniform`. */
  readonly depthwiseInitializer?: InitializerLike;
  /** Penalty of the depthwise kernel, added to the loss; default none. */
  readonly depthwiseRegularizer?: Regularizer | null;
}

/** Names of the options. */
export const DEPTHWISE_OPTIONS = {
  ...BIAS_OPTIONS,
  ...SLIDING_OPTIONS,
  depthMultiplier: true,
  depthwiseInitializer: true,
  depthwiseRegularizer: true,
} as const;

/**
 * Convolution of each channel by itself: [batch, height, width, channels] to
 * [batch, height', width', channels * depthMultiplier], the results of a channel side by side. Weights: kernel
 * [height, width, channels, depthMultiplier], bias [channels * depthMultiplier].
 */
export class DepthwiseConv2D extends SlidingLayer<BiasSettings> {
  readonly className = 'DepthwiseConv2D';
  readonly depthMultiplier: number;
  readonly #initializer: InitializerLike;
  readonly #regularizer: Regularizer | null;
  protected readonly settings: BiasSettings;

  /**
   * @param kernelSize [height, width], or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(kernelSize: Pair, options: DepthwiseConv2DOptions = {}) {
    checkOptions('DepthwiseConv2D', options, DEPTHWISE_OPTIONS);
    super('DepthwiseConv2D', kernelSize, options);
    this.depthMultiplier = options.depthMultiplier ?? 1;
    checkCount('DepthwiseConv2D', 'depthMultiplier', this.depthMultiplier);
    this.#initializer = checkInitializer('DepthwiseConv2D', 'depthwiseInitializer', options.depthwiseInitializer);
    this.#regularizer = checkRegularizer('DepthwiseConv2D', 'depthwiseRegularizer', options.depthwiseRegularizer);
    this.settings = biasSettings('DepthwiseConv2D', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): DepthwiseConv2D {
    return new DepthwiseConv2D(saved.pair('kernelSize'), {
      ...options,
      ...saved.biasOptions(),
      ...saved.sliding(),
      depthMultiplier: saved.whole('depthMultiplier'),
      depthwiseInitializer: saved.initializer('depthwiseInitializer'),
      ...saved.regularizers(['depthwiseRegularizer']),
    });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    const shape = [...this.kernelSize, input[2], this.depthMultiplier];
    return [
      learnt('kernel', shape, this.#initializer, this.#regularizer),
      ...biasOf(input[2] * this.depthMultiplier, this.settings),
    ];
  }

  call(x: Tensor, { weights: [kernel, bias] }: CallContext): Tensor {
    const { strides, padding, dilationRate } = this;
    return this.activated(depthwiseConv2d(x, kernel, { bias, strides, padding, dilationRate }));
  }

  config(): LayerConfig {
    return {
      kernelSize: this.kernelSize,
      ...slidingConfig(this),
      depthMultiplier: this.depthMultiplier,
      depthwiseInitializer: initializerName(this.#initializer),
      ...regularizerConfig(['depthwiseRegularizer'], { depthwiseRegularizer: this.#regularizer }),
      ...biasConfig(this.settings),
    };
  }
}
