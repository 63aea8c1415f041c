import { checkOptions } from '../../base/optionNames.ts';
import { dropout } from '../../ops/elementwise.ts';
import { Tensor } from '../../tensor/tensor.ts';
import {
  type CallContext,
  checkFinite,
  LAYER_OPTIONS,
  type LayerConfig,
  type LayerOptions,
  PointwiseLayer,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** In training zeroes a share `rate` in [0, 1] of the inputs and scales the rest by 1 / (1 - rate); else does nothing. */
export class Dropout extends PointwiseLayer {
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
