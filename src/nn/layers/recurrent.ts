/** What recurrent layers have in common: along the steps of [steps, features], to the last state or to all of them. */

import { flagOf } from '../../base/checks.ts';
import { ShapeError } from '../../base/errors.ts';
import { checkName } from '../../base/optionNames.ts';
import { formatShape, type Shape } from '../../base/shape.ts';
import type { Node } from '../../ir/op.ts';
import { dense } from '../../ops/matmul.ts';
import {
  type Cell,
  type CellActivationName,
  cellActivations,
  hiddenOf,
  recurrence,
  stepOf,
} from '../../ops/recurrence.ts';
import { flip } from '../../ops/stridedSlice.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { type Initializer, resolveInitializer } from '../initializers.ts';
import { checkInitializer, initializerName, learnt } from './kernel.ts';
import {
  type CallContext,
  checkCount,
  type InitializerLike,
  LAYER_OPTIONS,
  Layer,
  type LayerConfig,
  type LayerOptions,
  type WeightSpec,
} from './layer.ts';
import type { SavedLayer } from './savedLayer.ts';

export type { CellActivationName } from '../../ops/recurrence.ts';

/** Options of `SimpleRNN`, which all recurrent layers have. */
export interface RecurrentOptions extends LayerOptions {
  /** Of the candidate and, in an LSTM, of the cell state on its way out: `tanh` (default), `sigmoid`, `relu` or `linear`. */
  readonly activation?: CellActivationName;
  /** Default true. */
  readonly useBias?: boolean;
  /** Default `glorotUniform`. */
  readonly kernelInitializer?: InitializerLike;
  /** Default `orthogonal`. */
  readonly recurrentInitializer?: InitializerLike;
  /** Default `zeros`. */
  readonly biasInitializer?: InitializerLike;
  /** Give the states after all steps, not the last one alone; default false. */
  readonly returnSequences?: boolean;
  /** Begin with the last step; the states then come in that order, too. Default false. */
  readonly goBackwards?: boolean;
}

/** Options of `GRU`, which an `LSTM` has as well. */
export interface GatedOptions extends RecurrentOptions {
  /** Of the gates: `sigmoid` (default), `tanh`, `relu` or `linear`. */
  readonly recurrentActivation?: CellActivationName;
}

/** Names of the options of every recurrent layer. */
export const RECURRENT_OPTIONS = {
  ...LAYER_OPTIONS,
  activation: true,
  useBias: true,
  kernelInitializer: true,
  recurrentInitializer: true,
  biasInitializer: true,
  returnSequences: true,
  goBackwards: true,
} as const;

/** The same with defaults. */
type RecurrentSettings = Required<Omit<GatedOptions, keyof LayerOptions>>;

const ACTIVATIONS = Object.keys(cellActivations).filter((name): name is CellActivationName => name in cellActivations);

function settingsOf(who: string, options: GatedOptions): RecurrentSettings {
  const activation = (name: 'activation' | 'recurrentActivation', value: CellActivationName) =>
    checkName(who, name, value, ACTIVATIONS);
  const initializer = (
    name: 'kernelInitializer' | 'recurrentInitializer' | 'biasInitializer',
    value: InitializerLike,
  ): InitializerLike => checkInitializer(who, name, options[name] ?? value);
  const flag = (name: 'useBias' | 'returnSequences' | 'goBackwards', value: boolean): boolean =>
    flagOf(options[name] ?? value, who, name);
  return {
    activation: activation('activation', options.activation ?? 'tanh'),
    recurrentActivation: activation('recurrentActivation', options.recurrentActivation ?? 'sigmoid'),
    useBias: flag('useBias', true),
    kernelInitializer: initializer('kernelInitializer', 'glorotUniform'),
    recurrentInitializer: initializer('recurrentInitializer', 'orthogonal'),
    biasInitializer: initializer('biasInitializer', 'zeros'),
    returnSequences: flag('returnSequences', false),
    goBackwards: flag('goBackwards', false),
  };
}

