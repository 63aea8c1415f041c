import { checkOptions } from '../../base/optionNames.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { type ActivationName, activations, checkActivation } from './activations.ts';
import { LAYER_OPTIONS, type LayerConfig, type LayerOptions, PointwiseLayer } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Applies an activation by name. */
export class Activation extends PointwiseLayer {
  readonly className = 'Activation';
  readonly activation: ActivationName;

  /** @param activation its name, also `softmax` along the last axis */
  constructor(activation: ActivationName, options: LayerOptions = {}) {
    checkOptions('Activation', options, LAYER_OPTIONS);
    super(options);
    this.activation = checkActivation(activation, 'Activation');
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Activation {
    return new Activation(saved.activation(), options);
  }

  call(x: Tensor): Tensor {
    return activations[this.activation](x);
  }

  config(): LayerConfig {
    return { activation: this.activation };
  }
}
