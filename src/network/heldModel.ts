/** A model within another one. */

import {
  type AnyLayer,
  type CallContext,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type LayerValues,
  listOf,
} from '../nn/layers/layer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import type { Composition } from './composition.ts';
import type { Network } from './network.ts';

/** How a model's inputs or outputs are given: one tensor, a list, or a record by names. */
export type Form = 'one' | 'list' | 'record';

/** What stands for a model where it is used as a layer. Its layers are those of the model: freezing one freezes it in both. */
export class HeldModel extends Layer<LayerValues, LayerValues> {
  readonly className: string;
  readonly composition: Composition;
  readonly gives: Form;
  readonly #network: () => Network | null;

  /** `network`: where the first values of the weights are, if there are any. */
  constructor(
    className: string,
    composition: Composition,
    gives: Form,
    options: LayerOptions = {},
    network: () => Network | null = () => null,
  ) {
    super(options);
    this.className = className;
    this.composition = composition;
    this.gives = gives;
    this.#network = network;
  }

  /** The network that its weights begin with; null: they are drawn. */
  get origin(): Network | null {
    return this.#network();
  }

  call(x: LayerValues, { apply }: CallContext): LayerValues {
    const outputs = this.composition.run<Tensor>(listOf<Tensor>(x), (layer: AnyLayer, values) => apply(layer, values));
    return this.gives === 'one' ? outputs[0] : outputs;
  }

  config(): LayerConfig {
    return {};
  }
}
