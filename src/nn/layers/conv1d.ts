import { checkOptions } from '../../base/optionNames.ts';
import { type Margins, type Padding, paddingOf, type Shape } from '../../base/shape.ts';
import { rowPadding, type SequenceOptions, type SequencePadding } from '../../ops/conv1d.ts';
import { conv1d } from '../../tensor/convolutions.ts';
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
import { expectSequences } from './sequences.ts';
import { checkGroups, inputsOfGroup, SLIDING_OPTIONS } from './sliding.ts';

/** Options of `Conv1D`. */
export interface Conv1DOptions extends DenseOptions, SequenceOptions {}

/** @throws ArgumentError for what is no padding of sequences */
function checkPadding(padding: SequencePadding): Padding | 'causal' | Margins {
  if (padding === 'causal') return padding;
  const checked = paddingOf(rowPadding(padding, 1), 'Conv1D');
  return typeof checked === 'string' ? checked : checked[1];
}

/**
 * Convolution of sequences: [batch, steps, in] to [batch, steps', filters]. Weights: kernel [kernelSize, in / groups, filters], bias
 * [filters].
 */
export class Conv1D extends ActivatedLayer {
  readonly className = 'Conv1D';
  readonly filters: number;
  readonly kernelSize: number;
  readonly strides: number;
  readonly padding: Padding | 'causal' | Margins;
  readonly dilationRate: number;
  readonly groups: number;
  protected readonly settings: KernelSettings;

  /**
   * @param filters channels of the output, at least 1
   * @param kernelSize steps that a filter sees, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(filters: number, kernelSize: number, options: Conv1DOptions = {}) {
    checkOptions('Conv1D', options, { ...KERNEL_OPTIONS, ...SLIDING_OPTIONS, groups: true });
    super(options);
    const { strides = 1, padding = 'valid', dilationRate = 1 } = options;
    for (const [name, value] of Object.entries({ filters, kernelSize, strides, dilationRate })) {
      checkCount('Conv1D', name, value);
    }
    this.filters = filters;
    this.kernelSize = kernelSize;
    this.strides = strides;
    this.padding = checkPadding(padding);
    this.dilationRate = dilationRate;
    this.groups = checkGroups('Conv1D', options.groups, filters);
    this.settings = kernelSettings('Conv1D', options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): Conv1D {
    return new Conv1D(saved.whole('filters'), saved.whole('kernelSize'), {
      ...options,
      ...saved.kernelOptions(),
      strides: saved.whole('strides'),
      padding: saved.sequencePadding(),
      dilationRate: saved.whole('dilationRate'),
      ...saved.groups(),
    });
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    expectSequences(input, name, this.className);
    const inputs = inputsOfGroup(input, this.groups, `Layer '${name}' (Conv1D)`);
    return kernelAndBias([this.kernelSize, inputs, this.filters], this.settings);
  }

  call(x: Tensor, { weights: [kernel, bias] }: CallContext): Tensor {
    const { strides, padding, dilationRate, groups } = this;
    return this.activated(conv1d(x, kernel, { bias, strides, padding, dilationRate, groups }));
  }

  config(): LayerConfig {
    const { filters, kernelSize, strides, padding, dilationRate, groups } = this;
    return { filters, kernelSize, strides, padding, dilationRate, groups, ...kernelConfig(this.settings) };
  }
}
