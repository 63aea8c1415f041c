/** What recurrent layers have in common: along the steps of [steps, features], to the last state or to all of them. */

import { checkShare, flagOf } from '../../base/checks.ts';
import { ShapeError } from '../../base/errors.ts';
import { checkName } from '../../base/optionNames.ts';
import { foldIn } from '../../base/random.ts';
import { formatShape, type Shape } from '../../base/shape.ts';
import type { Node } from '../../ir/op.ts';
import { dropout, mul } from '../../ops/elementwise.ts';
import { fullNode } from '../../ops/leaf.ts';
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
import type { Regularizer } from '../regularizers.ts';
import { checkInitializer, checkRegularizer, initializerName, learnt, regularizerConfig } from './kernel.ts';
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
  /** Penalty of the kernel, added to the loss; default none. */
  readonly kernelRegularizer?: Regularizer | null;
  /** Penalty of the recurrent kernel; default none. */
  readonly recurrentRegularizer?: Regularizer | null;
  /** Penalty of the bias; default none. */
  readonly biasRegularizer?: Regularizer | null;
  /** Penalty of the layer's outputs, added to the loss as a mean over the examples; default none. */
  readonly activityRegularizer?: Regularizer | null;
  /** Share of the inputs that is dropped in training, in [0, 1], of an example the same in all steps; default 0. */
  readonly dropout?: number;
  /**
   * Share of the hidden state that is dropped on its way to the next step's sums, in [0, 1], of an example the same in all steps and,
   * other than in Keras, for all gates (Gal and Ghahramani 2016); default 0.
   */
  readonly recurrentDropout?: number;
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
  kernelRegularizer: true,
  recurrentRegularizer: true,
  biasRegularizer: true,
  activityRegularizer: true,
  dropout: true,
  recurrentDropout: true,
  returnSequences: true,
  goBackwards: true,
} as const;

/** The same with defaults. */
type RecurrentSettings = Required<Omit<GatedOptions, keyof LayerOptions>>;

const REGULARIZERS = ['kernelRegularizer', 'recurrentRegularizer', 'biasRegularizer', 'activityRegularizer'] as const;
type RegularizerName = (typeof REGULARIZERS)[number];

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
  const regularizer = (name: RegularizerName): Regularizer | null => checkRegularizer(who, name, options[name]);
  const share = (name: 'dropout' | 'recurrentDropout'): number => {
    const given = options[name] ?? 0;
    checkShare(who, name, given);
    return given;
  };
  return {
    activation: activation('activation', options.activation ?? 'tanh'),
    recurrentActivation: activation('recurrentActivation', options.recurrentActivation ?? 'sigmoid'),
    useBias: flag('useBias', true),
    kernelInitializer: initializer('kernelInitializer', 'glorotUniform'),
    recurrentInitializer: initializer('recurrentInitializer', 'orthogonal'),
    biasInitializer: initializer('biasInitializer', 'zeros'),
    kernelRegularizer: regularizer('kernelRegularizer'),
    recurrentRegularizer: regularizer('recurrentRegularizer'),
    biasRegularizer: regularizer('biasRegularizer'),
    activityRegularizer: regularizer('activityRegularizer'),
    dropout: share('dropout'),
    recurrentDropout: share('recurrentDropout'),
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
  ...saved.regularizers(REGULARIZERS),
  // Files of before there were these have none.
  ...(saved.keys.includes('dropout') && { dropout: saved.number('dropout') }),
  ...(saved.keys.includes('recurrentDropout') && { recurrentDropout: saved.number('recurrentDropout') }),
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

  override get activityRegularizer(): Regularizer | null {
    return this.settings.activityRegularizer;
  }

  override get supportsMasking(): boolean {
    return true;
  }

  /** Of all states, in the order in which they come. A step that is left out has the state before it. */
  override computeMask(_: Tensor, [mask]: readonly (Tensor | null)[]): Tensor | null {
    if (!this.returnSequences || mask === null) return null;
    return this.goBackwards ? new Tensor(flip(mask.node, [1])) : mask;
  }

  /** An equal layer of another name, perhaps one that goes the other way. @internal */
  abstract copy(name: string, turned: boolean): Recurrent;

  /** Options of a copy. @internal */
  protected copied(name: string, turned: boolean): GatedOptions {
    return { ...this.settings, name, trainable: this.trainable, goBackwards: this.goBackwards !== turned };
  }

  override weights(input: Shape, name: string): WeightSpec[] {
    if (input.length !== 2) {
      throw new ShapeError(
        `Layer '${name}' (${this.className}) expects sequences [batch, steps, features], got ${formatShape(input)} an example. ` +
          `Add a Reshape before it, for example to [${input[0] ?? 1}, ${input.slice(1).reduce((a, b) => a * b, 1)}].`,
      );
    }
    const { useBias, kernelInitializer, recurrentInitializer } = this.settings;
    const { kernelRegularizer, recurrentRegularizer, biasRegularizer } = this.settings;
    const width = this.gates * this.units;
    return [
      learnt('kernel', [input[1], width], kernelInitializer, kernelRegularizer),
      learnt('recurrentKernel', [this.units, width], recurrentInitializer, recurrentRegularizer),
      ...(useBias ? [learnt('bias', this.biasShape(width), this.biasInitializer(), biasRegularizer)] : []),
    ];
  }

  call(x: Tensor, { weights: [kernel, recurrent, bias], masks, training, randomKey }: CallContext): Tensor {
    const { activation, recurrentActivation, returnSequences, goBackwards, ...settings } = this.settings;
    const [toInputs, toStates] = this.biasesOf(bias?.node);
    const [batch, , features] = x.shape;
    // One draw an example, whatever the number of steps.
    const drawn = (rate: number, shape: Shape, key: number): Node | undefined =>
      training && rate > 0 ? dropout(fullNode(1, shape), rate, key) : undefined;
    const inputFactors = drawn(settings.dropout, [batch, 1, features], randomKey);
    const factors = drawn(settings.recurrentDropout, [batch, this.units], foldIn(randomKey, 1));
    const inOrder = (steps: Node): Node => (goBackwards ? flip(steps, [1]) : steps);
    const inputs = inOrder(inputFactors === undefined ? x.node : mul(x.node, inputFactors));
    const mask = masks?.[0] ? inOrder(masks[0].node) : undefined;
    const states = recurrence(
      { x: dense(inputs, kernel.node, toInputs), kernel: recurrent.node, bias: toStates, mask, factors },
      { cell: this.cell, activation, recurrentActivation },
    );
    return new Tensor(hiddenOf(returnSequences ? states : stepOf(states, -1), this.cell));
  }

  config(): LayerConfig {
    const { activation, useBias, dropout, recurrentDropout, returnSequences, goBackwards } = this.settings;
    const { kernelInitializer, recurrentInitializer, biasInitializer, recurrentActivation } = this.settings;
    return {
      units: this.units,
      ...{ activation, useBias, dropout, recurrentDropout, returnSequences, goBackwards },
      ...(this.cell === 'simple' ? {} : { recurrentActivation }),
      kernelInitializer: initializerName(kernelInitializer),
      recurrentInitializer: initializerName(recurrentInitializer),
      biasInitializer: initializerName(biasInitializer),
      ...regularizerConfig(REGULARIZERS, this.settings),
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
