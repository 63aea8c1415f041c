/**
 * The hooks that `fit`, `evaluate` and `predict` call, in Keras' order and with Keras' names. Every hook may be
 * asynchronous; training waits for it.
 */

/** Metrics by Keras' keys: `loss`, `accuracy`, `val_loss`, `learning_rate`, ... */
export type Logs = Record<string, number>;

/** A weight copied to the host: its name (`layer/kernel`), shape and values in row-major order. */
export interface Weight {
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array;
}

/** The first tensor of a training step that held NaN or an infinity. */
export interface NonFinite {
  /** Training step, counted from 0 since the model was compiled. */
  readonly step: number;
  /** Name of the tensor: `conv2d`, `dense/kernel`, `gradient of dense/kernel` or `loss`. */
  readonly tensor: string;
}

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
  readonly nonFinite: NonFinite | null;
}

/** What a callback may do to the model that it watches; `Sequential` implements it. */
export interface CallbackModel {
  /** Set to true to end training after the current batch's or epoch's hooks. */
  stopTraining: boolean;
  readonly optimizer: { learningRate: number };
  getWeights(): Promise<Weight[]>;
  setWeights(weights: readonly Weight[]): Promise<void>;
  /** Forgets optimizer moments and the non-finite flag, so that training can go on from restored weights. */
  resetOptimizer(): Promise<void>;
  save(path: string): Promise<void>;
}

/** Facts about the run, known when training begins. */
export interface CallbackParams {
  readonly epochs: number;
  /** Optimizer steps an epoch. */
  readonly steps: number;
  /** Training examples an epoch. */
  readonly samples: number;
  readonly batchSize: number;
  readonly verbose: 0 | 1 | 2;
  /** Number of classes for a classifier (the width of the last layer), else null. */
  readonly classes: number | null;
  readonly initialEpoch: number;
}

type Hook = void | Promise<void>;

/** Base of all callbacks; override the hooks that you need. */
export abstract class Callback {
  #model: CallbackModel | null = null;
  #params: CallbackParams | null = null;

  /** The model under training; set by `fit` before `onTrainBegin`. */
  get model(): CallbackModel {
    if (this.#model === null)
      throw new Error(`${this.constructor.name} has no model yet: pass it to fit({ callbacks })`);
    return this.#model;
  }

  get params(): CallbackParams {
    if (this.#params === null)
      throw new Error(`${this.constructor.name} has no params yet: pass it to fit({ callbacks })`);
    return this.#params;
  }

  setModel(model: CallbackModel): void {
    this.#model = model;
  }

  setParams(params: CallbackParams): void {
    this.#params = params;
  }

  /**
   * Whether every training batch is waited for: where a hook of batches is overridden, each batch is submitted alone, so
   * that what the hook does takes effect at the next one. Else, and where a callback answers false because it only
   * looks on, several batches go to the GPU together, and their hooks are called once, for the first and the last.
   */
  get everyTrainBatch(): boolean {
    const { onTrainBatchBegin, onTrainBatchEnd } = Callback.prototype;
    return this.onTrainBatchBegin !== onTrainBatchBegin || this.onTrainBatchEnd !== onTrainBatchEnd;
  }

  /** The same of batches of an evaluation. */
  get everyTestBatch(): boolean {
    const { onTestBatchBegin, onTestBatchEnd } = Callback.prototype;
    return this.onTestBatchBegin !== onTestBatchBegin || this.onTestBatchEnd !== onTestBatchEnd;
  }

  onTrainBegin(_logs: Logs): Hook {}
  onTrainEnd(_logs: Logs): Hook {}
  onEpochBegin(_epoch: number, _logs: Logs): Hook {}
  /** `logs` holds the epoch's means, validation metrics with the prefix `val_`, and `learning_rate`; callbacks may add keys. */
  onEpochEnd(_epoch: number, _logs: Logs): Hook {}
  onTrainBatchBegin(_batch: number, _logs: Logs): Hook {}
  /** `logs` are the newest means of the epoch that have been read; they may lag a few steps behind `batch`. */
  onTrainBatchEnd(_batch: number, _logs: Logs): Hook {}
  onTestBegin(_logs: Logs): Hook {}
  onTestEnd(_logs: Logs): Hook {}
  onTestBatchBegin(_batch: number, _logs: Logs): Hook {}
  onTestBatchEnd(_batch: number, _logs: Logs): Hook {}
  onPredictBegin(_logs: Logs): Hook {}
  onPredictEnd(_logs: Logs): Hook {}
  onPredictBatchBegin(_batch: number, _logs: Logs): Hook {}
  onPredictBatchEnd(_batch: number, _logs: Logs): Hook {}
  /** Not in Keras: a fresh read of the GPU's running metrics and of its non-finite flag. */
  onMetrics(_report: MetricsReport): Hook {}
}
