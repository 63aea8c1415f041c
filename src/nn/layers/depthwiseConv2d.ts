import { checkOptions } from '../../base/optionNames.ts';
import { type Margins, type Padding, type Pair, pairOf, type Shape } from '../../base/shape.ts';
import { depthwiseConv2d } from '../../tensor/convolutions.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Regularizer } from '../regularizers.ts';
import { type ActivationName, activations } from './activations.ts';
import {
  BIAS_OPTIONS,
  type BiasOptions,
  type BiasSettings,
  biasConfig,
  biasOf,
  biasSettings,
  checkInitializer,
  initializerName,
  learnt,
} from './kernel.ts';
import {
  type CallContext,
  checkCount,
  expectImages,
  type InitializerLike,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';
import { SLIDING_OPTIONS, type SlidingLayerOptions, slidingConfig, slidingOf } from './sliding.ts';

/** Options of `DepthwiseConv2D`. */
export interface DepthwiseConv2DOptions extends BiasOptions, SlidingLayerOptions {
  /** Results of each channel, default 1. */
  readonly depthMultiplier?: number;
  /** Default `glorotUniform`. */
  readonly depthwiseInitializer?: InitializerLike;
}

const OPTIONS = { ...BIAS_OPTIONS, ...SLIDING_OPTIONS, depthMultiplier: true, depthwiseInitializer: true } as const;

/**
 * Convolution of each channel by itself: [batch, height, width, channels] to
 * [batch, height', width', channels * depthMultiplier], the results of a channel side by side. Weights: kernel
 * [height, width, channels, depthMultiplier], bias [channels * depthMultiplier].
 */
export class DepthwiseConv2D extends Layer {
  readonly className = 'DepthwiseConv2D';
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding | readonly [Margins, Margins];
  readonly dilationRate: readonly [number, number];
  readonly depthMultiplier: number;
  readonly #initializer: InitializerLike;
  readonly #options: BiasSettings;

  /**
   * @param kernelSize [height, width], or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(kernelSize: Pair, options: DepthwiseConv2DOptions = {}) {
    checkOptions('DepthwiseConv2D', options, OPTIONS);
    super(options);
    this.kernelSize = pairOf(kernelSize, 'DepthwiseConv2D kernelSize');
    const { strides, padding, dilationRate } = slidingOf('DepthwiseConv2D', options);
    this.strides = strides;
    this.padding = padding;
    this.dilationRate = dilationRate;
    this.depthMultiplier = options.depthMultiplier ?? 1;
    checkCount('DepthwiseConv2D', 'depthMultiplier', this.depthMultiplier);
    this.#initializer = checkInitializer('DepthwiseConv2D', 'depthwiseInitializer', options.depthwiseInitializer);
    this.#options = biasSettings('DepthwiseConv2D', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): DepthwiseConv2D {
    return new DepthwiseConv2D(saved.pair('kernelSize'), {
      ...options,
      ...saved.biasOptions(),
      ...saved.sliding(),
      depthMultiplier: saved.whole('depthMultiplier'),
      depthwiseInitializer: saved.initializer('depthwiseInitializer'),
    });
  }

  get activation(): ActivationName {
    return this.#options.activation;
  }

  override get activityRegularizer(): Regularizer | null {
    return this.#options.activityRegularizer;
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    const shape = [...this.kernelSize, input[2], this.depthMultiplier];
    return [learnt('kernel', shape, this.#initializer), ...biasOf(input[2] * this.depthMultiplier, this.#options)];
  }

  call(x: Tensor, { weights: [kernel, bias] }: CallContext): Tensor {
    const { strides, padding, dilationRate } = this;
    return activations[this.#options.activation](depthwiseConv2d(x, kernel, { bias, strides, padding, dilationRate }));
  }

  config(): LayerConfig {
    return {
      kernelSize: this.kernelSize,
      ...slidingConfig(this),
      depthMultiplier: this.depthMultiplier,
      depthwiseInitializer: initializerName(this.#initializer),
      ...biasConfig(this.#options),
    };
  }
}
