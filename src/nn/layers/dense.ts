import { ShapeError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import type { Tensor } from '../../tensor/tensor.ts';
import {
  ActivatedLayer,
  type DenseOptions,
  KERNEL_OPTIONS,
  type KernelSettings,
  kernelAndBias,
  kernelConfig,
  kernelSettings,
} from './kernel.ts';
import { type CallContext, checkCount, type LayerConfig, type LayerOptions, type WeightSpec } from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

/** activation(x kernel + bias) along the last axis: [..., in] to [..., units]. Weights: kernel [in, units], bias [units]. */
export class Dense extends ActivatedLayer {
  readonly className = 'Dense';
  readonly units: number;
  protected readonly settings: KernelSettings;

  /**
   * @param units extent of the output's last axis, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(units: number, options: DenseOptions = {}) {
    checkOptions('Dense', options, KERNEL_OPTIONS);
    super(options);
    checkCount('Dense', 'units', units);
    this.units = units;
    this.settings = kernelSettings('Dense', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Dense {
    return new Dense(saved.whole('units'), { ...options, ...saved.kernelOptions() });
  }

  override get supportsMasking(): boolean {
    return true;
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    const features = input.at(-1);
    if (features === undefined) {
      throw new ShapeError(
        `Layer '${name}' (Dense) expects inputs [batch, ..., features], got a scalar an example. Add a Reshape before it.`,
      );
    }
    return kernelAndBias([features, this.units], this.settings);
  }

  call(x: Tensor, { weights: [kernel, bias] }: CallContext): Tensor {
    return this.activated(x.dense(kernel, bias));
  }

  config(): LayerConfig {
    return { units: this.units, ...kernelConfig(this.settings) };
  }
}
