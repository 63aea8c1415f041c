import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { axesOf, checkAxes } from './axes.ts';
import { checkInitializer, initializerName, learnt } from './kernel.ts';
import {
  type CallContext,
  type InitializerLike,
  LAYER_OPTIONS,
  type LayerConfig,
  type LayerOptions,
  PointwiseLayer,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `PReLU`. */
export interface PReLUOptions extends LayerOptions {
  /** Default `zeros`. */
  readonly alphaInitializer?: InitializerLike;
  /** Axes, with the batch as axis 0, along which the slope is the same: [1, 2] for one a channel of images. Default null: none. */
  readonly sharedAxes?: readonly number[] | null;
}

/** x, or alpha x below 0 with learnt slopes (He et al. 2015). Weights: alpha, of an example's shape, with 1 along shared axes. */
export class PReLU extends PointwiseLayer {
  readonly className = 'PReLU';
  readonly sharedAxes: readonly number[] | null;
  readonly #initializer: InitializerLike;

  /** @throws ArgumentError for an option outside its range */
  constructor(options: PReLUOptions = {}) {
    checkOptions('PReLU', options, { ...LAYER_OPTIONS, alphaInitializer: true, sharedAxes: true });
    super(options);
    const { alphaInitializer = 'zeros', sharedAxes = null } = options;
    if (sharedAxes !== null) checkAxes('PReLU', sharedAxes, 'sharedAxes');
    this.sharedAxes = sharedAxes === null ? null : Object.freeze([...sharedAxes]);
    this.#initializer = checkInitializer('PReLU', 'alphaInitializer', alphaInitializer);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): PReLU {
    return new PReLU({
      ...options,
      alphaInitializer: saved.initializer('alphaInitializer'),
      sharedAxes: saved.isNull('sharedAxes') ? null : saved.numbers('sharedAxes'),
    });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    const shared = this.sharedAxes === null ? [] : axesOf(this.sharedAxes, input, name, this.className);
    const shape = input.map((extent, d) => (shared.includes(d + 1) ? 1 : extent));
    return [learnt('alpha', shape, this.#initializer)];
  }

  call(x: Tensor, { weights: [alpha] }: CallContext): Tensor {
    return x.greater(0).where(x, x.mul(alpha));
  }

  config(): LayerConfig {
    return { alphaInitializer: initializerName(this.#initializer), sharedAxes: this.sharedAxes };
  }
}
