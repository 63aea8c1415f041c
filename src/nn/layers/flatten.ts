import { checkOptions } from '../../base/optionNames.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** [batch, ...] to [batch, features]. */
export class Flatten extends Layer {
  readonly className = 'Flatten';

  constructor(options: LayerOptions = {}) {
    checkOptions('Flatten', options, LAYER_OPTIONS);
    super(options);
  }

  /** @internal */
  static fromConfig(_: SavedLayer, options: LayerOptions): Flatten {
    return new Flatten(options);
  }

  call(x: Tensor): Tensor {
    return x.reshape([x.shape[0], -1]);
  }

  config(): LayerConfig {
    return {};
  }
}
