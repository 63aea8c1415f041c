/** What a layer is: its weights and what it computes. Layers hold no values; the model does. */

import { checkNumber, flagOf } from '../../base/checks.ts';
import { describe } from '../../base/describe.ts';
import { ArgumentError, ShapeError } from '../../base/errors.ts';
import { checkName } from '../../base/optionNames.ts';
import { printable } from '../../base/printable.ts';
import { formatShape, frozen, type Padding, type Shape } from '../../base/shape.ts';
import { dataNode } from '../../ops/leaf.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { Initializer, InitializerName } from '../initializers.ts';

/** A weight that a layer asks for. */
export interface WeightSpec {
  /** `kernel`, `bias`, `gamma`, ... */
  readonly name: string;
  /** Extents, the first one outermost. */
  readonly shape: Shape;
  /** Draws its first values. */
  readonly initializer: Initializer;
  /** False for what is not learnt by gradients, such as moving averages; of a frozen layer nothing is, whatever this says. */
  readonly trainable: boolean;
}

/** What a layer is called with beside its inputs. */
export interface CallContext {
  /** False in evaluation and prediction. */
  readonly training: boolean;
  /** False where the layer is frozen (`layer.trainable`); left out: true. What a frozen layer gives to `update` is not taken. */
  readonly trainable?: boolean;
  /** The layer's weights, in the order of its specs. */
  readonly weights: readonly Tensor[];
  /** Tells this layer's random draws from all others'. */
  readonly randomKey: number;
  /** Gives a weight that is not trainable a new value at the end of the training step. */
  update(weight: Tensor, value: Tensor): void;
}

/** A setting that can be saved. */
export type ConfigValue = string | number | boolean | null | readonly number[] | undefined;
/** A layer's settings by name, as they are saved. */
export type LayerConfig = Readonly<Record<string, ConfigValue>>;

/** Options of every layer. */
export interface LayerOptions {
  /** Default: the class's name and a number, as in Keras: `conv2d`, `conv2d_1`. */
  readonly name?: string;
  /** Without the batch dimension; only on the first layer. */
  readonly inputShape?: Shape;
  /** False: the layer is frozen, see `Layer.trainable`. Default true. */
  readonly trainable?: boolean;
}

/** Names of the options of every layer. */
export const LAYER_OPTIONS = { name: true, inputShape: true, trainable: true } as const;

/**
 * Base of all layers. Shapes here leave out the batch dimension. A layer is a description: models that are made of the same
 * layer objects have weights of their own, other than in Keras.
 */
export abstract class Layer {
  /** Keras' class name. */
  abstract readonly className: string;
  /** The name that was asked for; null: the model names it. */
  readonly givenName: string | null;
  /** Shape of one example, where this layer was told. */
  readonly inputShape: Shape | null;
  #trainable: boolean;

  constructor({ name, inputShape, trainable = true }: LayerOptions = {}) {
    if (name !== undefined && (typeof name !== 'string' || name === '' || printable(name) !== name)) {
      throw new ArgumentError(
        `A layer's name must be a text without control characters, got ${describe(name)}. Leave it out for Keras' name.`,
      );
    }
    if (inputShape !== undefined) checkInputShape(inputShape, name === undefined ? 'A layer' : `Layer '${name}'`);
    this.givenName = name ?? null;
    this.inputShape = inputShape === undefined ? null : frozen(inputShape);
    this.#trainable = flagOf(trainable, name === undefined ? 'A layer' : `Layer '${name}'`, 'trainable');
  }

  /**
   * Whether training changes the layer's weights; default true. Set to false, the layer is frozen: none of its weights changes,
   * nor their moving averages, the optimizer keeps nothing for them, and no gradient is computed for them, nor for what lies
   * before the first layer that is not frozen. As in Keras, a frozen BatchNormalization normalises by its moving averages in
   * training as well, while a frozen Dropout still drops. Takes effect when the next `fit` or `trainOnBatch` begins, with or
   * without `compile`; the optimizer then begins afresh. It is saved with the model. A layer that calls others in its own
   * `call` is frozen as a whole.
   * @throws ArgumentError for anything but true or false
   */
  get trainable(): boolean {
    return this.#trainable;
  }

  /** @throws ArgumentError where it is not a boolean */
  set trainable(value: boolean) {
    this.#trainable = flagOf(value, this.className, 'trainable');
  }

  /** The weights for inputs of this shape; throws a ShapeError that names the layer when they do not fit. */
  weights(_input: Shape, _name: string): readonly WeightSpec[] {
    return [];
  }

  /** The output [batch, ...] for inputs [batch, ...], both float32. */
  abstract call(x: Tensor, context: CallContext): Tensor;

  /** What messages call it, whatever a minifier makes of the class. @internal */
  get [Symbol.toStringTag](): string {
    return this.className;
  }

  /**
   * Shape of one output for inputs of this shape, both without the batch: `new Conv2D(8, 3).computeOutputShape([32, 32, 3])` is
   * [30, 30, 8].
   * @throws ShapeError where the layer does not fit such inputs
   */
  computeOutputShape(inputShape: Shape): Shape {
    const name = this.givenName ?? this.className;
    checkInputShape(inputShape, `Layer '${name}'`);
    // Shapes are all that is asked of these tensors.
    const blank = (shape: Shape): Tensor => new Tensor(dataNode(new Float32Array(0), shape));
    const weights = this.weights(inputShape, name).map(({ shape }) => blank(shape));
    const output = this.call(blank([1, ...inputShape]), { training: false, weights, randomKey: 0, update: () => {} });
    return frozen(output.shape.slice(1));
  }

  /** The settings that make an equal layer. */
  abstract config(): LayerConfig;
}

/** A weight's initialiser, by Keras' name or as a function. */
export type InitializerLike = InitializerName | Initializer;

/** Throws unless a shape is that of one example. */
export function checkInputShape(inputShape: Shape, who: string): void {
  const given: unknown = inputShape;
  if (!Array.isArray(given)) {
    throw new ArgumentError(
      `${who}: inputShape must be an array of extents, got ${describe(given)}. Write [784] or [28, 28, 1], without the batch.`,
    );
  }
  if (given.every((extent) => Number.isSafeInteger(extent) && extent >= 1)) return;
  throw new ShapeError(
    `${who}: inputShape must hold whole numbers of at least 1, got [${given.map(String).join(', ')}]. ` +
      'Leave out the batch dimension and fix all others.',
  );
}

/** Throws unless a layer's count is a whole number of at least 1. */
export function checkCount(who: string, name: string, value: number): void {
  const fits = (n: number): boolean => Number.isSafeInteger(n) && n >= 1;
  checkNumber(who, name, value, 'a whole number of at least 1', fits, `Fix the layer's ${name}.`);
}

/** Throws unless a setting is a finite number of which `fits` holds; `range` says so in words. */
export function checkFinite(who: string, name: string, value: number, range = '', fits = (_: number) => true): void {
  checkNumber(who, name, value, `a finite number${range}`, fits, `Fix the layer's ${name}.`);
}

export const PADDINGS = ['same', 'valid'] as const;

export const checkPadding = (who: string, padding: Padding): Padding => checkName(who, 'padding', padding, PADDINGS);

/** Throws unless the inputs are images. */
export function expectImages(input: Shape, name: string, className: string): void {
  if (input.length === 3) return;
  throw new ShapeError(
    `Layer '${name}' (${className}) expects images [batch, height, width, channels], got ${formatShape(input)} an example. ` +
      `Add a Reshape before it, for example to [${input[0] ?? 1}, ${input[1] ?? 1}, 1].`,
  );
}
