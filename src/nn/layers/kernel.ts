/** What layers with a kernel, a bias and an activation have in common. */

import { checkName } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { initializers, resolveInitializer } from '../initializers.ts';
import { type Regularizer, type RegularizerLike, resolveRegularizer } from '../regularizers.ts';
import { type ActivationName, checkActivation } from './activations.ts';
import {
  type ConfigValue,
  type InitializerLike,
  LAYER_OPTIONS,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';

/** Options of `Dense`. */
export interface DenseOptions extends LayerOptions {
  /** Default `linear`: none. */
  readonly activation?: ActivationName;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike;
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike;
  /** Penalty of the kernel, added to the loss; default none. */
  readonly kernelRegularizer?: RegularizerLike;
  /** Penalty of the bias; default none. */
  readonly biasRegularizer?: RegularizerLike;
  /** Penalty of the layer's outputs, added to the loss as a mean over the examples; default none. */
  readonly activityRegularizer?: RegularizerLike;
}

/** What penalties there are. */
const REGULARIZERS = ['kernelRegularizer', 'biasRegularizer', 'activityRegularizer'] as const;
type RegularizerOption = (typeof REGULARIZERS)[number];

/** Their names. */
export const KERNEL_OPTIONS = {
  ...LAYER_OPTIONS,
  activation: true,
  useBias: true,
  kernelInitializer: true,
  biasInitializer: true,
  kernelRegularizer: true,
  biasRegularizer: true,
  activityRegularizer: true,
} as const;

/** The same with their defaults. */
export type KernelSettings = Required<Omit<DenseOptions, keyof LayerOptions | RegularizerOption>> &
  Readonly<Record<RegularizerOption, Regularizer | null>>;

/**
 * An initialiser's name that exists, or a function.
 * @throws ArgumentError for any other name, before the layer is built
 */
export function checkInitializer(who: string, argument: string, value: InitializerLike): InitializerLike {
  if (typeof value !== 'function') checkName(who, argument, value, Object.keys(initializers), ', or a function');
  return value;
}

/** @throws ArgumentError for names that do not exist, before the layer is built */
export function kernelSettings(who: string, options: DenseOptions): KernelSettings {
  const regularizer = (argument: RegularizerOption): Regularizer | null =>
    resolveRegularizer(who, argument, options[argument]);
  return {
    activation: checkActivation(options.activation ?? 'linear', who),
    useBias: options.useBias ?? true,
    kernelInitializer: checkInitializer(who, 'kernelInitializer', options.kernelInitializer ?? 'glorotUniform'),
    biasInitializer: checkInitializer(who, 'biasInitializer', options.biasInitializer ?? 'zeros'),
    kernelRegularizer: regularizer('kernelRegularizer'),
    biasRegularizer: regularizer('biasRegularizer'),
    activityRegularizer: regularizer('activityRegularizer'),
  };
}

/** A function has no name that could be found again. */
export const initializerName = (value: InitializerLike): ConfigValue => (typeof value === 'string' ? value : null);

/** What a file has of a regularizer of the user's own. */
export const OWN = 'own';

/** What is saved of them; without penalties as before there were any. */
export const kernelConfig = (settings: KernelSettings): LayerConfig => ({
  activation: settings.activation,
  useBias: settings.useBias,
  kernelInitializer: initializerName(settings.kernelInitializer),
  biasInitializer: initializerName(settings.biasInitializer),
  ...Object.fromEntries(
    REGULARIZERS.flatMap((name): [string, ConfigValue][] => {
      const regularizer = settings[name];
      return regularizer === null ? [] : [[name, regularizer.factors ?? OWN]];
    }),
  ),
});

/** The weights: a kernel [..., out], and a bias [out] where there is one. */
export function kernelAndBias(shape: Shape, settings: KernelSettings): WeightSpec[] {
  const { kernelRegularizer, biasRegularizer } = settings;
  const weight = (
    name: string,
    extents: Shape,
    initializer: InitializerLike,
    regularizer: Regularizer | null,
  ): WeightSpec => ({
    name,
    shape: extents,
    initializer: resolveInitializer(initializer),
    trainable: true,
    regularizer,
  });
  const kernel = weight('kernel', shape, settings.kernelInitializer, kernelRegularizer);
  if (!settings.useBias) return [kernel];
  return [kernel, weight('bias', shape.slice(-1), settings.biasInitializer, biasRegularizer)];
}
