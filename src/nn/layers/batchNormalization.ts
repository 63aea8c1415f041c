import { ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { batchNorm, normalise } from '../../ops/batchNorm.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { ones, zeros } from '../initializers.ts';
import {
  type CallContext,
  checkFinite,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `BatchNormalization`. */
export interface BatchNormalizationOptions extends LayerOptions {
  /** Of the moving averages, default 0.99. */
  readonly momentum?: number;
  /** Added to the variance, default 1e-3. */
  readonly epsilon?: number;
  /** Learn an offset; default true. */
  readonly center?: boolean;
  /** Learn a scale; default true. */
  readonly scale?: boolean;
}

const OPTIONS = { ...LAYER_OPTIONS, momentum: true, epsilon: true, center: true, scale: true } as const;

/**
 * Batch normalisation over all axes but the last. Training uses the batch's statistics, over the steps that a mask has, and keeps moving
 * averages of them, evaluation uses the averages, and so does training where the layer is frozen. Weights: gamma, beta, movingMean, movingVariance, each [channels].
 */
export class BatchNormalization extends Layer {
  readonly className = 'BatchNormalization';
  readonly momentum: number;
  readonly epsilon: number;
  readonly center: boolean;
  readonly scale: boolean;

  constructor(options: BatchNormalizationOptions = {}) {
    checkOptions('BatchNormalization', options, OPTIONS);
    super(options);
    this.momentum = options.momentum ?? 0.99;
    this.epsilon = options.epsilon ?? 1e-3;
    this.center = options.center ?? true;
    this.scale = options.scale ?? true;
    checkFinite('BatchNormalization', 'momentum', this.momentum, ' in [0, 1]', (share) => share >= 0 && share <= 1);
    checkFinite('BatchNormalization', 'epsilon', this.epsilon, ' of at least 0', (value) => value >= 0);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): BatchNormalization {
    return new BatchNormalization({
      ...options,
      momentum: saved.number('momentum'),
      epsilon: saved.number('epsilon'),
      center: saved.flag('center'),
      scale: saved.flag('scale'),
    });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    const channels = input.at(-1);
    if (channels === undefined) {
      throw new ShapeError(
        `Layer '${name}' (BatchNormalization) expects inputs [batch, ..., channels], got a scalar an example. Add a Reshape before it.`,
      );
    }
    const shape = [channels];
    const specs: WeightSpec[] = [];
    if (this.scale) specs.push({ name: 'gamma', shape, initializer: ones(), trainable: true });
    if (this.center) specs.push({ name: 'beta', shape, initializer: zeros(), trainable: true });
    specs.push({ name: 'movingMean', shape, initializer: zeros(), trainable: false });
    specs.push({ name: 'movingVariance', shape, initializer: ones(), trainable: false });
    return specs;
  }

  override get supportsMasking(): boolean {
    return true;
  }

  call({ node }: Tensor, { training, trainable = true, weights, masks, update }: CallContext): Tensor {
    const list = [...weights];
    const gamma = this.scale ? (list.shift()?.node ?? null) : null;
    const beta = this.center ? (list.shift()?.node ?? null) : null;
    const [movingMean, movingVariance] = list;
    if (!(training && trainable)) {
      return new Tensor(normalise(node, movingMean.node, movingVariance.node, gamma, beta, this.epsilon));
    }
    const { y, mean, variance } = batchNorm(node, gamma, beta, this.epsilon, masks?.[0]?.node);
    // Keras' blend, but two rounded shares would not add up to 1: near a momentum of 1 the statistics would drift.
    const blend = (moving: Tensor, batch: Tensor): void =>
      update(moving, moving.add(batch.sub(moving).mul(1 - this.momentum)));
    blend(movingMean, new Tensor(mean));
    blend(movingVariance, new Tensor(variance));
    return new Tensor(y);
  }

  config(): LayerConfig {
    return { momentum: this.momentum, epsilon: this.epsilon, center: this.center, scale: this.scale };
  }
}
