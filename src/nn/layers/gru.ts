import { checkOptions } from '../../base/optionNames.ts';
import type { Shape } from '../../base/shape.ts';
import type { Node } from '../../ir/op.ts';
import { reshape } from '../../ops/reshape.ts';
import { split } from '../../ops/split.ts';
import type { LayerOptions } from './layer.ts';
import { type GatedOptions, RECURRENT_OPTIONS, Recurrent, savedGatedOptions } from './recurrent.ts';
import type { SavedLayer } from './savedLayer.ts';

const OPTIONS = { ...RECURRENT_OPTIONS, recurrentActivation: true } as const;

/**
 * Gated recurrent units (Cho et al. 2014) along the steps of [steps, features]: to the last state [units], or to all [steps, units]
 * with `returnSequences`. The reset gate is applied after the product, Keras' default `reset_after` and PyTorch's form. Weights, with
 * the gates z, r, h side by side: kernel [features, 3 units], recurrentKernel [units, 3 units], bias [2, 3 units], of the inputs and of
 * the state. The state begins with 0 in every example.
 */
export class GRU extends Recurrent {
  readonly className = 'GRU';
  protected readonly cell = 'gru';
  protected readonly gates = 3;

  /**
   * @param units extent of the state, at least 1
   * @throws ArgumentError for an argument outside its range
   */
  constructor(units: number, options: GatedOptions = {}) {
    checkOptions('GRU', options, OPTIONS);
    super('GRU', units, options);
  }

  /** @internal */
  static fromConfig(saved: SavedLayer, options: LayerOptions): GRU {
    return new GRU(saved.whole('units'), { ...options, ...savedGatedOptions(saved) });
  }

  /** @internal */
  copy(name: string, turned: boolean): GRU {
    return new GRU(this.units, this.copied(name, turned));
  }

  protected override biasShape(width: number): Shape {
    return [2, width];
  }

  protected override biasesOf(bias: Node | undefined): readonly [Node | undefined, Node | undefined] {
    if (bias === undefined) return [undefined, undefined];
    const [toInputs, toStates] = split(bias, [1, 1], 0).map((row) => reshape(row, [-1]));
    return [toInputs, toStates];
  }
}
