/**
 * The hooks that `fit` and `evaluate` call, in Keras' order and with Keras' names. Every hook may be
 * asynchronous; training waits for it.
 */

import { StateError } from '../base/errors.ts';
import type { Weight } from '../base/weight.ts';
import type { SavedState, State } from '../io/state.ts';
import type { NonFinite } from './divergence/nonFinite.ts';
import type { GradientMeasurement } from './gradientNorms.ts';
import type { Interruption, TrainingRecord } from './trainingRecord.ts';

/** Metrics by Keras' keys: `loss`, `accuracy`, `val_loss`, `learning_rate`, ... */
export type Logs = Record<string, number>;

/** What the GPU has reported so far; metrics are read now and then, never once a step. */
export interface MetricsReport {
  /** Epoch, from 0. */
  readonly epoch: number;
  /** Steps of this epoch that the report covers, from 1. */
  readonly batch: number;
  /** Global training step of the newest step covered, from 0. */
  readonly step: number;
  /** Means over the epoch so far. */
  readonly mean: Logs;
  /** Means over the steps since the previous report alone. */
  readonly window: Logs;
  /**
   * Mean weight of the window's examples, where classes or samples have weights; left out: 1. The loss is weighted, so
   * `(window.loss - penalty) / weight` is what compares with ln(classes). 0 where none of them counts.
   */
  readonly weight?: number;
  /** What of `window.loss` regularizers have added; left out: 0. */
  readonly penalty?: number;
  /** The first tensor that was not finite; null while all are. */
  readonly nonFinite: NonFinite | null;
}

/** A copy, on the model's device, of the weights and of the optimizer's moments. */
export interface Snapshot {
  /** Training steps that had been taken when the copy was made. */
  readonly step: number;
  /** Copies the model as it is now over the copy of before. Returns at once: the GPU copies in the order of its work. */
  take(): void;
  /** Copies back into the model and clears the flag of steps that were not finite; the learning rate stays. */
  restore(): void;
  /** What `load` takes. */
  state(): Promise<State>;
  /** Replaces the copy by what `state` gave. */
  load(saved: SavedState): void;
  /** Frees its memory. */
  dispose(): void;
}

/** The weights that averages of them stand in for, and how far those lie from them. */
export interface WeightsAside {
  /** Puts the weights back, unless steps were taken since: then training went on from the averages. The GPU copies in the order of its work. */
  restore(): void;
  /** What `load` takes. */
  state(): Promise<State>;
  /** Replaces what was set aside by what `state` gave. */
  load(saved: SavedState): void;
  /** Frees its memory. */
  dispose(): void;
}

/** What a callback may do to the model that it watches; `Sequential` implements it. */
export interface CallbackModel {
  /** Set to true to end training after the current batch's or epoch's hooks. */
  stopTraining: boolean;
  /** How the weights are updated. */
  readonly optimizer: {
    /** May be changed at any time. */
    learningRate: number;
    /** The class's name. */
    readonly name: string;
    /** Whether a moving average of the weights is kept. */
    readonly useEma: boolean;
  };
  /** The record of the training under way, else of the last one. */
  history: TrainingRecord | null;
  /** Copies of all weights, layer by layer. */
  getWeights(): Promise<Weight[]>;
  /** Replaces all weights, in that order. */
  setWeights(weights: readonly Weight[]): Promise<void>;
  /** Forgets optimizer moments and the non-finite flag, so that training can go on from restored weights. */
  resetOptimizer(): Promise<void>;
  /** The model as it is, to come back to. Free it after its last use. */
  snapshot(): Promise<Snapshot>;
  /**
   * The averages that `useEma` keeps stand in for the weights that are trained, which are set aside, until they are put back.
   * @throws StateError where the optimizer keeps none
   */
  swapAverages(): Promise<WeightsAside>;
  /** Writes the model with all that training needs to go on: optimizer, History so far, state of the callbacks. */
  save(path: string): Promise<void>;
  /**
   * Takes all of that back from a file, and has the training that is about to begin go on from there: from `onTrainBegin`,
   * or before `fit`. False where there is no file.
   */
  resume(path: string): Promise<boolean>;
}

/** Facts about the run, known when training begins. */
export interface CallbackParams {
  /** Number of the last epoch, counted from 1. */
  readonly epochs: number;
  /** Optimizer steps an epoch. */
  readonly steps: number;
  /** Training examples an epoch. */
  readonly samples: number;
  /** Examples of an optimizer step. */
  readonly batchSize: number;
  /** What `fit` was told. */
  readonly verbose: 0 | 1 | 2;
  /** Shape of one example, without the batch; left out where it is not known. */
  readonly inputShape?: readonly number[];
  /** Number of classes for a classifier (the width of the last layer), else null. */
  readonly classes: number | null;
  /**
   * What an output of 0 costs by mean squared or mean absolute error, by the examples' weights: the scale of a regression's
   * losses. Null, or left out, where it is not known.
   */
  readonly zeroLoss?: number | null;
  /** The first epoch, from 0. */
  readonly initialEpoch: number;
  /** Epochs from one validation to the next; null without validation. */
  readonly validationFreq: number | null;
}

/** What a hook returns: training waits for a promise. */
export type Hook = void | Promise<void>;

/** Base of all callbacks; override the hooks that you need. */
export abstract class Callback {
  #model: CallbackModel | null = null;
  #params: CallbackParams | null = null;

