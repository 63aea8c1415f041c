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

/** What stands for a model where it is used as a layer. Its layers are those of the model: freezing one freezes it in both. */
export class HeldModel extends Layer<LayerValues, LayerValues> {
  readonly className: string;
  /** How it gives its outputs. */
  readonly gives: Form;
  readonly #compose: (inputShapes: readonly Shape[]) => Composition;
  readonly #origin: () => Network | null;
  #composition: Composition | null = null;

  /**
   * @param compose what it is made of, for inputs of these shapes
   * @param origin the network that its weights begin with, if there is one; else they are drawn
   */
  constructor(
    className: string,
    gives: Form,
    options: LayerOptions,
    compose: (inputShapes: readonly Shape[]) => Composition,
    origin: () => Network | null = () => null,
  ) {
    super(options);
    this.className = className;
    this.gives = gives;
    this.#compose = compose;
    this.#origin = origin;
  }

  get origin(): Network | null {
    return this.#origin();
  }

  /** Known once the model was applied; what its layers are does not depend on to what. */
  get composition(): Composition {
    this.#composition ??= this.#compose([]);
    return this.#composition;
  }

  /** Names that its layers were given are no others'. */
  override get held(): readonly AnyLayer[] {
    return this.composition.layers;
  }

  override weights(input: Shape, name: string, inputs: readonly Shape[] = [input]): WeightSpec[] {
    this.#composition ??= this.#compose(inputs);
    const { inputShapes } = this.#composition;
    if (inputs.length === inputShapes.length && inputs.every((shape, at) => sameShape(shape, inputShapes[at])))
      return [];
    const list = (shapes: readonly Shape[]): string => shapes.map((shape) => formatShape(shape)).join(', ');
    throw new ShapeError(
      `Layer '${name}' (${this.className}) expects inputs ${list(inputShapes)} an example, as it was built for, got ${list(inputs)}. Apply it to such.`,
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
