/** A model of layers in a row, trained the Keras way. */

import type { CallbackModel, History, Logs, Snapshot, Weight } from '../callbacks/index.ts';
import { ArgumentError, StateError } from '../errors.ts';
import { checkOptions } from '../given.ts';
import { defaultDevice } from '../gpu/defaultDevice.ts';
import type { Device } from '../gpu/device.ts';
import { INSPECT } from '../inspect.ts';
import type { Layer } from '../layers/index.ts';
import { checkInputShape } from '../layers/layer.ts';
import { type Loss, type LossName, resolveLoss } from '../losses.ts';
import { type Metric, type MetricName, resolveMetrics } from '../metrics.ts';
import { makeOptimizer, type Optimizer, type OptimizerName, resolveOptimizer } from '../optimizers.ts';
import { checkUint32 } from '../random.ts';
import type { Shape } from '../shape.ts';
import type { Tensor, TensorLike } from '../tensor.ts';
import { BatchTrainers } from './batchTrainers.ts';
import { checkExamples, checkInputs, dataOf } from './checkData.ts';
import { checkWhole } from './checks.ts';
import type { Compiled, Goal, Progress } from './compiled.ts';
import { type EvaluateOptions, evaluate, takeEvaluateOptions } from './evaluate.ts';
import { numbersOf } from './exampleWeights.ts';
import { type FitOptions, fit } from './fit.ts';
import { takeFitOptions } from './fitOptions.ts';
import { type MemoryOptions, type MemoryReport, memoryReport } from './memory.ts';
import type { OptimizerState, SavedModel, SavedOptimizer } from './modelFile.ts';
import { Moments, type SavedMoments } from './moments.ts';
import { Network } from './network.ts';
import { type PredictOptions, predict, takePredictOptions } from './predict.ts';
import { restoreFrom, Standing } from './standing.ts';
import { summaryOf } from './summary.ts';
import type { Trainer } from './trainer.ts';
import { checkLayers } from './userParts.ts';
import { Visits } from './visits.ts';
import { readWeights, writeWeights } from './weights.ts';

const seldom = () => import('./seldom.ts');

const NO_MOMENTS: SavedMoments = { moments: new Map(), steps: 0, leftOut: 0 };

/** Options of `Sequential`. */
export interface SequentialOptions {
  /** Shape of one example, without the batch; default: the first layer's `inputShape`, or that of the first data seen. */
  readonly inputShape?: Shape;
  /** Of the weights, the shuffling and dropout; default 0. The same seed gives the same bits on the same adapter. */
  readonly seed?: number;
  /** Default: the oldest open device, opened when first needed. */
  readonly device?: Device;
}

/** Options of `compile`. */
export interface CompileOptions {
  /** Default Adam, or that of the file which the model was loaded from. Names stand for the defaults. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** A name for the defaults, or a loss. */
  readonly loss: LossName | Loss;
  /** Default none. */
  readonly metrics?: readonly (MetricName | Metric)[];
}

/** Layers in a row, each on the output of the one before: built, compiled and trained as in Keras. */
export class Sequential implements CallbackModel {
  /** @internal */
  static readonly name: string = 'Sequential';
  /** Ends training when set to true: after the hooks of the current batch or epoch, else after the steps submitted together. */
  stopTraining = false;
  history: History | null = null;
  readonly seed: number;
  readonly #layers: Layer[];
  readonly #asked: Device | undefined;
  #network: Network | null = null;
  #goal: Goal | null = null;
  #device: Device | null = null;
  #moments: Moments | null = null;
  /** Of the file that was loaded; its moments only until a step is taken, because the optimizer may be chosen, and again, after loading. */
  #loaded: SavedOptimizer | null = null;
  /** Steps that had been taken when it was. */
  #loadedAt = 0;
  #trainer: Trainer | null = null;
  readonly #batchTrainers = new BatchTrainers();
  #training = false;
  readonly #progress: Progress = { step: 0 };
  readonly #standing = new Standing();
  readonly #visits = new Visits();

