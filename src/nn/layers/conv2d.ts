import { checkOptions } from '../../base/optionNames.ts';
import { type Padding, type Pair, pairOf, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import type { Regularizer } from '../regularizers.ts';
import { type ActivationName, activations } from './activations.ts';
import {
  type DenseOptions,
  KERNEL_OPTIONS,
  type KernelSettings,
  kernelAndBias,
  kernelConfig,
  kernelSettings,
} from './kernel.ts';
import {
  type CallContext,
  checkCount,
  checkPadding,
  expectImages,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `Conv2D`. */
export interface Conv2DOptions extends DenseOptions {
  /** Default 1. */
  readonly strides?: Pair;
  /** Default `valid`. */
  readonly padding?: Padding;
}

/**
 * Two-dimensional convolution: [batch, height, width, in] to [batch, height', width', filters]. Weights: kernel
 * [height, width, in, filters], bias [filters].
 */
export class Conv2D extends Layer {
  readonly className = 'Conv2D';
  readonly filters: number;
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding;
  readonly #options: KernelSettings;

  /**
   * @param filters channels of the output, at least 1
   * @param kernelSize [height, width], or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(filters: number, kernelSize: Pair, options: Conv2DOptions = {}) {
    checkOptions('Conv2D', options, { ...KERNEL_OPTIONS, strides: true, padding: true });
    super(options);
    checkCount('Conv2D', 'filters', filters);
    this.filters = filters;
    this.kernelSize = pairOf(kernelSize, 'Conv2D kernelSize');
    this.strides = pairOf(options.strides ?? 1, 'Conv2D strides');
    this.padding = checkPadding('Conv2D', options.padding ?? 'valid');
    this.#options = kernelSettings('Conv2D', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Conv2D {
    return new Conv2D(saved.whole('filters'), saved.pair('kernelSize'), {
      ...options,
      ...saved.kernelOptions(),
      ...saved.window(),
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
    return kernelAndBias([...this.kernelSize, input[2], this.filters], this.#options);
  }

  call(x: Tensor, { weights: [kernel, bias] }: CallContext): Tensor {
    const { strides: stride, padding } = this;
    return activations[this.#options.activation](x.conv2d(kernel, { bias, stride, padding }));
  }

  config(): LayerConfig {
    const { filters, kernelSize, strides, padding } = this;
    return { filters, kernelSize, strides, padding, ...kernelConfig(this.#options) };
  }
}
