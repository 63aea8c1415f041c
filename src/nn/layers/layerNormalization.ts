import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { standardizeOver } from '../../ops/standardize.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { axesOf, besideOthers, checkAxes, type LayerAxes } from './axes.ts';
import { type CallContext, Layer, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';
import {
  gammaAndBeta,
  NORMALIZING_OPTIONS,
  type NormalizingOptions,
  type NormalizingSettings,
  normalizingConfig,
  normalizingSettings,
  savedNormalizing,
  scaledAndCentered,
} from './scaleAndCenter.ts';

/** Options of `LayerNormalization`. */
export interface LayerNormalizationOptions extends NormalizingOptions {
  /** One axis of the inputs or several, with the batch as axis 0; default -1, the last. */
  readonly axis?: LayerAxes;
}

/**
 * gamma (x - mean) / sqrt(variance + epsilon) + beta, each example by itself, by mean and variance along `axis`, in training as
 * in evaluation (Ba, Kiros and Hinton 2016). Weights: gamma, beta, each [extents of the axes].
 */
export class LayerNormalization extends Layer {
  readonly className = 'LayerNormalization';
  readonly axis: LayerAxes;
  readonly #options: NormalizingSettings;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: LayerNormalizationOptions = {}) {
    checkOptions('LayerNormalization', options, { ...NORMALIZING_OPTIONS, axis: true });
    super(options);
    this.axis = checkAxes('LayerNormalization', options.axis ?? -1);
    this.#options = normalizingSettings('LayerNormalization', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): LayerNormalization {
    return new LayerNormalization({ ...options, ...savedNormalizing(saved), axis: saved.axes('axis') });
  }

  get epsilon(): number {
    return this.#options.epsilon;
  }

  /** Where no mean is taken over steps. */
  override get supportsMasking(): boolean {
    return [this.axis].flat().every((axis) => axis === -1 || axis >= 2);
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    const axes = axesOf(this.axis, input, name, this.className);
    return gammaAndBeta(
      axes.map((axis) => input[axis - 1]),
      this.#options,
    );
  }

  call({ node, shape }: Tensor, { weights }: CallContext): Tensor {
    const axes = axesOf(this.axis, shape.slice(1), this.className, this.className);
    const y = new Tensor(standardizeOver(node, axes, this.epsilon));
    return scaledAndCentered(y, weights, this.#options, besideOthers(axes, shape));
  }

  config(): LayerConfig {
    return { axis: this.axis, ...normalizingConfig(this.#options) };
  }
}
