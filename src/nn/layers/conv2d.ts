import { checkOptions } from '../../base/optionNames.ts';
import type { Pair, Shape } from '../../base/shape.ts';
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
import {
  checkGroups,
  inputsOfGroup,
  SLIDING_OPTIONS,
  SlidingLayer,
  type SlidingLayerOptions,
  slidingConfig,
} from './sliding.ts';

/** Options of `Conv2D`. */
export interface Conv2DOptions extends DenseOptions, SlidingLayerOptions {
  /** Into so many runs of neighbouring channels images and filters are divided; a filter sees its own run only. Default 1. */
  readonly groups?: number;
}

/**
 * Two-dimensional convolution: [batch, height, width, in] to [batch, height', width', filters]. Weights: kernel
 * [height, width, in / groups, filters], bias [filters].
 */
export class Conv2D extends SlidingLayer {
  readonly className = 'Conv2D';
  readonly filters: number;
  readonly groups: number;
  protected readonly settings: KernelSettings;

  /**
   * @param filters channels of the output, at least 1
   * @param kernelSize [height, width], or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(filters: number, kernelSize: Pair, options: Conv2DOptions = {}) {
    checkOptions('Conv2D', options, { ...KERNEL_OPTIONS, ...SLIDING_OPTIONS, groups: true });
    super('Conv2D', kernelSize, options);
    checkCount('Conv2D', 'filters', filters);
    this.filters = filters;
    this.groups = checkGroups('Conv2D', options.groups, filters);
    this.settings = kernelSettings('Conv2D', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Conv2D {
    return new Conv2D(saved.whole('filters'), saved.pair('kernelSize'), {
      ...options,
      ...saved.kernelOptions(),
      ...saved.sliding(),
      ...saved.groups(),
    });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    const inputs = inputsOfGroup(input, this.groups, `Layer '${name}' (Conv2D)`);
    return kernelAndBias([...this.kernelSize, inputs, this.filters], this.settings);
  }

  call(x: Tensor, { weights: [kernel, bias] }: CallContext): Tensor {
    const { strides, padding, dilationRate, groups } = this;
    return this.activated(x.conv2d(kernel, { bias, strides, padding, dilationRate, groups }));
  }

  config(): LayerConfig {
    const { filters, kernelSize, groups } = this;
    return { filters, kernelSize, ...slidingConfig(this), groups, ...kernelConfig(this.settings) };
  }
}
