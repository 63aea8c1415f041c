/** What a layer is: its weights and what it computes. Layers hold no values; the model does. */

import { checkNumber, flagOf } from '../../base/checks.ts';
import { describe } from '../../base/describe.ts';
import { ArgumentError, ShapeError, WgradError } from '../../base/errors.ts';
import { INSPECT, withSettings } from '../../base/inspect.ts';
import { checkName } from '../../base/optionNames.ts';
import { partError } from '../../base/partError.ts';
import { printable } from '../../base/printable.ts';
import { formatShape, frozen, type Padding, type Shape } from '../../base/shape.ts';
import { dataNode } from '../../ops/leaf.ts';
import { Tensor } from '../../tensor/tensor.ts';
import type { Initializer, InitializerName } from '../initializers.ts';
import type { Regularizer } from '../regularizers.ts';

/** What a layer takes or gives: one tensor, or several. */
export type LayerValues = Tensor | readonly Tensor[];

/** Any layer, whatever it takes and gives. */
export type AnyLayer = Layer<LayerValues, LayerValues>;

/** A weight that a layer asks for. */
export interface WeightSpec {
  /** `kernel`, `bias`, `gamma`, ... */
  readonly name: string;
  /** Extents, the first one outermost. */
  readonly shape: Shape;
  /** Draws its first values: a name or a function, as options of layers. */
  readonly initializer: InitializerLike;
  /** False for what is not learnt by gradients, such as moving averages; of a frozen layer nothing is, whatever this says. */
  readonly trainable: boolean;
  /** Penalty of the weight, added to the loss where the weight is learnt; default none. */
  readonly regularizer?: Regularizer | null;
}

/** What a layer is called with beside its inputs. */
export interface CallContext {
  /** False in evaluation and prediction. */
  readonly training: boolean;
  /** False where the layer is frozen (`layer.trainable`); left out: true. What a frozen layer gives to `update` is not taken. */
  readonly trainable?: boolean;
  /** The layer's weights, in the order of its specs. */
  readonly weights: readonly Tensor[];
  /**
   * Masks of the inputs, in their order: [batch, steps], 1 where a step is there and 0 where it is left out, or null for one that has
   * none. Left out: none has one. Only a layer that `supportsMasking` is given inputs with masks.
   */
  readonly masks?: readonly (Tensor | null)[];
  /** Tells this layer's random draws from all others'. */
  readonly randomKey: number;
  /**
   * Gives a weight that is not trainable a new value at the end of the training step. Applied again in the same step, the layer
   * finds that value among its weights, through which no gradient flows.
   */
  update(weight: Tensor, value: Tensor): void;
  /**
   * The output of a layer, or of a model, that this one holds: `apply(this.conv, x)`. Its weights are the model's, under this layer's
   * name: `block/conv2d/kernel`. Applied twice, it has one set of weights. Apply the same layers, in the same order, in training and
   * in evaluation.
   */
  apply<X extends LayerValues, Y extends LayerValues>(layer: Applicable<X, Y>, x: X): Y;
}

/** What a layer of one's own may apply: a layer, or a model. */
export type Applicable<X extends LayerValues, Y extends LayerValues> = Layer<X, Y> | LayerLike<X, Y>;

/** What is a layer when it is asked for one, as models are. */
export interface LayerLike<X extends LayerValues, Y extends LayerValues> {
  /** The layer. */
  asLayer(): AnyLayer;
  /** The outputs for a batch of inputs. */
  call(x: NoInfer<X>): Y;
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
 * layer objects have weights of their own, other than in Keras. Within one model, a layer that is applied several times has
 * one set of weights. A layer that takes or gives several tensors extends `Layer<readonly Tensor[]>` or
 * `Layer<Tensor, readonly Tensor[]>`.
 */
export abstract class Layer<X extends LayerValues = Tensor, Y extends LayerValues = Tensor> {
  /** Keras' class name. */
  abstract readonly className: string;
  /** The name that was asked for; null: the model names it. */
  readonly givenName: string | null;
  /** Shape of one example, where this layer was told. */
  readonly inputShape: Shape | null;
  #trainable: boolean;

