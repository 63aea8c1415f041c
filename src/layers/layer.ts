/** What a layer is: its weights and how it extends the graph. Layers hold no values; the model does. */

import { ArgumentError, ShapeError } from '../errors.ts';
import type { Node } from '../graph/node.ts';
import { type Initializer, type InitializerName, resolveInitializer } from '../initializers.ts';
import { formatShape, type Shape } from '../shape.ts';

export interface WeightSpec {
  /** `kernel`, `bias`, `gamma`, ... */
  readonly name: string;
  readonly shape: Shape;
  readonly initializer: Initializer;
  /** False for what is not learnt by gradients, such as moving averages. */
  readonly trainable: boolean;
}

/** The graph under construction around one call of a layer. */
export interface CallContext {
  readonly training: boolean;
  /** The layer's weights, in the order of its specs. */
  readonly weights: readonly Node[];
  /** Tells this layer's random draws from all others'. */
  readonly randomKey: number;
  /** Gives a weight that is not trainable a new value at the end of the training step. */
  update(weight: Node, value: Node): void;
}

/** A setting that can be saved. */
export type ConfigValue = string | number | boolean | null | readonly number[] | undefined;
export type LayerConfig = Readonly<Record<string, ConfigValue>>;

export interface LayerOptions {
  /** Default: the class's name and a number, as in Keras: `conv2d`, `conv2d_1`. */
  readonly name?: string;
  /** Without the batch dimension; only on the first layer. */
  readonly inputShape?: Shape;
}

/** Base of all layers. Shapes here leave out the batch dimension. */
export abstract class Layer {
  /** Keras' class name. */
  abstract readonly className: string;
  readonly givenName: string | null;
  readonly inputShape: Shape | null;

  constructor({ name, inputShape }: LayerOptions = {}) {
    this.givenName = name ?? null;
    this.inputShape = inputShape ?? null;
  }

  /** The weights for inputs of this shape; throws a ShapeError that names the layer when they do not fit. */
  weights(_input: Shape, _name: string): readonly WeightSpec[] {
    return [];
  }

  /** The output for inputs [batch, ...]. */
  abstract call(x: Node, context: CallContext): Node;

  /** The settings that make an equal layer. */
  abstract config(): LayerConfig;
}

/** A weight's initialiser, by Keras' name or as a function. */
export type InitializerLike = InitializerName | Initializer;

/** The name of an initialiser, for saving; a function has none that could be found again. */
export const initializerName = (value: InitializerLike): ConfigValue => (typeof value === 'string' ? value : null);

/** Throws unless a layer's count is a whole number of at least 1. */
export function checkCount(who: string, name: string, value: number): void {
  if (Number.isInteger(value) && value >= 1) return;
  throw new ArgumentError(
    `${who}: ${name} must be a whole number of at least 1, got ${value}. Fix the layer's ${name}.`,
  );
}

/** Throws unless the inputs are images. */
export function expectImages(input: Shape, name: string, className: string): void {
  if (input.length === 3) return;
  throw new ShapeError(
    `Layer '${name}' (${className}) expects images [batch, height, width, channels], got ${formatShape(input)} an example. ` +
      `Add a Reshape before it, for example to [${input[0] ?? 1}, ${input[1] ?? 1}, 1].`,
  );
}

/** The weights of a layer that multiplies by a kernel [..., out] and may add a bias [out]. */
export function kernelAndBias(
  shape: Shape,
  options: {
    readonly useBias: boolean;
    readonly kernelInitializer: InitializerLike;
    readonly biasInitializer: InitializerLike;
  },
): WeightSpec[] {
  const [kernelInitializer, biasInitializer] = [options.kernelInitializer, options.biasInitializer].map(
    resolveInitializer,
  );
  const kernel: WeightSpec = { name: 'kernel', shape, initializer: kernelInitializer, trainable: true };
  const bias: WeightSpec = { name: 'bias', shape: shape.slice(-1), initializer: biasInitializer, trainable: true };
  return options.useBias ? [kernel, bias] : [kernel];
}
