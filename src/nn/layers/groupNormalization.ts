import { checkNumber } from '../../base/checks.ts';
import { ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { formatShape, type Shape } from '../../base/shape.ts';
import { reshape } from '../../ops/reshape.ts';
import { standardizeOver } from '../../ops/standardize.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { axesOf, besideOthers } from './axes.ts';
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

/** Options of `GroupNormalization`. */
export interface GroupNormalizationOptions extends NormalizingOptions {
  /** How many, a divisor of the number of channels; -1: each channel is one (instance normalisation). Default 32. */
  readonly groups?: number;
  /** The channels, with the batch as axis 0; default -1, the last. */
  readonly axis?: number;
}

/**
 * gamma (x - mean) / sqrt(variance + epsilon) + beta, by mean and variance of each example's groups of neighbouring channels over
 * all places, in training as in evaluation (Wu and He 2018). Weights: gamma, beta, each [channels].
 */
export class GroupNormalization extends Layer {
  readonly className = 'GroupNormalization';
  readonly groups: number;
  readonly axis: number;
  readonly #options: NormalizingSettings;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: GroupNormalizationOptions = {}) {
    const who = 'GroupNormalization';
    checkOptions(who, options, { ...NORMALIZING_OPTIONS, groups: true, axis: true });
    super(options);
    const { groups = 32, axis = -1 } = options;
    const fits = (n: number): boolean => Number.isSafeInteger(n) && (n >= 1 || n === -1);
    checkNumber(who, 'groups', groups, 'a whole number of at least 1, or -1', fits, 'Use -1 for a group a channel.');
    checkNumber(who, 'axis', axis, 'a whole number', Number.isSafeInteger, 'The last axis is -1.');
    this.groups = groups;
    this.axis = axis;
    this.#options = normalizingSettings(who, options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): GroupNormalization {
    const [groups, axis] = [saved.number('groups'), saved.number('axis')];
    return new GroupNormalization({ ...options, ...savedNormalizing(saved), groups, axis });
  }

  get epsilon(): number {
    return this.#options.epsilon;
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    const [axis] = axesOf(this.axis, input, name, this.className);
    const channels = input[axis - 1];
    if (this.groups !== -1 && channels % this.groups !== 0) {
      throw new ShapeError(
        `Layer '${name}' (GroupNormalization): the ${channels} channels of ${formatShape(input)} an example do not part into ` +
          `${this.groups} equal groups. Use a divisor of ${channels} as groups.`,
      );
    }
    return gammaAndBeta([channels], this.#options);
  }

  call({ node, shape }: Tensor, { weights }: CallContext): Tensor {
    const [axis] = axesOf(this.axis, shape.slice(1), this.className, this.className);
    const groups = this.groups === -1 ? shape[axis] : this.groups;
    // The groups become an axis of their own, after which each is an example.
    const apart = reshape(node, shape.toSpliced(axis, 1, groups, shape[axis] / groups));
    const together = [...apart.shape.keys()].filter((d) => d !== 0 && (d !== axis || groups === 1));
    const y = new Tensor(reshape(standardizeOver(apart, together, this.epsilon), shape));
    return scaledAndCentered(y, weights, this.#options, besideOthers([axis], shape));
  }

  config(): LayerConfig {
    return { groups: this.groups, axis: this.axis, ...normalizingConfig(this.#options) };
  }
}
