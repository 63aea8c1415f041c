import { checkOptions } from '../../base/optionNames.ts';
import type { Pair, Shape } from '../../base/shape.ts';
import { outputPaddingOf } from '../../ops/conv2dTranspose.ts';
import { conv2dTranspose } from '../../tensor/convolutions.ts';
import type { Tensor } from '../../tensor/tensor.ts';
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
  expectImages,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';
import { SLIDING_OPTIONS, SlidingLayer, type SlidingLayerOptions, slidingConfig } from './sliding.ts';

/** Options of `Conv2DTranspose`. */
export interface Conv2DTransposeOptions extends DenseOptions, SlidingLayerOptions {
  /**
   * Pixels behind the last one, [vertical, horizontal] or one number for both: fewer than the stride. Default null: Keras' sizes, of
   * `same` the input's times the stride.
   */
  readonly outputPadding?: Pair | null;
}

/**
 * Transposed convolution: every pixel lays its multiples of the kernel over the result, `strides` apart.
 * [batch, height, width, in] to [batch, height', width', filters]; padding takes away what it would add to a convolution. Weights:
 * kernel [height, width, filters, in], bias [filters].
 */
export class Conv2DTranspose extends SlidingLayer {
  readonly className = 'Conv2DTranspose';
  readonly filters: number;
  /** Null: Keras' sizes. */
  readonly outputPadding: readonly [number, number] | null;
  protected readonly settings: KernelSettings;

  /**
   * @param filters channels of the output, at least 1
   * @param kernelSize [height, width], or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(filters: number, kernelSize: Pair, options: Conv2DTransposeOptions = {}) {
    checkOptions('Conv2DTranspose', options, { ...KERNEL_OPTIONS, ...SLIDING_OPTIONS, outputPadding: true });
    super('Conv2DTranspose', kernelSize, options);
    checkCount('Conv2DTranspose', 'filters', filters);
    this.filters = filters;
    this.outputPadding = outputPaddingOf(options.outputPadding ?? undefined, this.strides, 'Conv2DTranspose');
    this.settings = kernelSettings('Conv2DTranspose', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Conv2DTranspose {
    return new Conv2DTranspose(saved.whole('filters'), saved.pair('kernelSize'), {
      ...options,
      ...saved.kernelOptions(),
      ...saved.sliding(),
      outputPadding: saved.isNull('outputPadding') ? null : saved.pair('outputPadding'),
    });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return kernelAndBias([...this.kernelSize, this.filters, input[2]], this.settings, this.filters);
  }

  call(x: Tensor, { weights: [kernel, bias] }: CallContext): Tensor {
    const { strides, padding, dilationRate } = this;
    const outputPadding = this.outputPadding ?? undefined;
    const y = conv2dTranspose(x, kernel, { bias, strides, padding, dilationRate, outputPadding });
    return this.activated(y);
  }

  config(): LayerConfig {
    const { filters, kernelSize, outputPadding } = this;
    return { filters, kernelSize, ...slidingConfig(this), outputPadding, ...kernelConfig(this.settings) };
  }
}
