import { checkOptions } from '../../base/optionNames.ts';
import type { LayerOptions } from './layer.ts';
import { RECURRENT_OPTIONS, Recurrent, type RecurrentOptions, savedRecurrentOptions } from './recurrent.ts';
import type { SavedLayer } from './savedLayer.ts';

/**
 * The plain recurrent layer (Elman 1990) along the steps of [steps, features], h' = activation(x kernel + h recurrentKernel + bias): to
 * the last state [units], or to all [steps, units] with `returnSequences`. Weights: kernel [features, units], recurrentKernel
 * [units, units], bias [units]. The state begins with 0 in every example.
 */
export class SimpleRNN extends Recurrent {
  readonly className = 'SimpleRNN';
  protected readonly cell = 'simple';
  protected readonly gates = 1;

  /**
   * @param units extent of the state, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(units: number, options: RecurrentOptions = {}) {
    checkOptions('SimpleRNN', options, RECURRENT_OPTIONS);
    super('SimpleRNN', units, options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): SimpleRNN {
    return new SimpleRNN(saved.whole('units'), { ...options, ...savedRecurrentOptions(saved) });
  }

  /** @internal */
  copy(name: string, turned: boolean): SimpleRNN {
    const { recurrentActivation: _, ...options } = this.copied(name, turned);
    return new SimpleRNN(this.units, options);
  }
}
