/** What layers with a kernel, a bias and an activation have in common. */

import { checkName } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import { initializers, resolveInitializer } from '../initializers.ts';
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
}

/** Their names. */
export const KERNEL_OPTIONS = {
  ...LAYER_OPTIONS,
  activation: true,
  useBias: true,
  kernelInitializer: true,
  biasInitializer: true,
} as const;

/** The same with their defaults. */
export type KernelSettings = Required<Omit<DenseOptions, keyof LayerOptions>>;

/** @throws ArgumentError for names that do not exist, before the layer is built */
export function kernelSettings(who: string, options: DenseOptions): KernelSettings {
  const initializer = (argument: 'kernelInitializer' | 'biasInitializer', value: InitializerLike): InitializerLike => {
    if (typeof value !== 'function') checkName(who, argument, value, Object.keys(initializers), ', or a function');
    return value;
  };
  return {
    activation: checkActivation(options.activation ?? 'linear', who),
    useBias: options.useBias ?? true,
    kernelInitializer: initializer('kernelInitializer', options.kernelInitializer ?? 'glorotUniform'),
    biasInitializer: initializer('biasInitializer', options.biasInitializer ?? 'zeros'),
  };
}

/** A function has no name that could be found again. */
const nameOf = (value: InitializerLike): ConfigValue => (typeof value === 'string' ? value : null);

/** What is saved of them. */
export const kernelConfig = (settings: KernelSettings): LayerConfig => ({
  activation: settings.activation,
  useBias: settings.useBias,
  kernelInitializer: nameOf(settings.kernelInitializer),
  biasInitializer: nameOf(settings.biasInitializer),
});

/** The weights: a kernel [..., out], and a bias [out] where there is one. */
export function kernelAndBias(shape: Shape, settings: KernelSettings): WeightSpec[] {
  const weight = (name: string, extents: Shape, initializer: InitializerLike): WeightSpec => ({
    name,
    shape: extents,
    initializer: resolveInitializer(initializer),
    trainable: true,
  });
  const kernel = weight('kernel', shape, settings.kernelInitializer);
  return settings.useBias ? [kernel, weight('bias', shape.slice(-1), settings.biasInitializer)] : [kernel];
}
