import { flagOf } from '../../base/checks.ts';
import { checkOptions } from '../../base/optionNames.ts';
import type { Initializer } from '../initializers.ts';
import type { LayerConfig, LayerOptions } from './layer.ts';
import { type GatedOptions, RECURRENT_OPTIONS, Recurrent, savedGatedOptions } from './recurrent.ts';
import type { SavedLayer } from './savedLayer.ts';

/** Options of `LSTM`. */
export interface LSTMOptions extends GatedOptions {
  /** Begin with 1 as the forget gate's bias, whatever `biasInitializer` says (Jozefowicz et al. 2015); default true. */
  readonly unitForgetBias?: boolean;
}

const OPTIONS = { ...RECURRENT_OPTIONS, recurrentActivation: true, unitForgetBias: true } as const;

/**
 * Long short-term memory (Hochreiter and Schmidhuber 1997) along the steps of [steps, features]: to the last state [units], or to all
 * [steps, units] with `returnSequences`. Weights, with the gates i, f, c, o side by side: kernel [features, 4 units], recurrentKernel
 * [units, 4 units], bias [4 units]. The state begins with 0 in every example.
 */
export class LSTM extends Recurrent {
  readonly className = 'LSTM';
  /** Whether the forget gate's bias begins with 1. */
  readonly unitForgetBias: boolean;
  protected readonly cell = 'lstm';
  protected readonly gates = 4;

  /**
   * @param units extent of the state, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(units: number, options: LSTMOptions = {}) {
    checkOptions('LSTM', options, OPTIONS);
    super('LSTM', units, options);
    this.unitForgetBias = flagOf(options.unitForgetBias ?? true, 'LSTM', 'unitForgetBias');
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): LSTM {
    const unitForgetBias = saved.flag('unitForgetBias');
    return new LSTM(saved.whole('units'), { ...options, ...savedGatedOptions(saved), unitForgetBias });
  }

  /** @internal */
  copy(name: string, turned: boolean): LSTM {
    const { units, unitForgetBias } = this;
    return new LSTM(units, { ...this.copied(name, turned), unitForgetBias });
  }

  protected override biasInitializer(): Initializer {
    const initializer = super.biasInitializer();
    if (!this.unitForgetBias) return initializer;
    return (shape, seed) => Float32Array.from(initializer(shape, seed)).fill(1, this.units, 2 * this.units);
  }

  override config(): LayerConfig {
    return { ...super.config(), unitForgetBias: this.unitForgetBias };
  }
}
