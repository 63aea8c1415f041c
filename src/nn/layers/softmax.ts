import { checkNumber } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { axesOf } from './axes.ts';
import {
  type CallContext,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Keras' stand-in for minus infinity, of which a whole row would be NaN. */
const LEFT_OUT = -1e9;

/** e^x over its sum along an axis; steps that a mask leaves out have no share, which is 0. */
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

  override get supportsMasking(): boolean {
    return true;
  }

  call(x: Tensor, { masks: [mask = null] = [] }: Pick<CallContext, 'masks'>): Tensor {
    const { axis } = this;
    if (mask === null) return x.softmax({ axis });
    const there = mask.reshape([...mask.shape, ...x.shape.slice(mask.shape.length).map(() => 1)]);
    // Where all is left out, so that each would have the same share, nothing has any.
    return there.where(there.where(x, LEFT_OUT).softmax({ axis }), 0);
  }

  config(): LayerConfig {
    return { axis: this.axis };
  }
}
