/** A model of layers in a row, trained the Keras way. */

import type { Callback, CallbackModel, History, Logs, Weight } from '../callbacks/index.ts';
import { CallbackList } from '../callbacks/index.ts';
import { ArgumentError, ShapeError, StateError } from '../errors.ts';
import { defaultDevice } from '../gpu/defaultDevice.ts';
import type { Device } from '../gpu/device.ts';
import { readBytes, writeBytes } from '../io/files.ts';
import type { Layer } from '../layers/index.ts';
import { type Loss, type LossName, resolveLoss } from '../losses.ts';
import { type Metric, type MetricName, resolveMetric } from '../metrics.ts';
import { type Optimizer, type OptimizerName, resolveOptimizer } from '../optimizers.ts';
import { formatShape, type Shape, sameShape } from '../shape.ts';
import { asTensor, type Tensor, type TensorLike } from '../tensor.ts';
import { BatchTrainers } from './batchTrainers.ts';
import { checkWhole } from './checks.ts';
import { type Compiled, classesOf, type Goal, type Progress } from './compiled.ts';
import { numbersOf } from './exampleWeights.ts';
import { type FitOptions, fit } from './fit.ts';
import { disposeExamples, uploadExamples } from './gpuDataset.ts';
import { type MemoryReport, memoryReport } from './memory.ts';
import { decodeArchitecture, decodeModel, encodeModel, type SavedMoments } from './modelFile.ts';
import { Moments } from './moments.ts';
import { Network } from './network.ts';
import { predict } from './predict.ts';
import { summaryOf } from './summary.ts';
import { Evaluator, type Trainer } from './trainer.ts';
import { readWeights, writeWeights } from './weights.ts';

export interface SequentialOptions {
  /** Shape of one example, without the batch; default: the first layer's `inputShape`, or that of the first data seen. */
  readonly inputShape?: Shape;
  /** Of the weights, the shuffling and dropout; default 0. The same seed gives the same bits on the same adapter. */
  readonly seed?: number;
  /** Default: the oldest open device, opened when first needed. */
  readonly device?: Device;
}

export interface CompileOptions {
  /** Default Adam. Names stand for the defaults. */
  readonly optimizer?: Optimizer | OptimizerName;
  readonly loss: LossName | Loss;
  /** Default none. */
  readonly metrics?: readonly (MetricName | Metric)[];
}

export interface EvaluateOptions {
  /** Default 32. */
  readonly batchSize?: number;
  readonly sampleWeight?: TensorLike;
  readonly callbacks?: readonly Callback[];
}

export class Sequential implements CallbackModel {
  /** Ends training when set to true: after the hooks of the current batch or epoch, else after the steps submitted together. */
  stopTraining = false;
  readonly seed: number;
  readonly #layers: Layer[];
  readonly #options: SequentialOptions;
  #network: Network | null = null;
  #goal: Goal | null = null;
  #device: Device | null = null;
  #moments: Moments | null = null;
  #pendingMoments: SavedMoments | null = null;
  #trainer: Trainer | null = null;
  readonly #batchTrainers = new BatchTrainers();
  #training = false;
  readonly #progress: Progress = { step: 0 };

  constructor(layers: readonly Layer[] = [], options: SequentialOptions = {}) {
    this.#layers = [...layers];
    this.#options = options;
    this.seed = options.seed ?? 0;
    const inputShape = options.inputShape ?? layers[0]?.inputShape;
    if (inputShape) this.build(inputShape);
  }

  /** Adds a layer at the end; only before the model is built. */
  add(layer: Layer): this {
    if (this.#network !== null) {
      throw new StateError('add: the model is built already. Add all layers before fit, build or summary.');
    }
    this.#layers.push(layer);
    return this;
  }

  get layers(): readonly Layer[] {
    return this.#layers;
  }

  get built(): boolean {
    return this.#network !== null;
  }

