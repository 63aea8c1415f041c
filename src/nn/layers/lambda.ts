import { describe } from '../../base/describe.ts';
import { ArgumentError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type CallContext, LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions } from './layer.ts';

/**
 * A function as a layer: `new Lambda((x) => x.square())`. It has no weights, and a file cannot hold it: to load a model with one, pass
 * `customObjects: { Lambda: (config, options) => new Lambda((x) => x.square(), options) }`; `options.name` tells several apart.
 */
export class Lambda extends Layer {
  readonly className = 'Lambda';
  readonly #compute: (x: Tensor, context: CallContext) => Tensor;

  /**
   * @param compute the output [batch, ...] for inputs [batch, ...]; the context says whether it is training, and has a key for
   *   random draws
   * @throws ArgumentError for anything but a function
   */
  constructor(compute: (x: Tensor, context: CallContext) => Tensor, options: LayerOptions = {}) {
    checkOptions('Lambda', options, LAYER_OPTIONS);
    super(options);
    if (typeof compute !== 'function') {
      throw new ArgumentError(
        `Lambda: expected a function, got ${describe(compute)}. Write new Lambda((x) => x.square()).`,
      );
    }
    this.#compute = compute;
  }

  call(x: Tensor, context: CallContext): Tensor {
    return this.#compute(x, context);
  }

  config(): LayerConfig {
    return {};
  }
}