  constructor({ name, inputShape, trainable = true }: LayerOptions = {}) {
    this.givenName = checkLayerName(name, 'A layer');
    const who = name === undefined ? 'A layer' : `Layer '${name}'`;
    if (inputShape !== undefined) checkInputShape(inputShape, who);
    this.inputShape = inputShape === undefined ? null : frozen(inputShape);
    this.#trainable = flagOf(trainable, who, 'trainable');
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

  /** Penalty of the layer's outputs, added to the loss as a mean over the examples; null for none. */
  get activityRegularizer(): Regularizer | null {
    return null;
  }

  /**
   * Whether the layer may be applied to steps of which some are left out, as `Embedding` with `maskZero` and `Masking` say. It then
   * uses the mask up (`masks` of its context), or hands it on (`computeMask`). Default false: a mask at its inputs is an error,
   * where Keras would warn and forget it.
   */
  get supportsMasking(): boolean {
    return false;
  }

  /**
   * The mask of the output, [batch, steps] of 0 and 1, or null for none. Asked of layers that `supportsMasking`; default: that of the
   * first input that has one, for layers that treat each step by itself.
   */
  computeMask(_x: X, masks: readonly (Tensor | null)[]): Tensor | null {
    return masks.find((mask) => mask !== null) ?? null;
  }

  /**
   * The weights for inputs of this shape; throws a ShapeError that names the layer when they do not fit. `inputs`: the shapes of
   * all inputs, of which the first argument is the first.
   */
  weights(_input: Shape, _name: string, _inputs?: readonly Shape[]): readonly WeightSpec[] {
    return [];
  }

  /** The output [batch, ...] for inputs [batch, ...], both float32. */
  abstract call(x: X, context: CallContext): Y;

  /**
   * The layer in a graph, on what `input` or another layer's `apply` gave: computes nothing, but knows its shape. A `Model` is
   * made of such values. Applied several times, the layer has one set of weights.
   * @throws ShapeError where the layer does not fit what it is applied to
   */
  apply(this: Layer<Tensor, Tensor>, x: SymbolicTensor): SymbolicTensor;
  apply(this: Layer<readonly Tensor[], Tensor>, x: readonly SymbolicTensor[]): SymbolicTensor;
  apply(this: Layer<Tensor, readonly Tensor[]>, x: SymbolicTensor): readonly SymbolicTensor[];
  apply(this: Layer<readonly Tensor[], readonly Tensor[]>, x: readonly SymbolicTensor[]): readonly SymbolicTensor[];
  apply(x: SymbolicTensor | readonly SymbolicTensor[]): SymbolicTensor | readonly SymbolicTensor[] {
    return applied(this, x);
  }

  /** Layers that it holds, as far as that is known before it is called. @internal */
  get held(): readonly AnyLayer[] {
    return [];
  }

  /** Whether its outputs have the masks that layers which it holds gave them. @internal */
  get masksWithin(): boolean {
    return false;
  }

  /** What messages call it, whatever a minifier makes of the class. @internal */
  get [Symbol.toStringTag](): string {
    return this.className;
  }

  /**
   * Shape of one output for inputs of this shape, both without the batch: `new Conv2D(8, 3).computeOutputShape([32, 32, 3])` is
   * [30, 30, 8].
   * @throws ShapeError where the layer does not fit such inputs
   */
  computeOutputShape(this: Layer<Tensor, Tensor>, inputShape: Shape): Shape {
    checkInputShape(inputShape, `Layer '${this.givenName ?? this.className}'`);
    return exampleShape(onBlanks(this, blank([1, ...inputShape])));
  }

  /** The settings that make an equal layer. */
  abstract config(): LayerConfig;

  /** `Conv2D(name: stem, filters: 16, kernelSize: [3, 3], ...)`: the name that was given, and what is set, initializers left out. */
  toString(): string {
    return withSettings(this.className, { name: this.givenName, ...this.config() });
  }

  /** What Node's `console.log` shows. @internal */
  [INSPECT](): string {
    return this.toString();
  }
}

/** A layer that computes each number by itself: what a mask says of its inputs holds for its outputs. */
export abstract class PointwiseLayer extends Layer {
  override get supportsMasking(): boolean {
    return true;
  }
}

/** Shapes are all that is asked of such a tensor. */
export const blank = (shape: Shape): Tensor => new Tensor(dataNode(new Float32Array(0), shape));

/** The shape of one example. */
export const exampleShape = ({ shape }: Tensor): Shape => frozen(shape.slice(1));

/** One value or several, as a list. */
export const listOf = <T>(values: T | readonly T[]): readonly T[] => (isList(values) ? values : [values]);

const isList = <T>(values: T | readonly T[]): values is readonly T[] => Array.isArray(values);

/**
 * What a layer makes of tensors that have shapes and no values; the layers that it holds included.
 * @param path names of those that hold it, a slash behind each
 * @throws what the layer throws, with its name
 */
export function onBlanks<X extends LayerValues, Y extends LayerValues>(layer: Layer<X, Y>, x: X, path = ''): Y {
  const shapes = listOf<Tensor>(x).map(exampleShape);
  const name = `${path}${layer.givenName ?? layer.className}`;
  return ofLayer(layer, name, shapes, () =>
    layer.call(x, {
      training: false,
      weights: layer.weights(shapes[0], name, shapes).map(({ shape }) => blank(shape)),
      randomKey: 0,
      update: () => {},
      apply: (held, inputs) => onBlanks(layerOf(held), inputs, `${name}/`),
    }),
  );
}

/** What `call` gives; an error that it throws names the layer, and where layers hold it the innermost one. */
export function ofLayer<T>({ className }: AnyLayer, name: string, shapes: readonly Shape[], call: () => T): T {
  try {
    return call();
  } catch (cause) {
    if (cause instanceof WgradError && cause.message.startsWith("Layer '")) throw cause;
    const given = shapes.map((shape) => formatShape(shape)).join(', ');
    throw partError(`Layer '${name}' (${className}), inputs ${given} an example`, cause);
  }
}

/** What `apply` within a layer is given, as a layer. */
export function layerOf<X extends LayerValues, Y extends LayerValues>(given: Applicable<X, Y>): Layer<X, Y> {
  const layer: unknown = given instanceof Object && 'asLayer' in given ? given.asLayer() : given;
  if (layer instanceof Layer) return layer;
  throw new ArgumentError(`apply: expected a layer or a model, got ${describe(given)}. Write apply(this.dense, x).`);
}

/** One layer in its place in a graph. */
export interface LayerCall {
  readonly layer: AnyLayer;
  /** As they were given: one, or a list. */
  readonly inputs: SymbolicTensor | readonly SymbolicTensor[];
}

/** A value of a graph: what `input` or a layer's `apply` gives. It has a shape and no numbers. */
export class SymbolicTensor {
  /** Without the batch dimension. */
  readonly shape: Shape;
  /** The name that an input was given, else null. */
  readonly givenName: string | null;
  /** What makes it; null for an input. @internal */
  readonly call: LayerCall | null;
  /** Which one of what that makes. @internal */
  readonly index: number;