  /** Fixes the shape of one example, checks that the layers fit, and draws the weights. */
  build(inputShape: Shape): this {
    if (this.#network !== null) {
      if (sameShape(this.#network.inputShape, inputShape)) return this;
      throw new ShapeError(
        `The model was built for inputs ${formatShape(this.#network.inputShape)}, got ${formatShape(inputShape)} an example. Reshape the inputs.`,
      );
    }
    if (this.#layers.length === 0) throw new ArgumentError('The model has no layers. Give at least one.');
    this.#network = new Network(this.#layers, inputShape, this.seed);
    return this;
  }

  #requireNetwork(who: string): Network {
    if (this.#network !== null) return this.#network;
    const inputShape = this.#layers[0]?.inputShape;
    if (inputShape) return this.build(inputShape).#requireNetwork(who);
    throw new StateError(
      `${who}: the shape of an example is not known yet. Give the first layer an inputShape, or call build(inputShape).`,
    );
  }

  /** Chooses optimizer, loss and metrics. May be called again: the weights stay. */
  compile({ optimizer = 'adam', loss, metrics = [] }: CompileOptions): this {
    this.#requireIdle('compile');
    const resolved = resolveLoss(loss);
    this.#goal = {
      optimizer: resolveOptimizer(optimizer),
      loss: resolved,
      metrics: metrics.map((metric) => resolveMetric(metric, resolved)),
    };
    this.#forgetMoments();
    return this;
  }

  #requireGoal(who: string): Goal {
    if (this.#goal !== null) return this.#goal;
    throw new StateError(`${who}: the model has no loss yet. Call compile({ optimizer, loss, metrics }) first.`);
  }

  get optimizer(): Optimizer {
    return this.#requireGoal('optimizer').optimizer;
  }

  /** Shape of one output, without the batch. */
  get outputShape(): Shape {
    return this.#requireNetwork('outputShape').outputShape;
  }

  /** The device that holds the weights; opened when first asked for. */
  async device(): Promise<Device> {
    this.#device ??= this.#options.device ?? (await defaultDevice());
    const device = this.#device;
    device.check();
    this.#network?.trainable.attach(device);
    this.#network?.fixed.attach(device);
    return device;
  }

  async #ready(who: string, x: Tensor): Promise<Compiled> {
    const goal = this.#requireGoal(who);
    const network = this.build(x.shape.slice(1)).#requireNetwork(who);
    const device = await this.device();
    if (this.#moments === null) {
      this.#moments = new Moments(device, goal.optimizer.rule, network.trainable.size);
      this.#restoreMoments(this.#moments, goal.optimizer.name);
    }
    return { ...goal, device, network, moments: this.#moments, progress: this.#progress, seed: this.seed };
  }

  /** Hands the moments of a file to an optimizer of the same kind; another one starts afresh. */
  #restoreMoments(moments: Moments, optimizer: string): void {
    const saved = this.#pendingMoments;
    this.#pendingMoments = null;
    if (saved === null || saved.optimizer !== optimizer) return;
    if (!moments.names.every((name) => saved.values.get(name)?.length === moments.size)) return;
    moments.names.forEach((name, at) => {
      moments.write(at, saved.values.get(name) ?? new Float32Array(0));
    });
    moments.steps = saved.steps;
  }

  /** Frees the moments and the plans that read them. */
  #forgetMoments(): void {
    void this.#batchTrainers.dispose();
    this.#moments?.dispose();
    this.#moments = null;
  }

  #requireIdle(who: string): void {
    if (!this.#training) return;
    throw new StateError(`${who}: the model is in training. Await the fit or trainOnBatch that is under way first.`);
  }