  /** The model under training; set by `fit` before `onTrainBegin`. */
  get model(): CallbackModel {
    if (this.#model === null)
      throw new StateError(`${this.constructor.name} has no model yet. Pass it to fit({ callbacks }).`);
    return this.#model;
  }

  /** Facts about the run; set by `fit` before `onTrainBegin`. */
  get params(): CallbackParams {
    if (this.#params === null)
      throw new StateError(`${this.constructor.name} has no params yet. Pass it to fit({ callbacks }).`);
    return this.#params;
  }

  /** Called by `fit`. */
  setModel(model: CallbackModel): void {
    this.#model = model;
  }

  /** Called by `fit`. */
  setParams(params: CallbackParams): void {
    this.#params = params;
  }

  /** How far an epoch came that was cut short by `stopTraining`, for `onEpochEnd`; null for one that is whole. */
  protected interruptionOf(epoch: number): Interruption | null {
    const interrupted = this.#model?.history?.interrupted ?? null;
    return interrupted?.epoch === epoch ? interrupted : null;
  }

  /**
   * Whether every training batch is waited for: where a hook of batches is overridden, each batch is submitted alone, so
   * that what the hook does takes effect at the next one. Else, and where a callback answers false because it only
   * looks on, several batches go to the GPU together, and their hooks are called once, for the first and the last. Asked
   * before every batch: the answer may change.
   */
  get everyTrainBatch(): boolean {
    const { onTrainBatchBegin, onTrainBatchEnd } = Callback.prototype;
    return this.onTrainBatchBegin !== onTrainBatchBegin || this.onTrainBatchEnd !== onTrainBatchEnd;
  }

  /**
   * Whether the metrics of every training batch are read before the next one begins, so that `onMetrics` and the logs of
   * `onTrainBatchEnd` are those of this very batch; it costs a wait for the GPU. Asked before and after every batch. Default
   * false.
   */
  get everyMetrics(): boolean {
    return false;
  }

  /** As `everyTrainBatch`, of batches of an evaluation. */
  get everyTestBatch(): boolean {
    const { onTestBatchBegin, onTestBatchEnd } = Callback.prototype;
    return this.onTestBatchBegin !== onTestBatchBegin || this.onTestBatchEnd !== onTestBatchEnd;
  }

  /** Whether it tells of steps that are not finite; where no callback does, `fit` warns of them itself. Default false. */
  get tellsNonFinite(): boolean {
    return false;
  }

  /**
   * Whether the weights stay as they are after a step that is not finite until `onMetrics` has told of it, so that its cause
   * is found with the very weights that it met: for callbacks that end training then, or go back. The steps in between, 20
   * at most, are left out. Else only the step that is not finite is. Default false.
   */
  get holdsNonFinite(): boolean {
    return false;
  }

  /** Not in Keras: what it wants to be measured of the gradients of batches; asked once, when `fit` begins. Default nothing. */
  get gradientMeasurements(): readonly GradientMeasurement[] {
    return [];
  }

  /** Callbacks of a higher rank are called after the others, whatever their order in the list. Default 0. */
  get rank(): number {
    return 0;
  }

  /**
   * What this callback must keep so that training can go on in another process as if it had never stopped; null, the
   * default, where that is nothing. It goes into every file that the model saves during training, by the name of the class,
   * which a minifier must not change: a class that overrides this writes it, `static override name = 'MyCallback'`.
   */
  state(): State | null | Promise<State | null> {
    return null;
  }

  /**
   * Takes back what `state` gave. Called after `onTrainBegin`, and within an epoch after `onEpochBegin`.
   * @throws DataError for what `state` cannot have given
   */
  restore(_saved: SavedState): Hook {}

  /** Before the first epoch. `logs` is empty. */
  onTrainBegin(_logs: Logs): Hook {}
  /** After the last epoch, with its logs. */
  onTrainEnd(_logs: Logs): Hook {}
  /** Not in Keras: `fit` is about to throw this, after `onTrainBegin`; what the hook throws is not told. */
  onTrainError(_error: unknown): Hook {}
  /** Before an epoch, counted from 0. `logs` is empty. */
  onEpochBegin(_epoch: number, _logs: Logs): Hook {}
  /**
   * `logs` holds the epoch's means, validation metrics with the prefix `val_`, and `learning_rate`; callbacks may add keys.
   * Also called, as in Keras, for an epoch that `stopTraining` cut short: then `interruptionOf(epoch)` tells how
   * far it came, and the means are those of that part.
   */
  onEpochEnd(_epoch: number, _logs: Logs): Hook {}
  /** Before a batch of the epoch, counted from 0, or a group of them: see `everyTrainBatch`. */
  onTrainBatchBegin(_batch: number, _logs: Logs): Hook {}
  /** `logs` are the newest means of the epoch that have been read; they may lag a few steps behind `batch`. */
  onTrainBatchEnd(_batch: number, _logs: Logs): Hook {}
  /** Before a validation, or before what `evaluate` does. */
  onTestBegin(_logs: Logs): Hook {}
  /** After it, with the means over all examples; keys have no `val_` here. */
  onTestEnd(_logs: Logs): Hook {}
  /** Before a batch of an evaluation, or a group of them: see `everyTestBatch`. */
  onTestBatchBegin(_batch: number, _logs: Logs): Hook {}
  /** After it. */
  onTestBatchEnd(_batch: number, _logs: Logs): Hook {}
  /** Before what `predict` does. */
  onPredictBegin(_logs: Logs): Hook {}
  /** After it. */
  onPredictEnd(_logs: Logs): Hook {}
  /** Before a batch of a prediction. */
  onPredictBatchBegin(_batch: number, _logs: Logs): Hook {}
  /** After it was sent to the GPU, which may not have finished it. */
  onPredictBatchEnd(_batch: number, _logs: Logs): Hook {}
  /** Not in Keras: a fresh read of the GPU's running metrics and of its non-finite flag. */
  onMetrics(_report: MetricsReport): Hook {}
}
