import { checkOptions } from '../../base/optionNames.ts';
import type { Pair, Shape } from '../../base/shape.ts';
import { separableConv2d } from '../../tensor/convolutions.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Regularizer } from '../regularizers.ts';
import { DEPTHWISE_OPTIONS, type DepthwiseConv2DOptions } from './depthwiseConv2d.ts';
import {
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
import { SlidingLayer, slidingConfig } from './sliding.ts';

/** Options of `SeparableConv2D`. */
export interface SeparableConv2DOptions extends DepthwiseConv2DOptions {
  /** Default `glorotUniform`. */
  readonly pointwiseInitializer?: InitializerLike;
  /** Penalty of the pointwise kernel, added to the loss; default none. */
  readonly pointwiseRegularizer?: Regularizer | null;
}

const OPTIONS = { ...DEPTHWISE_OPTIONS, pointwiseInitializer: true, pointwiseRegularizer: true } as const;

/** Penalties of the two kernels. */
const REGULARIZERS = ['depthwiseRegularizer', 'pointwiseRegularizer'] as const;

/**
 * A convolution of each channel by itself, and one of 1×1 that mixes the channels: [batch, height, width, in] to
 * [batch, height', width', filters]. Weights: depthwiseKernel [height, width, in, depthMultiplier], pointwiseKernel
 * [1, 1, in * depthMultiplier, filters], bias [filters].
 */
export class SeparableConv2D extends SlidingLayer<BiasSettings> {
  readonly className = 'SeparableConv2D';
  readonly filters: number;
  readonly depthMultiplier: number;
  readonly #depthwise: InitializerLike;
  readonly #pointwise: InitializerLike;
  readonly #regularizers: Readonly<Record<(typeof REGULARIZERS)[number], Regularizer | null>>;
  protected readonly settings: BiasSettings;

  /**
   * @param filters channels of the output, at least 1
   * @param kernelSize [height, width], or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(filters: number, kernelSize: Pair, options: SeparableConv2DOptions = {}) {
    checkOptions('SeparableConv2D', options, OPTIONS);
    super('SeparableConv2D', kernelSize, options);
    checkCount('SeparableConv2D', 'filters', filters);
    this.filters = filters;
    this.depthMultiplier = options.depthMultiplier ?? 1;
    checkCount('SeparableConv2D', 'depthMultiplier', this.depthMultiplier);
    const initializer = (name: 'depthwiseInitializer' | 'pointwiseInitializer'): InitializerLike =>
      checkInitializer('SeparableConv2D', name, options[name]);
    this.#depthwise = initializer('depthwiseInitializer');
    this.#pointwise = initializer('pointwiseInitializer');
    const regularizer = (name: (typeof REGULARIZERS)[number]): Regularizer | null =>
      checkRegularizer('SeparableConv2D', name, options[name]);
    this.#regularizers = {
      depthwiseRegularizer: regularizer('depthwiseRegularizer'),
      pointwiseRegularizer: regularizer('pointwiseRegularizer'),
    };
    this.settings = biasSettings('SeparableConv2D', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): SeparableConv2D {
    return new SeparableConv2D(saved.whole('filters'), saved.pair('kernelSize'), {
      ...options,
      ...saved.biasOptions(),
      ...saved.sliding(),
      depthMultiplier: saved.whole('depthMultiplier'),
      depthwiseInitializer: saved.initializer('depthwiseInitializer'),
      pointwiseInitializer: saved.initializer('pointwiseInitializer'),
      ...saved.regularizers(REGULARIZERS),
    });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    const { kernelSize, depthMultiplier, filters } = this;
    const { depthwiseRegularizer, pointwiseRegularizer } = this.#regularizers;
    return [
      learnt('depthwiseKernel', [...kernelSize, input[2], depthMultiplier], this.#depthwise, depthwiseRegularizer),
      learnt('pointwiseKernel', [1, 1, input[2] * depthMultiplier, filters], this.#pointwise, pointwiseRegularizer),
      ...biasOf(filters, this.settings),
    ];
  }

  call(x: Tensor, { weights: [depthwise, pointwise, bias] }: CallContext): Tensor {
    const { strides, padding, dilationRate } = this;
    const y = separableConv2d(x, depthwise, pointwise, { bias, strides, padding, dilationRate });
    return this.activated(y);
  }

  config(): LayerConfig {
    const { filters, kernelSize, depthMultiplier } = this;
    return {
      ...{ filters, kernelSize },
      ...slidingConfig(this),
      depthMultiplier,
      depthwiseInitializer: initializerName(this.#depthwise),
      pointwiseInitializer: initializerName(this.#pointwise),
      ...regularizerConfig(REGULARIZERS, this.#regularizers),
      ...biasConfig(this.settings),
    };
  }
}