  async #whileTraining<T>(who: string, work: () => Promise<T>): Promise<T> {
    this.#requireIdle(who);
    this.#training = true;
    try {
      return await work();
    } finally {
      this.#training = false;
    }
  }

  /**
   * Trains on inputs [examples, ...] and labels [examples, ...], which are uploaded once. The short last batch counts with
   * its true size.
   */
  async fit(xs: TensorLike, ys: TensorLike, options: FitOptions = {}): Promise<History> {
    return this.#whileTraining('fit', async () => {
      const [x, y] = [asTensor(xs), asTensor(ys)];
      const compiled = await this.#ready('fit', x);
      const adopt = (trainer: Trainer | null): void => {
        this.#trainer = trainer;
      };
      return fit({ model: this, compiled, adopt }, x, y, options);
    });
  }

  /** Mean loss and metrics over all examples, by name. */
  async evaluate(xs: TensorLike, ys: TensorLike, options: EvaluateOptions = {}): Promise<Logs> {
    const { batchSize = 32 } = options;
    const [x, y] = [asTensor(xs), asTensor(ys)];
    checkWhole('evaluate', 'batchSize', batchSize, 1);
    const compiled = await this.#ready('evaluate', x);
    const examples = await uploadExamples(compiled.device, x, y, await numbersOf(options.sampleWeight));
    const evaluator = new Evaluator(compiled, examples, 0, examples.x.count, batchSize);
    const callbacks =
      options.callbacks === undefined
        ? null
        : new CallbackList(options.callbacks, this, {
            epochs: 1,
            steps: Math.ceil(examples.x.count / batchSize),
            samples: examples.x.count,
            batchSize,
            verbose: 0,
            classes: classesOf(compiled),
            initialEpoch: 0,
          });
    try {
      await evaluator.prepare();
      const logs = await evaluator.run(callbacks);
      await compiled.device.finish();
      return logs;
    } finally {
      await evaluator.dispose();
      disposeExamples(examples);
    }
  }

  /** Outputs [examples, ...] of inputs [examples, ...]. */
  async predict(xs: TensorLike, { batchSize = 32 }: { readonly batchSize?: number } = {}): Promise<Tensor> {
    const x = asTensor(xs);
    checkWhole('predict', 'batchSize', batchSize, 1);
    const network = this.build(x.shape.slice(1)).#requireNetwork('predict');
    const device = await this.device();
    return predict(device, network, x, batchSize);
  }

  /**
   * One optimizer step on one batch; returns its loss and metrics. For loops of your own; `fit` is faster. The plans of
   * the last few shapes are kept until the model is compiled anew or disposed of.
   */
  async trainOnBatch(
    xs: TensorLike,
    ys: TensorLike,
    { sampleWeight }: { readonly sampleWeight?: TensorLike } = {},
  ): Promise<Logs> {
    return this.#whileTraining('trainOnBatch', async () => {
      const [x, y] = [asTensor(xs), asTensor(ys)];
      const compiled = await this.#ready('trainOnBatch', x);
      const weights = await numbersOf(sampleWeight);
      return this.#batchTrainers.train(compiled, { x, y, weights });
    });
  }

  /** Copies of all weights, layer by layer. */
  async getWeights(): Promise<Weight[]> {
    return readWeights(this.#requireNetwork('getWeights'));
  }

  /** Replaces all weights, in the order of `getWeights`. */
  async setWeights(weights: readonly (Weight | Float32Array)[]): Promise<void> {
    writeWeights(this.#requireNetwork('setWeights'), weights);
  }

  async resetOptimizer(): Promise<void> {
    this.#moments?.reset();
    this.#trainer?.forget();
  }

  /** Memory on the GPU for training at a batch size; needs no GPU. */
  memory({ batchSize }: { readonly batchSize: number }): MemoryReport {
    checkWhole('memory', 'batchSize', batchSize, 1);
    return memoryReport(this.#requireGoal('memory'), this.#requireNetwork('memory'), batchSize, this.#device?.target);
  }

  /** A table of layers, shapes and parameter counts, printed and returned. */
  summary({ print = (line: string) => console.log(line) }: { readonly print?: (line: string) => void } = {}): string {
    const text = summaryOf(this.#requireNetwork('summary'));
    print(text);
    return text;
  }

  /** The model as a safetensors file: weights, optimizer moments, and the architecture in the metadata. */
  async toSafetensors(): Promise<Uint8Array> {
    return encodeModel({
      network: this.#requireNetwork('save'),
      seed: this.seed,
      progress: this.#progress,
      optimizer: this.#goal?.optimizer ?? null,
      moments: this.#moments,
    });
  }

  /** Writes a safetensors file (Node); in a browser use `toSafetensors`. */
  async save(path: string): Promise<void> {
    await writeBytes('save', path, await this.toSafetensors());
  }

  /** Takes weights and optimizer state from a file of an equal model. */
  async load(path: string): Promise<void> {
    await this.fromSafetensors(await readBytes('load', path));
  }

  /** The same from bytes. */
  async fromSafetensors(bytes: Uint8Array): Promise<void> {
    const { weights, moments, steps } = decodeModel(bytes, this.#requireNetwork('load'));
    await this.setWeights(weights);
    this.#progress.step = steps;
    this.#forgetMoments();
    // Kept until training begins: the optimizer may be chosen only after loading.
    this.#pendingMoments = moments;
  }

  /** A new model from a file (Node): architecture, weights and optimizer state. Compile it before training on. */
  static async load(path: string, options: SequentialOptions = {}): Promise<Sequential> {
    return Sequential.fromSafetensors(await readBytes('load', path), options);
  }

  /** The same from bytes. */
  static async fromSafetensors(bytes: Uint8Array, options: SequentialOptions = {}): Promise<Sequential> {
    const { layers, inputShape, seed } = decodeArchitecture(bytes);
    const model = new Sequential(layers, { seed, ...options, inputShape });
    await model.fromSafetensors(bytes);
    return model;
  }

  /** Frees the model's memory on the GPU. */
  dispose(): void {
    this.#requireIdle('dispose');
    this.#network?.trainable.dispose();
    this.#network?.fixed.dispose();
    this.#forgetMoments();
  }
}