/** The saved options of every recurrent layer. */
export const savedRecurrentOptions = (saved: SavedLayer) => ({
  activation: saved.choice('activation', ACTIVATIONS),
  useBias: saved.flag('useBias'),
  kernelInitializer: saved.initializer('kernelInitializer'),
  recurrentInitializer: saved.initializer('recurrentInitializer'),
  biasInitializer: saved.initializer('biasInitializer'),
  returnSequences: saved.flag('returnSequences'),
  goBackwards: saved.flag('goBackwards'),
});

/** The same of a layer with gates. */
export const savedGatedOptions = (saved: SavedLayer) => ({
  ...savedRecurrentOptions(saved),
  recurrentActivation: saved.choice('recurrentActivation', ACTIVATIONS),
});

/**
 * A layer along the steps of [steps, features]. All its steps are one kernel, and so is their way back; the products of the
 * inputs are one matrix product.
 */
export abstract class Recurrent extends Layer {
  /** Extent of the state. */
  readonly units: number;
  /** What its cell is. @internal */
  protected abstract readonly cell: Cell;
  /** How many of `units` numbers each step's inputs give. @internal */
  protected abstract readonly gates: number;
  /** All options but those of every layer, with defaults. @internal */
  protected readonly settings: RecurrentSettings;

  constructor(who: string, units: number, options: GatedOptions) {
    super(options);
    checkCount(who, 'units', units);
    this.units = units;
    this.settings = settingsOf(who, options);
  }

  /** Of the candidate. */
  get activation(): CellActivationName {
    return this.settings.activation;
  }

  /** Of the gates. */
  get recurrentActivation(): CellActivationName {
    return this.settings.recurrentActivation;
  }

  /** Whether the output has the states after all steps. */
  get returnSequences(): boolean {
    return this.settings.returnSequences;
  }

  /** Whether it begins with the last step. */
  get goBackwards(): boolean {
    return this.settings.goBackwards;
  }

  /** An equal layer that goes the other way. @internal */
  abstract reversed(): Recurrent;

  override weights(input: Shape, name: string): WeightSpec[] {
    if (input.length !== 2) {
      throw new ShapeError(
        `Layer '${name}' (${this.className}) expects sequences [batch, steps, features], got ${formatShape(input)} an example. ` +
          `Add a Reshape before it, for example to [${input[0] ?? 1}, ${input.slice(1).reduce((a, b) => a * b, 1)}].`,
      );
    }
    const { useBias, kernelInitializer, recurrentInitializer } = this.settings;
    const width = this.gates * this.units;
    return [
      learnt('kernel', [input[1], width], kernelInitializer),
      learnt('recurrentKernel', [this.units, width], recurrentInitializer),
      ...(useBias ? [learnt('bias', this.biasShape(width), this.biasInitializer())] : []),
    ];
  }

  call({ node: x }: Tensor, { weights: [kernel, recurrent, bias] }: CallContext): Tensor {
    const { activation, recurrentActivation, returnSequences, goBackwards } = this.settings;
    const [toInputs, toStates] = this.biasesOf(bias?.node);
    const sums = dense(goBackwards ? flip(x, [1]) : x, kernel.node, toInputs);
    const states = recurrence(
      { x: sums, kernel: recurrent.node, bias: toStates },
      { cell: this.cell, activation, recurrentActivation },
    );
    return new Tensor(hiddenOf(returnSequences ? states : stepOf(states, -1), this.cell));
  }

  config(): LayerConfig {
    const { kernelInitializer, recurrentInitializer, biasInitializer, recurrentActivation, ...plain } = this.settings;
    return {
      units: this.units,
      ...plain,
      ...(this.cell === 'simple' ? {} : { recurrentActivation }),
      kernelInitializer: initializerName(kernelInitializer),
      recurrentInitializer: initializerName(recurrentInitializer),
      biasInitializer: initializerName(biasInitializer),
    };
  }

  /** @internal */
  protected biasShape(width: number): Shape {
    return [width];
  }

  /** @internal */
  protected biasInitializer(): Initializer {
    return resolveInitializer(this.settings.biasInitializer);
  }

  /** What is added to what the inputs give, and to what the state gives. @internal */
  protected biasesOf(bias: Node | undefined): readonly [Node | undefined, Node | undefined] {
    return [undefined, bias];
  }
}
