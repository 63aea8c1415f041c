import { checkOptions } from '../../base/optionNames.ts';
import { dropout } from '../../ops/elementwise.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { type ActivationName, activations, checkActivation } from './activations.ts';
import { type CallContext, checkFinite, LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Applies an activation by name. */
export class Activation extends Layer {
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

/** In training zeroes a share `rate` in [0, 1] of the inputs and scales the rest by 1 / (1 - rate); else does nothing. */
export class Dropout extends Layer {
  readonly className = 'Dropout';
  readonly rate: number;

  /**
   * @param rate share that is zeroed, in [0, 1]
   * @throws ArgumentError for an argument outside its range
   */
  constructor(rate: number, options: LayerOptions = {}) {
    checkOptions('Dropout', options, LAYER_OPTIONS);
    super(options);
    checkFinite('Dropout', 'rate', rate, ' in [0, 1], the share that is dropped', (share) => share >= 0 && share <= 1);
    this.rate = rate;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Dropout {
    return new Dropout(saved.number('rate'), options);
  }

  call(x: Tensor, { training, randomKey }: CallContext): Tensor {
    return training && this.rate > 0 ? new Tensor(dropout(x.node, this.rate, randomKey)) : x;
  }

  config(): LayerConfig {
    return { rate: this.rate };
  }
}

/** x scale + offset, for instance `new Rescaling(1 / 255)` for images of bytes. */
export class Rescaling extends Layer {
  readonly className = 'Rescaling';
  readonly scale: number;
  readonly offset: number;

  /** @param scale factor of the inputs */
  constructor(
    scale: number,
    options: LayerOptions & {
      /** Added after scaling; default 0. */
      readonly offset?: number;
    } = {},
  ) {
    checkOptions('Rescaling', options, { ...LAYER_OPTIONS, offset: true });
    super(options);
    const { offset = 0 } = options;
    checkFinite('Rescaling', 'scale', scale);
    checkFinite('Rescaling', 'offset', offset);
    this.scale = scale;
    this.offset = offset;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Rescaling {
    return new Rescaling(saved.number('scale'), { ...options, offset: saved.number('offset') });
  }

  call(x: Tensor): Tensor {
    const scaled = x.mul(this.scale);
    return this.offset === 0 ? scaled : scaled.add(this.offset);
  }

  config(): LayerConfig {
    return { scale: this.scale, offset: this.offset };
  }
}
