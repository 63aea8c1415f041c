import { checkOptions } from '../../base/optionNames.ts';
import { type Padding, type Pair, pairOf, type Shape } from '../../base/shape.ts';
import type { Node } from '../../ir/op.ts';
import { conv2d } from '../../ops/conv2d.ts';
import { type ActivationName, activations, checkActivation } from './activations.ts';
import {
  type CallContext,
  checkCount,
  checkInitializer,
  checkPadding,
  expectImages,
  type InitializerLike,
  initializerName,
  kernelAndBias,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';

/** Options of `Conv2D`. */
export interface Conv2DOptions extends LayerOptions {
  /** Default 1. */
  readonly strides?: Pair;
  /** Default `valid`. */
  readonly padding?: Padding;
  /** Default `linear`: none. */
  readonly activation?: ActivationName;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike;
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike;
}

const OPTIONS = {
  ...LAYER_OPTIONS,
  strides: true,
  padding: true,
  activation: true,
  useBias: true,
  kernelInitializer: true,
  biasInitializer: true,
} as const;

/**
 * Two-dimensional convolution: [batch, height, width, in] to [batch, height', width', filters]. Weights: kernel
 * [height, width, in, filters], bias [filters].
 */
export class Conv2D extends Layer {
  readonly className = 'Conv2D';
  readonly filters: number;
  readonly kernelSize: readonly [number, number];
  readonly #options: Required<Omit<Conv2DOptions, keyof LayerOptions | 'strides'>> & {
    readonly strides: readonly [number, number];
  };

  /**
   * @param filters channels of the output, at least 1
   * @param kernelSize [height, width], or one number for both
   * @throws ArgumentError for an argument outside its range
   */
  constructor(filters: number, kernelSize: Pair, options: Conv2DOptions = {}) {
    checkOptions('Conv2D', options, OPTIONS);
    super(options);
    checkCount('Conv2D', 'filters', filters);
    this.filters = filters;
    this.kernelSize = pairOf(kernelSize, 'Conv2D kernelSize');
    this.#options = {
      strides: pairOf(options.strides ?? 1, 'Conv2D strides'),
      padding: checkPadding('Conv2D', options.padding ?? 'valid'),
      activation: checkActivation(options.activation ?? 'linear', 'Conv2D'),
      useBias: options.useBias ?? true,
      kernelInitializer: checkInitializer('Conv2D', 'kernelInitializer', options.kernelInitializer ?? 'glorotUniform'),
      biasInitializer: checkInitializer('Conv2D', 'biasInitializer', options.biasInitializer ?? 'zeros'),
    };
  }

  get strides(): readonly [number, number] {
    return this.#options.strides;
  }

  get padding(): Padding {
    return this.#options.padding;
  }

  get activation(): ActivationName {
    return this.#options.activation;
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectImages(input, name, this.className);
    return kernelAndBias([...this.kernelSize, input[2], this.filters], this.#options);
  }

  call(x: Node, { weights: [kernel, bias] }: CallContext): Node {
    const { strides, padding, activation } = this.#options;
    return activations[activation](conv2d(x, kernel, { bias, stride: strides, padding }));
  }

  config(): LayerConfig {
    const { strides, padding, activation, useBias, kernelInitializer, biasInitializer } = this.#options;
    return {
      filters: this.filters,
      kernelSize: this.kernelSize,
      strides,
      padding,
      activation,
      useBias,
      kernelInitializer: initializerName(kernelInitializer),
      biasInitializer: initializerName(biasInitializer),
    };
  }
}
