import { ArgumentError } from '../errors.ts';
import type { Node } from '../graph/node.ts';
import { add, dropout, mul } from '../ops/elementwise.ts';
import { fullNode } from '../ops/leaf.ts';
import { type ActivationName, activations, checkActivation } from './activations.ts';
import { type CallContext, Layer, type LayerConfig, type LayerOptions } from './layer.ts';

/** Applies an activation by name. */
export class Activation extends Layer {
  readonly className = 'Activation';
  readonly activation: ActivationName;

  constructor(activation: ActivationName, options: LayerOptions = {}) {
    super(options);
    this.activation = checkActivation(activation, 'Activation');
  }

  call(x: Node): Node {
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

  constructor(rate: number, options: LayerOptions = {}) {
    super(options);
    if (!(rate >= 0 && rate <= 1)) {
      throw new ArgumentError(`Dropout: rate must lie in [0, 1], got ${rate}. It is the share that is dropped.`);
    }
    this.rate = rate;
  }

  call(x: Node, { training, randomKey }: CallContext): Node {
    return training && this.rate > 0 ? dropout(x, this.rate, randomKey) : x;
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

  constructor(scale: number, { offset = 0, ...options }: LayerOptions & { readonly offset?: number } = {}) {
    super(options);
    this.scale = scale;
    this.offset = offset;
  }

  call(x: Node): Node {
    const scaled = mul(x, fullNode(this.scale));
    return this.offset === 0 ? scaled : add(scaled, fullNode(this.offset));
  }

  config(): LayerConfig {
    return { scale: this.scale, offset: this.offset };
  }
}