  /** @internal */
  constructor(shape: Shape, call: LayerCall | null, givenName: string | null = null, index = 0) {
    this.shape = shape;
    this.call = call;
    this.index = index;
    this.givenName = givenName;
  }

  /** `SymbolicTensor([batch, 3])` */
  toString(): string {
    return `SymbolicTensor([${['batch', ...this.shape].join(', ')}])`;
  }

  /** What Node's `console.log` shows. @internal */
  [INSPECT](): string {
    return this.toString();
  }
}

/** A layer on values of a graph: `Layer.apply`, whatever the layer takes. */
export function applied(
  layer: AnyLayer,
  inputs: SymbolicTensor | readonly SymbolicTensor[],
): SymbolicTensor | readonly SymbolicTensor[] {
  const name = layer.givenName ?? layer.className;
  const blanks = listOf(inputs).map((one: unknown) => {
    if (one instanceof SymbolicTensor) return blank([1, ...one.shape]);
    throw new ArgumentError(
      `Layer '${name}': apply expects what input() or apply gives, got ${describe(one)}. Write layer.apply(input([32, 32, 3])), and within a layer's call context.apply(layer, x).`,
    );
  });
  const call = { layer, inputs: Array.isArray(inputs) ? [...inputs] : inputs };
  const made = onBlanks(layer, Array.isArray(inputs) ? blanks : blanks[0]);
  const values = listOf<Tensor>(made).map((one, at) => new SymbolicTensor(exampleShape(one), call, null, at));
  return Array.isArray(made) ? values : values[0];
}

/** A weight's initialiser, by Keras' name or as a function. */
export type InitializerLike = InitializerName | Initializer;

/** A name that was given, or null; messages and files have it as it is. */
export function checkLayerName(name: string | undefined, who: string): string | null {
  if (name === undefined) return null;
  if (typeof name === 'string' && name !== '' && printable(name) === name) return name;
  throw new ArgumentError(
    `${who}'s name must be a text without control characters, got ${describe(name)}. Leave it out for Keras' name.`,
  );
}

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
