import { checkNumber } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { axesOf } from './axes.ts';
import { LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** e^x over its sum along an axis. */
export class Softmax extends Layer {
  readonly className = 'Softmax';
  readonly axis: number;

  /** @throws ArgumentError for an option outside its range */
  constructor(
    options: LayerOptions & {
      /** With the batch as axis 0; default -1, the last. */
      readonly axis?: number;
    } = {},
  ) {
    checkOptions('Softmax', options, { ...LAYER_OPTIONS, axis: true });
    super(options);
    const { axis = -1 } = options;
    checkNumber('Softmax', 'axis', axis, 'a whole number', Number.isSafeInteger, 'The last axis is -1.');
    this.axis = axis;
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Softmax {
    return new Softmax({ ...options, axis: saved.number('axis') });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    axesOf(this.axis, input, name, this.className);
    return [];
  }

  call(x: Tensor): Tensor {
    return x.softmax({ axis: this.axis });
  }

  config(): LayerConfig {
    return { axis: this.axis };
  }
}
