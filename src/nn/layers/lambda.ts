import { describe } from '../../base/describe.ts';
import { ArgumentError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import {
  type CallContext,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type LayerValues,
} from './layer.ts';

/**
 * A function as a layer: `new Lambda((x) => x.square())`, or of several inputs `new Lambda(([a, b]: readonly Tensor[]) => a.sub(b))`,
 * which is applied to a list. It has no weights, and a file cannot hold it: to load a model with one, pass
 * `customObjects: { Lambda: (config, options) => new Lambda((x) => x.square(), options) }`; `options.name` tells several apart.
 */
export class Lambda<X extends LayerValues = Tensor, Y extends LayerValues = Tensor> extends Layer<X, Y> {
  readonly className = 'Lambda';
  readonly #compute: (x: X, context: CallContext) => Y;

  /**
   * @param compute the output [batch, ...] for inputs [batch, ...]; the context says whether it is training, and has a key for
   *   random draws
   * @throws ArgumentError for anything but a function
   */
  constructor(compute: (x: X, context: CallContext) => Y, options: LayerOptions = {}) {
    checkOptions('Lambda', options, LAYER_OPTIONS);
    super(options);
    if (typeof compute !== 'function') {
      throw new ArgumentError(
        `Lambda: expected a function, got ${describe(compute)}. Write new Lambda((x) => x.square()).`,
      );
    }
    this.#compute = compute;
  }

  call(x: X, context: CallContext): Y {
    return this.#compute(x, context);
  }

  config(): LayerConfig {
    return {};
  }
}
