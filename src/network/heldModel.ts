/** A model within another one. */

import { ShapeError } from '../base/errors.ts';
import { formatShape, type Shape, sameShape } from '../base/shape.ts';
import {
  type AnyLayer,
  type CallContext,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type LayerValues,
  listOf,
  type WeightSpec,
} from '../nn/layers/layer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Composition } from './composition.ts';
import type { Network } from './network.ts';

/** How a model's inputs or outputs are given: one tensor, a list, or a record by names. */
export type Form = 'one' | 'list' | 'record';

/** The model itself, or what a file has of it. */
export interface ModelSource {
  readonly className: string;
  /** How it gives its outputs. */
  readonly gives: Form;
  layers(): readonly AnyLayer[];
  /** What it is made of, for inputs of these shapes. */
  compose(inputShapes: readonly Shape[]): Composition;
  /** That of its own, with which the weights begin; null: they are drawn. */
  network(): Network | null;
}

/** What stands for a model where it is used as a layer. Its layers are those of the model: freezing one freezes it in both. */
export class HeldModel extends Layer<LayerValues, LayerValues> {
  readonly className: string;
  readonly #source: ModelSource;
  #composition: Composition | null = null;

  constructor(source: ModelSource, options: LayerOptions) {
    super(options);
    this.className = source.className;
    this.#source = source;
  }

  /** How it gives its outputs. */
  get gives(): Form {
    return this.#source.gives;
  }

  /** The network that its weights begin with, if there is one. */
  get origin(): Network | null {
    return this.#source.network();
  }

  /** Of one example each, where they are known already. */
  get inputShapes(): readonly Shape[] | null {
    return (this.#composition ?? this.origin?.composition)?.inputShapes ?? null;
  }

  /** Whether any of its layers is trained, as of the model; set, it is set in all of them. */
  override get trainable(): boolean {
    const layers = this.#source.layers();
    return layers.length === 0 || layers.some(({ trainable }) => trainable);
  }

  override set trainable(value: boolean) {
    for (const layer of this.#source.layers()) layer.trainable = value;
  }

  /** Known once the model was applied; what its layers are does not depend on to what. */
  get composition(): Composition {
    this.#composition ??= this.#source.compose([]);
    return this.#composition;
  }

  /** Names that its layers were given are no others'. */
  override get held(): readonly AnyLayer[] {
    return this.#source.layers();
  }

  /** Its layers say what they make of a mask. */
  override get supportsMasking(): boolean {
    return true;
  }

  override get masksWithin(): boolean {
    return true;
  }

  override weights(input: Shape, name: string, inputs: readonly Shape[] = [input]): WeightSpec[] {
    this.#composition ??= this.#source.compose(inputs);
    const { inputShapes } = this.#composition;
    if (inputs.length === inputShapes.length && inputs.every((shape, at) => sameShape(shape, inputShapes[at])))
      return [];
    const list = (shapes: readonly Shape[]): string => shapes.map((shape) => formatShape(shape)).join(', ');
    throw new ShapeError(
      `Layer '${name}' (${this.className}) expects inputs ${list(inputShapes)} an example, as it was built for, got ${list(inputs)}. Change what comes before it, or make a new ${this.className}.`,
    );
  }

  call(x: LayerValues, { apply }: CallContext): LayerValues {
    const outputs = this.composition.run<Tensor>(listOf<Tensor>(x), (layer: AnyLayer, values) => apply(layer, values));
    return this.gives === 'one' ? outputs[0] : outputs;
  }

  config(): LayerConfig {
    return {};
  }
}
