/** The learnt scale and offset of what was normalised. */

import { flagOf } from '../../base/checks.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { checkInitializer, initializerName, learnt } from './kernel.ts';
import {
  checkFinite,
  type InitializerLike,
  LAYER_OPTIONS,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `LayerNormalization` and `GroupNormalization`. */
export interface NormalizingOptions extends LayerOptions {
  /** Added to the variance, at least 0; default 1e-3. */
  readonly epsilon?: number;
  /** Learn an offset; default true. */
  readonly center?: boolean;
  /** Learn a scale; default true. */
  readonly scale?: boolean;
  /** Of the offset; default `zeros`. */
  readonly betaInitializer?: InitializerLike;
  /** Of the scale; default `ones`. */
  readonly gammaInitializer?: InitializerLike;
}

/** Their names. */
export const NORMALIZING_OPTIONS = {
  ...LAYER_OPTIONS,
  epsilon: true,
  center: true,
  scale: true,
  betaInitializer: true,
  gammaInitializer: true,
} as const;

/** The same with their defaults. */
export type NormalizingSettings = Required<Omit<NormalizingOptions, keyof LayerOptions>>;

/** @throws ArgumentError for an option outside its range */
export function normalizingSettings(who: string, options: NormalizingOptions): NormalizingSettings {
  const { epsilon = 1e-3, center = true, scale = true } = options;
  checkFinite(who, 'epsilon', epsilon, ' of at least 0', (value) => value >= 0);
  return {
    epsilon,
    center: flagOf(center, who, 'center'),
    scale: flagOf(scale, who, 'scale'),
    betaInitializer: checkInitializer(who, 'betaInitializer', options.betaInitializer ?? 'zeros'),
    gammaInitializer: checkInitializer(who, 'gammaInitializer', options.gammaInitializer ?? 'ones'),
  };
}

/** What is saved of them. */
export const normalizingConfig = (settings: NormalizingSettings): LayerConfig => ({
  epsilon: settings.epsilon,
  center: settings.center,
  scale: settings.scale,
  betaInitializer: initializerName(settings.betaInitializer),
  gammaInitializer: initializerName(settings.gammaInitializer),
});

/** What a file has of them. */
export const savedNormalizing = (saved: SavedLayer): NormalizingOptions => ({
  epsilon: saved.number('epsilon'),
  center: saved.flag('center'),
  scale: saved.flag('scale'),
  betaInitializer: saved.initializer('betaInitializer'),
  gammaInitializer: saved.initializer('gammaInitializer'),
});

/** gamma and beta of a shape, those that are asked for. */
export const gammaAndBeta = (shape: Shape, settings: NormalizingSettings): WeightSpec[] => [
  ...(settings.scale ? [learnt('gamma', shape, settings.gammaInitializer)] : []),
  ...(settings.center ? [learnt('beta', shape, settings.betaInitializer)] : []),
];

/** gamma x + beta; `shape`: in which these two meet x. */
export function scaledAndCentered(
  x: Tensor,
  weights: readonly Tensor[],
  { scale, center }: NormalizingSettings,
  shape: Shape,
): Tensor {
  const [first, second] = weights.map((weight) => weight.reshape(shape));
  const scaled = scale ? x.mul(first) : x;
  return center ? scaled.add(scale ? second : first) : scaled;
}
