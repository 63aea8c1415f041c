import { refuse } from '../../base/checks.ts';
import { counted } from '../../base/describe.ts';
import { ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { formatShape, frozen, type Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { LAYER_OPTIONS, Layer, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** The axes of each example in another order: `new Permute([2, 1])` transposes [rows, columns]. */
export class Permute extends Layer {
  readonly className = 'Permute';
  readonly dims: readonly number[];

  /**
   * @param dims which axis stands in each place, counted from 1, each once: the batch, axis 0, stays
   * @throws ArgumentError for an argument outside its range
   */
  constructor(dims: readonly number[], options: LayerOptions = {}) {
    checkOptions('Permute', options, LAYER_OPTIONS);
    super(options);
    const given: unknown = dims;
    const fits = Array.isArray(given) && given.toSorted((a, b) => a - b).every((axis, d) => axis === d + 1);
    if (!fits) {
      refuse(
        'Permute',
        'dims',
        'each of the axes from 1 on, once',
        given,
        'Write [2, 1] to swap two; the batch stays.',
      );
    }
    this.dims = frozen(dims);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Permute {
    return new Permute(saved.numbers('dims'), options);
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    if (input.length === this.dims.length) return [];
    throw new ShapeError(
      `Layer '${name}' (Permute): dims ${formatShape(this.dims)} are of ${counted(this.dims.length, 'axis', 'axes')}, inputs ` +
        `${formatShape(input)} an example have ${input.length}. Name each axis once.`,
    );
  }

  call(x: Tensor): Tensor {
    return x.transpose([0, ...this.dims]);
  }

  config(): LayerConfig {
    return { dims: this.dims };
  }
}
