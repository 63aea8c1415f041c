/** What layers with a kernel, a bias and an activation have in common. */

import { describe } from '../../base/describe.ts';
import { ArgumentError } from '../../base/errors.ts';
import { checkName } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import { initializers } from '../initializers.ts';
import type { Regularizer } from '../regularizers.ts';
import { type ActivationName, activations, checkActivation } from './activations.ts';
import {
  type ConfigValue,
  type InitializerLike,
  LAYER_OPTIONS,
  Layer,
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
  readonly kernelRegularizer?: Regularizer | null;
  /** Penalty of the bias; default none. */
  readonly biasRegularizer?: Regularizer | null;
  /** Penalty of the layer's outputs, added to the loss as a mean over the examples; default none. */
  readonly activityRegularizer?: Regularizer | null;
}

/** What penalties there are. */
const REGULARIZERS = ['kernelRegularizer', 'biasRegularizer', 'activityRegularizer'] as const;
type RegularizerOption = (typeof REGULARIZERS)[number];

/** Those of a layer whose kernels have initializers of other names. */
export type BiasOptions = Omit<DenseOptions, 'kernelInitializer' | 'kernelRegularizer'>;

/** Their names. */
export const BIAS_OPTIONS = {
  ...LAYER_OPTIONS,
  activation: true,
  useBias: true,
  biasInitializer: true,
  biasRegularizer: true,
  activityRegularizer: true,
} as const;
export const KERNEL_OPTIONS = { ...BIAS_OPTIONS, kernelInitializer: true, kernelRegularizer: true } as const;

/** The same with their defaults. */
export type KernelSettings = Required<Omit<DenseOptions, keyof LayerOptions | RegularizerOption>> &
  Readonly<Record<RegularizerOption, Regularizer | null>>;
export type BiasSettings = Omit<KernelSettings, 'kernelInitializer' | 'kernelRegularizer'>;

/**
 * An initialiser's name that exists, or a function.
 * @throws ArgumentError for any other name, before the layer is built
 */
export function checkInitializer(
  who: string,
  argument: string,
  value: InitializerLike = 'glorotUniform',
): InitializerLike {
  if (typeof value !== 'function') checkName(who, argument, value, Object.keys(initializers), ', or a function');
  return value;
}

/**
 * A penalty, or null for none. Names are no penalties: a program would load all that they could stand for.
 * @throws ArgumentError for anything else
 */
export function checkRegularizer(who: string, argument: string, value: Regularizer | null = null): Regularizer | null {
  const given: unknown = value;
  if (given === null) return null;
  if (typeof given === 'object' && 'penalty' in given && typeof given.penalty === 'function') return value;
  throw new ArgumentError(
    `${who}: expected a ${argument}, got ${describe(given)}. Write ${argument}: l2(0.01), l1(0.01), or an object { penalty(x) }.`,
  );
}

/** @throws ArgumentError for names that do not exist, before the layer is built */
export const biasSettings = (who: string, options: BiasOptions): BiasSettings => ({
  activation: checkActivation(options.activation ?? 'linear', who),
  useBias: options.useBias ?? true,
  biasInitializer: checkInitializer(who, 'biasInitializer', options.biasInitializer ?? 'zeros'),
  biasRegularizer: checkRegularizer(who, 'biasRegularizer', options.biasRegularizer),
  activityRegularizer: checkRegularizer(who, 'activityRegularizer', options.activityRegularizer),
});

/** @throws ArgumentError for names that do not exist, before the layer is built */
export const kernelSettings = (who: string, options: DenseOptions): KernelSettings => ({
  ...biasSettings(who, options),
  kernelInitializer: checkInitializer(who, 'kernelInitializer', options.kernelInitializer),
  kernelRegularizer: checkRegularizer(who, 'kernelRegularizer', options.kernelRegularizer),
});

/** What is saved of an initializer: a function has no name that could be found again. */
export const initializerName = (value: InitializerLike): ConfigValue => (typeof value === 'string' ? value : null);

/** What a file has of a regularizer of the user's own. */
export const OWN = 'own';

/** What is saved of the penalties with these names; nothing of those that there are not, as before there were any. */
export const regularizerConfig = <Name extends string>(
  names: readonly Name[],
  settings: Readonly<Partial<Record<Name, Regularizer | null>>>,
): LayerConfig =>
  Object.fromEntries(
    names.flatMap((name): [string, ConfigValue][] => {
      const regularizer = settings[name] ?? null;
      return regularizer === null ? [] : [[name, regularizer.factors ?? OWN]];
    }),
  );

/** What is saved of them. */
export const biasConfig = (settings: BiasSettings & Partial<KernelSettings>): LayerConfig => ({
  activation: settings.activation,
  useBias: settings.useBias,
  biasInitializer: initializerName(settings.biasInitializer),
  ...regularizerConfig(REGULARIZERS, settings),
});

export const kernelConfig = (settings: KernelSettings): LayerConfig => ({
  ...biasConfig(settings),
  kernelInitializer: initializerName(settings.kernelInitializer),
});

/** A weight that gradients change. */
export const learnt = (
  name: string,
  shape: Shape,
  initializer: InitializerLike,
  regularizer: Regularizer | null = null,
): WeightSpec => ({ name, shape, initializer, trainable: true, regularizer });

/** A bias [out], where there is one. */
export const biasOf = (outputs: number, { useBias, biasInitializer, biasRegularizer }: BiasSettings): WeightSpec[] =>
  useBias ? [learnt('bias', [outputs], biasInitializer, biasRegularizer)] : [];

/** The weights: a kernel, and a bias [out] where there is one; `outputs`: the kernel's last extent if not told. */
export const kernelAndBias = (
  shape: Shape,
  settings: KernelSettings,
  outputs = shape[shape.length - 1],
): WeightSpec[] => [
  learnt('kernel', shape, settings.kernelInitializer, settings.kernelRegularizer),
  ...biasOf(outputs, settings),
];

/** A layer that adds a bias and ends in an activation. */
export abstract class ActivatedLayer<Settings extends BiasSettings = KernelSettings> extends Layer {
  /** @internal */
  protected abstract readonly settings: Settings;

  get activation(): ActivationName {
    return this.settings.activation;
  }

  override get activityRegularizer(): Regularizer | null {
    return this.settings.activityRegularizer;
  }

  /** @internal */
  protected activated(x: Tensor): Tensor {
    return activations[this.activation](x);
  }
}