  constructor(layers: readonly Layer[] = [], options: SequentialOptions = {}) {
    checkLayers(layers);
    checkOptions('Sequential', options, { inputShape: true, seed: true, device: true });
    this.#layers = [...layers];
    this.#asked = options.device;
    this.seed = options.seed ?? 0;
    checkUint32('Sequential', 'seed', this.seed);
    const inputShape = options.inputShape ?? layers[0]?.inputShape;
    if (inputShape) this.build(inputShape);
  }

  /** Adds a layer at the end; only before the model is built. */
  add(layer: Layer): this {
    if (this.#network !== null) {
      throw new StateError('add: the model is built already. Add all layers before fit, build or summary.');
    }
    checkLayers([...this.#layers, layer]);
    this.#layers.push(layer);
    return this;
  }

  /** In order. */
  get layers(): readonly Layer[] {
    return [...this.#layers];
  }

  /** Whether the shape of an example is fixed and the weights are drawn. */
  get built(): boolean {
    return this.#network !== null;
  }

  /** Fixes the shape of one example, checks that the layers fit, and draws the weights. */
  build(inputShape: Shape): this {
    return this.#buildFor('build', inputShape);
  }

  #buildFor(who: string, inputShape: Shape): this {
    checkInputShape(inputShape, who);
    if (this.#network !== null) {
      checkInputs(who, inputShape, this.#network);
      return this;
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

  /**
   * Chooses optimizer, loss and metrics. May be called again: the weights stay. After a model was loaded, and until it is
   * trained, an optimizer of the file's kind goes on with the file's moments, and with its learning rate unless an
   * `Optimizer` with one of its own is given.
   */
  compile(options: CompileOptions): this {
    this.#requireIdle('compile');
    checkOptions('compile', options, { optimizer: true, loss: true, metrics: true }, "loss: 'mse'");
    const { loss, metrics = [] } = options;
    const loaded = this.#loaded;
    const { optimizer = loaded === null ? 'adam' : makeOptimizer(loaded.name, loaded.config) } = options;
    const resolved = resolveLoss(loss);
    this.#goal = {
      optimizer: resolveOptimizer(optimizer),
      loss: resolved,
      metrics: resolveMetrics(metrics, resolved),
    };
    this.#forgetMoments();
    if (typeof optimizer === 'string') this.#adoptLearningRate();
    return this;
  }

  #requireGoal(who: string): Goal {
    if (this.#goal !== null) return this.#goal;
    throw new StateError(`${who}: the model has no loss yet. Call compile({ optimizer, loss, metrics }) first.`);
  }

  /**
   * The optimizer; its learning rate may be changed at any time.
   * @throws StateError before `compile`
   */
  get optimizer(): Optimizer {
    return this.#requireGoal('optimizer').optimizer;
  }

  /** Shape of one example, without the batch. */
  get inputShape(): Shape {
    return this.#requireNetwork('inputShape').inputShape;
  }

  /** Shape of one output, without the batch. */
  get outputShape(): Shape {
    return this.#requireNetwork('outputShape').outputShape;
  }

  /** The device that holds the weights; opened when first asked for. */
  async device(): Promise<Device> {
    this.#device ??= this.#asked ?? (await defaultDevice());
    const device = this.#device;
    device.check();
    this.#network?.trainable.attach(device);
    this.#network?.fixed.attach(device);
    return device;
  }

  /**
   * The model, compiled and built; nothing of it on a device yet.
   * @internal
   * @param inputShape of one example; default: that of the model, which is built already
   */
  planned(who: string, inputShape?: Shape): Goal & { readonly network: Network } {
    const goal = this.#requireGoal(who);
    if (inputShape !== undefined) this.#buildFor(who, inputShape);
    return { ...goal, network: this.#requireNetwork(who) };
  }

  /**
   * The model with its weights and moments on the device.
   * @internal
   * @param inputShape as for `planned`
   */
  async ready(who: string, inputShape?: Shape): Promise<Compiled> {
    const { network, ...goal } = this.planned(who, inputShape);
    const device = await this.device();
    if (this.#moments === null) {
      this.#moments = new Moments(device, goal.optimizer.rule, network.trainable.size);
      this.#adoptMoments(this.#moments, goal.optimizer.name);
    }
    return { ...goal, device, network, moments: this.#moments, progress: this.#progress, seed: this.seed };
  }

  /** What was loaded and not yet trained with, where an optimizer of this name can go on with it. */
  #loadedFor(optimizer: string): SavedOptimizer | null {
    return this.#loaded?.name === optimizer && this.#loadedAt === this.#progress.step ? this.#loaded : null;
  }

  /** Sets the learning rate of a file where the optimizer is of the same kind. */
  #adoptLearningRate(): void {
    const optimizer = this.#goal?.optimizer;
    const loaded = optimizer && this.#loadedFor(optimizer.name);
    if (optimizer && loaded) optimizer.learningRate = loaded.learningRate;
  }

  /** Hands the moments of a file to an optimizer of the same kind; another one starts afresh. */
  #adoptMoments(moments: Moments, optimizer: string): void {
    const loaded = this.#loadedFor(optimizer);
    if (loaded !== null) moments.restore(loaded);
  }

  #forgetLoadedMoments(): void {
    if (this.#loaded !== null) this.#loaded = { ...this.#loaded, ...NO_MOMENTS };
  }

  /** As it stands now, though its moments may arrive later. */
  async #optimizerState(): Promise<OptimizerState | null> {
    const optimizer = this.#goal?.optimizer;
    const name = optimizer?.name ?? this.#loaded?.name;
    if (name === undefined) return null;
    const loaded = this.#loadedFor(name);
    const config = optimizer?.config() ?? loaded?.config;
    if (config === undefined) return null;
    // What was loaded and not yet trained with is handed on.
    const { moments, steps, leftOut } = (await this.#moments?.read()) ?? loaded ?? NO_MOMENTS;
    return { name, config, moments, steps, leftOut };
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
    if (this.#visits.hooked) {
      throw new StateError(
        `${who}: a callback of evaluate or predict is running, and training would change what they see. Await them first.`,
      );
    }
    this.#training = true;
    const { step } = this.#progress;
    try {
      return await work();
    } finally {
      this.#training = false;
      if (this.#progress.step !== step) this.#forgetLoadedMoments();
    }
  }

  /**
   * Trains on inputs [examples, ...] and labels [examples, ...], which are uploaded once. The short last batch counts with
   * its true size.
   * @throws DataError for inputs that are not finite and labels that the loss cannot take, where the host gave them
   * @throws ArgumentError for an option out of range, or one that does not exist
   */
  async fit(xs: TensorLike, ys: TensorLike, options: FitOptions = {}): Promise<History> {
    return this.#whileTraining('fit', async () => {
      const [x, y] = [dataOf(xs, 'fit: inputs'), dataOf(ys, 'fit: labels')];
      const taken = takeFitOptions(options);
      const compiled = await this.ready('fit', x.shape.slice(1));
      const adopt = (trainer: Trainer | null): void => {
        this.#trainer = trainer;
      };
      const [standing, visits] = [this.#standing, this.#visits];
      return fit({ model: this, compiled, standing, visits, adopt }, x, y, taken);
    });
  }

  /** Mean loss and metrics over all examples, by name. */
  async evaluate(xs: TensorLike, ys: TensorLike, options: EvaluateOptions = {}): Promise<Logs> {
    const taken = takeEvaluateOptions(options);
    const [x, y] = [dataOf(xs, 'evaluate: inputs'), dataOf(ys, 'evaluate: labels')];
    const compiled = await this.ready('evaluate', x.shape.slice(1));
    return this.#visits.visit(() => evaluate(this, compiled, x, y, taken, this.#visits.inner));
  }

  /** Outputs [examples, ...] of inputs [examples, ...]. */
  async predict(xs: TensorLike, options: PredictOptions = {}): Promise<Tensor> {
    const taken = takePredictOptions(options);
    const x = dataOf(xs, 'predict: inputs');
    const network = this.#buildFor('predict', x.shape.slice(1)).#requireNetwork('predict');
    const device = await this.device();
    return this.#visits.visit(() => predict(this, device, network, x, taken, this.#visits.inner));
  }

  /**
   * One optimizer step on one batch; returns its loss and metrics. For loops of your own; `fit` is faster. The plans of
   * the last few shapes are kept until the model is compiled anew or disposed of.
   */
  async trainOnBatch(
    xs: TensorLike,
    ys: TensorLike,
    options: { readonly sampleWeight?: TensorLike } = {},
  ): Promise<Logs> {
    return this.#whileTraining('trainOnBatch', async () => {
      checkOptions('trainOnBatch', options, { sampleWeight: true });
      const [x, y] = [dataOf(xs, 'trainOnBatch: inputs'), dataOf(ys, 'trainOnBatch: labels')];
      const sampleWeight = options.sampleWeight && dataOf(options.sampleWeight, 'trainOnBatch: sampleWeight');
      const compiled = await this.ready('trainOnBatch', x.shape.slice(1));
      const weights = await numbersOf('trainOnBatch', compiled.device, sampleWeight);
      checkExamples('trainOnBatch', compiled, { x, y, weights });
      await this.#visits.close();
      try {
        return await this.#batchTrainers.train(compiled, { x, y, weights });
      } finally {
        this.#visits.open();
      }
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
    await this.#visits.visit(async () => {
      this.#moments?.reset();
      this.#forgetLoadedMoments();
      this.#trainer?.forget();
    });
  }

  async snapshot(): Promise<Snapshot> {
    const { DeviceSnapshot } = await seldom();
    return new DeviceSnapshot(await this.ready('snapshot'), () => this.#trainer?.forget());
  }

  /** What training takes on the GPU; needs none. Within 5 % of what `fit` allocates; example weights and what callbacks keep come on top. */
  memory(options: MemoryOptions): MemoryReport {
    checkOptions('memory', options, {
      batchSize: true,
      microBatchSize: true,
      examples: true,
      validationExamples: true,
      dtype: true,
    });
    const [network, goal] = [this.#requireNetwork('memory'), this.#requireGoal('memory')];
    checkWhole('memory', 'batchSize', options.batchSize, 1);
    if (options.microBatchSize !== undefined) checkWhole('memory', 'microBatchSize', options.microBatchSize, 1);
    if (options.examples !== undefined) checkWhole('memory', 'examples', options.examples, 1);
    if (options.validationExamples !== undefined)
      checkWhole('memory', 'validationExamples', options.validationExamples, 0);
    return memoryReport(goal, network, options, this.#device);
  }

  /** A table of layers, shapes and parameter counts, printed and returned. */
  summary({ print = (line: string) => console.log(line) }: { readonly print?: (line: string) => void } = {}): string {
    const text = summaryOf(this.#requireNetwork('summary'));
    print(text);
    return text;
  }

  /** The table of `summary`; before the model is built, the classes of its layers. */
  toString(): string {
    if (this.#network !== null) return `Sequential\n${summaryOf(this.#network)}`;
    return `Sequential(${this.#layers.map(({ className }) => className).join(', ')}; not built yet)`;
  }

  /** What Node's `console.log` shows. @internal */
  [INSPECT](): string {
    return this.toString();
  }

  /**
   * The model as a safetensors file: weights, optimizer moments, and the architecture in the metadata; during and after
   * `fit` also all that training needs to go on (`resume`). Beside a training it waits until the hooks of a batch are done,
   * and training waits for it: all is of one step.
   */
  async toSafetensors(): Promise<Uint8Array> {
    const { encodeModel } = await seldom();
    return this.#visits.visit(async () => {
      const network = this.#requireNetwork('save');
      const { step } = this.#progress;
      // All readings begin at once: nothing comes between them.
      const [weights, optimizer, training] = await Promise.all([
        readWeights(network),
        this.#optimizerState(),
        this.#visits.within(() => this.#standing.state()),
      ]);
      return encodeModel({ network, seed: this.seed, step, weights, optimizer, training });
    });
  }

  /**
   * Writes a safetensors file (Node); in a browser use `toSafetensors`. Whatever happens meanwhile, the file is the old one
   * or the new one.
   * @throws FileError where the system refuses the file
   */
  async save(path: string): Promise<void> {
    const { writeBytes } = await seldom();
    await writeBytes('save', path, await this.toSafetensors());
  }

  /**
   * Takes weights, optimizer moments and learning rate from a file of an equal model. A `fit` that follows is a new
   * training; `resume` goes on with the old one. Within a training, the steps that follow go on from the file's weights;
   * examples, counts and means are those of the training.
   * @throws FileError for a file that cannot be read, DataError for one that is damaged or of another model
   */
  async load(path: string): Promise<void> {
    const { readBytes } = await seldom();
    await this.#decode(await readBytes('load', path));
  }

  /** The same from bytes. */
  async fromSafetensors(bytes: Uint8Array): Promise<void> {
    await this.#decode(new Uint8Array(bytes));
  }

  /** `bytes` that nobody changes meanwhile. */
  async #decode(bytes: Uint8Array): Promise<void> {
    const { decodeModel, decodeSafetensors } = await seldom();
    const saved = decodeModel(decodeSafetensors(bytes), this.#requireNetwork('load'));
    await this.#visits.visit(async () => this.#adopt(saved));
  }

  #adopt({ weights, optimizer, steps }: SavedModel): void {
    writeWeights(this.#requireNetwork('load'), weights);
    // A training that is under way goes on counting: what it knows of its steps stays right.
    if (!this.#standing.begun) this.#progress.step = steps;
    this.#standing.forget();
    this.#loaded = optimizer;
    this.#loadedAt = this.#progress.step;
    this.#adoptLearningRate();
    this.#trainer?.reload();
    // In place, since the plans of a training that goes on may hold them already.
    if (this.#moments !== null) {
      this.#moments.reset();
      this.#adoptMoments(this.#moments, this.optimizer.name);
    }
  }

  /**
   * Takes all from a file that was saved during or after `fit`, and has the next `fit` go on where that training stood:
   * epoch and batch, learning rate, random draws, History and the callbacks' state. With the same data, options and
   * callbacks it comes to what a training that was never interrupted comes to, bit for bit on the same adapter.
   * `BackupAndRestore` does this by itself.
   * @returns false where there is no such file
   * @throws DataError for a file that is damaged, or of another model, seed or optimizer; the model stays as it was
   * @throws StateError within a training: it cannot become another one. `load` takes the file's weights
   */
  async resume(path: string): Promise<boolean> {
    const { optimizer } = this.#requireGoal('resume');
    this.#requireNotBegun();
    const network = this.#requireNetwork('resume');
    const { decodeResumable, decodeSafetensors, isMissing, readBytes } = await seldom();
    const bytes = await readBytes('resume', path).catch((error: unknown) => {
      if (isMissing(error)) return null;
      throw error;
    });
    if (bytes === null) return false;
    const saved = await restoreFrom(path, () =>
      decodeResumable(decodeSafetensors(bytes), { network, seed: this.seed, optimizer }),
    );
    await this.#visits.visit(async () => {
      this.#requireNotBegun();
      this.#adopt(saved);
      this.#standing.resume({ source: path, state: saved.training, learningRate: optimizer.learningRate });
    });
    return true;
  }

  #requireNotBegun(): void {
    if (!this.#standing.begun) return;
    throw new StateError(
      'resume: a training is under way and cannot become another one. Call it before fit or in onTrainBegin, or take the weights with load.',
    );
  }

  /** A new model from a file (Node): architecture, weights and optimizer state. Compile it before training on. */
  static async load(path: string, options: SequentialOptions = {}): Promise<Sequential> {
    const { readBytes } = await seldom();
    return Sequential.#decoded(await readBytes('load', path), options);
  }

  /** The same from bytes. */
  static async fromSafetensors(bytes: Uint8Array, options: SequentialOptions = {}): Promise<Sequential> {
    return Sequential.#decoded(new Uint8Array(bytes), { ...options });
  }

  static async #decoded(bytes: Uint8Array, options: SequentialOptions): Promise<Sequential> {
    const { decodeArchitecture } = await seldom();
    const { layers, inputShape, seed } = decodeArchitecture(bytes);
    const model = new Sequential(layers, { seed, ...options, inputShape });
    await model.#decode(bytes);
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
