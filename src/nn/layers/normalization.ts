import { flagOf, refuse } from '../../base/checks.ts';
import { ArgumentError, ShapeError, StateError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { formatShape, frozen, type Shape, sizeOf } from '../../base/shape.ts';
import { asTensor, tensor } from '../../tensor/creation.ts';
import type { Tensor, TensorLike } from '../../tensor/tensor.ts';
import type { Initializer } from '../initializers.ts';
import { axesOf, besideOthers, checkAxes, type LayerAxes } from './axes.ts';
import {
  type CallContext,
  LAYER_OPTIONS,
  type LayerConfig,
  type LayerOptions,
  PointwiseLayer,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `Normalization`. */
export interface NormalizationOptions extends LayerOptions {
  /** Axes, with the batch as axis 0, each place of which has a mean and a variance of its own; null: one of all. Default -1. */
  readonly axis?: LayerAxes | null;
  /** What to take off, where it is known: a number, or one a place, in row-major order. Goes with `variance`. */
  readonly mean?: number | readonly number[];
  /** By whose root to divide, where it is known. Goes with `mean`. */
  readonly variance?: number | readonly number[];
  /** Go back: x deviation + mean. Default false. */
  readonly invert?: boolean;
}

/** Keras' least deviation: what does not vary is divided by it. */
const LEAST_DEVIATION = 1e-7;

const listOf = (value: number | readonly number[]): readonly number[] => (typeof value === 'number' ? [value] : value);

/**
 * (x - mean) / √variance, by the mean and variance of data that `adapt` was given, or of options: brings features of any scale to
 * one. Weights, not trainable, where the options have no mean: mean, variance, each [extents of the axes].
 */
export class Normalization extends PointwiseLayer {
  readonly className = 'Normalization';
  readonly axis: LayerAxes | null;
  readonly invert: boolean;
  /** What the options gave. @internal */
  readonly given: { readonly mean: readonly number[]; readonly variance: readonly number[] } | null;
  /** What `adapt` found, for weights of this shape. */
  #found: { readonly shape: Shape; readonly mean: Float32Array; readonly variance: Float32Array } | null = null;
  /** Whether a model has taken its weights' first values. */
  #drawn = false;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: NormalizationOptions = {}) {
    const who = 'Normalization';
    checkOptions(who, options, { ...LAYER_OPTIONS, axis: true, mean: true, variance: true, invert: true });
    super(options);
    const { axis = -1, mean, variance, invert = false } = options;
    this.axis = axis === null ? null : checkAxes(who, axis);
    this.invert = flagOf(invert, who, 'invert');
    if ((mean === undefined) !== (variance === undefined)) {
      throw new ArgumentError(
        `${who}: mean and variance go together, got one of them. Give both, or neither and call adapt.`,
      );
    }
    const numbers = (
      name: string,
      value: number | readonly number[],
      fits: (n: number) => boolean,
    ): readonly number[] => {
      const list = Array.isArray(value) ? value : [value];
      const must = `a finite number${name === 'variance' ? ' of at least 0' : ''}, or an array of such`;
      if (list.length === 0 || !list.every((n) => Number.isFinite(n) && fits(n)))
        refuse(who, name, must, value, 'Give one number a feature.');
      return frozen(listOf(value));
    };
    this.given =
      mean === undefined || variance === undefined
        ? null
        : { mean: numbers('mean', mean, () => true), variance: numbers('variance', variance, (n) => n >= 0) };
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Normalization {
    const given = (key: string): readonly number[] | undefined => (saved.isNull(key) ? undefined : saved.numbers(key));
    return new Normalization({
      ...options,
      axis: saved.isNull('axis') ? null : saved.axes('axis'),
      mean: given('mean'),
      variance: given('variance'),
      invert: saved.flag('invert'),
    });
  }

  /**
   * Takes mean and variance from data [examples, ...], computed on the GPU, over all axes but `axis`. Before a model is built with
   * the layer: then they are weights of the model, and are saved with it.
   * @throws StateError after a model was built with the layer, and where the options have a mean
   */
  async adapt(data: TensorLike): Promise<void> {
    const name = this.givenName ?? this.className;
    const who = `Layer '${name}' (Normalization): adapt`;
    if (this.given !== null) {
      throw new StateError(`${who} has nothing to do where mean and variance are given. Leave out these options.`);
    }
    if (this.#drawn) {
      throw new StateError(
        `${who} comes too late: a model was built with the layer and has its mean and variance. Adapt before, or use setWeights.`,
      );
    }
    const x = asTensor(data, who);
    if (x.shape.length === 0)
      throw new ShapeError(`${who} expects examples along the first axis, got a number. Give a tensor.`);
    const axes = this.#axesOf(x.shape.slice(1), name);
    const others = [...x.shape.keys()].filter((d) => !axes.includes(d));
    const [mean, variance] = await Promise.all(
      [x.mean(others), x.variance(others)].map(async (one) => Float32Array.from(await one.data())),
    );
    this.#found = { shape: axes.map((d) => x.shape[d]), mean, variance };
  }

  #axesOf(input: Shape, name: string): number[] {
    return this.axis === null ? [] : axesOf(this.axis, input, name, this.className);
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    const shape = this.#axesOf(input, name).map((axis) => input[axis - 1]);
    const size = sizeOf(shape);
    const problem = (has: string): ShapeError =>
      new ShapeError(
        `Layer '${name}' (Normalization): ${has}, but inputs ${formatShape(input)} an example need ${formatShape(shape)}. ` +
          'Give those of data like the inputs.',
      );
    if (this.given !== null) {
      for (const [what, { length }] of Object.entries(this.given)) {
        if (length !== 1 && length !== size) throw problem(`its ${what} has ${length} numbers`);
      }
      return [];
    }
    const found = this.#found;
    if (found !== null && formatShape(found.shape) !== formatShape(shape)) {
      throw problem(`it was adapted to data with statistics ${formatShape(found.shape)}`);
    }
    const fixed = (what: string, values: Float32Array): WeightSpec => {
      const initializer: Initializer = () => {
        this.#drawn = true;
        return values;
      };
      return { name: what, shape, initializer, trainable: false };
    };
    const { mean, variance } = found ?? { mean: new Float32Array(size), variance: new Float32Array(size).fill(1) };
    return [fixed('mean', mean), fixed('variance', variance)];
  }

  call(x: Tensor, { weights }: CallContext): Tensor {
    const shape = besideOthers(this.#axesOf(x.shape.slice(1), this.className), x.shape);
    const constant = (values: readonly number[]): Tensor =>
      values.length === 1 ? tensor(values, []) : tensor(values, shape);
    const [mean, variance] =
      this.given === null
        ? weights.map((weight) => weight.reshape(shape))
        : [constant(this.given.mean), constant(this.given.variance)];
    const deviation = variance.sqrt().maximum(LEAST_DEVIATION);
    return this.invert ? x.mul(deviation).add(mean) : x.sub(mean).div(deviation);
  }

  config(): LayerConfig {
    const { mean = null, variance = null } = this.given ?? {};
    return { axis: this.axis, mean, variance, invert: this.invert };
  }
}
