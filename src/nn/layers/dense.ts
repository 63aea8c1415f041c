import { ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import type { Node } from '../../ir/op.ts';
import { dense } from '../../ops/matmul.ts';
import { type ActivationName, activations, checkActivation } from './activations.ts';
import {
  type CallContext,
  checkCount,
  checkInitializer,
  type InitializerLike,
  initializerName,
  kernelAndBias,
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
}

const OPTIONS = {
  ...LAYER_OPTIONS,
  activation: true,
  useBias: true,
  kernelInitializer: true,
  biasInitializer: true,
} as const;

/** activation(x kernel + bias) along the last axis: [..., in] to [..., units]. Weights: kernel [in, units], bias [units]. */
export class Dense extends Layer {
  readonly className = 'Dense';
  readonly units: number;
  readonly #options: Required<Omit<DenseOptions, keyof LayerOptions>>;

  /**
   * @param units extent of the output's last axis, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(units: number, options: DenseOptions = {}) {
    checkOptions('Dense', options, OPTIONS);
    super(options);
    checkCount('Dense', 'units', units);
    this.units = units;
    this.#options = {
      activation: checkActivation(options.activation ?? 'linear', 'Dense'),
      useBias: options.useBias ?? true,
      kernelInitializer: checkInitializer('Dense', 'kernelInitializer', options.kernelInitializer ?? 'glorotUniform'),
      biasInitializer: checkInitializer('Dense', 'biasInitializer', options.biasInitializer ?? 'zeros'),
    };
  }

  get activation(): ActivationName {
    return this.#options.activation;
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    const features = input.at(-1);
    if (features === undefined) {
      throw new ShapeError(
        `Layer '${name}' (Dense) expects inputs [batch, ..., features], got a scalar an example. Add a Reshape before it.`,
      );
    }
    return kernelAndBias([features, this.units], this.#options);
  }

  call(x: Node, { weights: [kernel, bias] }: CallContext): Node {
    return activations[this.#options.activation](dense(x, kernel, bias));
  }

  config(): LayerConfig {
    const { activation, useBias, kernelInitializer, biasInitializer } = this.#options;
    return {
      units: this.units,
      activation,
      useBias,
      kernelInitializer: initializerName(kernelInitializer),
      biasInitializer: initializerName(biasInitializer),
    };
  }
}
