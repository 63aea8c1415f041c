/** What all models have in common: trained the Keras way, saved, resumed, looked at. */

import { flagOf } from '../base/checks.ts';
import { StateError } from '../base/errors.ts';
import { INSPECT } from '../base/inspect.ts';
import { checkOptions } from '../base/optionNames.ts';
import { checkUint32 } from '../base/random.ts';
import type { Shape } from '../base/shape.ts';
import type { CallbackModel, History, Logs, Snapshot, Weight, WeightsAside } from '../callbacks/index.ts';
import { isOf, type Node } from '../ir/op.ts';
import type { ByTarget, Compiled, Goal, Progress, Target } from '../network/compiled.ts';
import type { Composition } from '../network/composition.ts';
import { type Form, HeldModel, type ModelSource } from '../network/heldModel.ts';
import { inference, Network } from '../network/network.ts';
import { Moments, type SavedMoments } from '../network/optimizerState.ts';
import { standIn } from '../network/parameters.ts';
import { summaryOf } from '../network/summary.ts';
import { readWeights, writeWeights } from '../network/weights.ts';
import { type AnyLayer, checkInputShape, exampleShape } from '../nn/layers/layer.ts';
import type { CustomObjects } from '../nn/layers/makeLayer.ts';
import { type OptimizerName, resolveOptimizer } from '../nn/optimizers/index.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import { sigmoidOp } from '../ops/elementwise.ts';
import { softmaxOp } from '../ops/softmax.ts';
import { defaultDevice } from '../runtime/defaultDevice.ts';
import type { Device } from '../runtime/device.ts';
import { Tensor, type TensorLike } from '../tensor/tensor.ts';
import { checkExamples, checkInputs, checkRuledInputs } from '../training/data/checkData.ts';
import { numbersOf } from '../training/data/exampleWeights.ts';
import { type EvaluateOptions, evaluate, takeEvaluateOptions } from '../training/evaluate.ts';
import type { OptimizerState, SavedModel, SavedOptimizer } from '../training/file/modelFile.ts';
import { fit } from '../training/fit.ts';
import { type FitOptions, takeFitOptions, takeWeights } from '../training/fitOptions.ts';
import { BatchTrainers } from '../training/loop/batchTrainers.ts';
import type { Trainer } from '../training/loop/trainer.ts';
import { Visits } from '../training/loop/visits.ts';
import type { MemoryOptions, MemoryReport } from '../training/onDemand/memoryReport.ts';
import { type PredictOptions, predict, takePredictOptions } from '../training/predict.ts';
import { ResumeState } from '../training/resumeState.ts';
import { adoptWeights, copyWeight } from './adoptWeights.ts';

/** What few models need. @internal */
export const onDemand = () => import('../training/onDemand/index.ts');

const NO_MOMENTS: SavedMoments = { moments: new Map(), steps: 0, leftOut: 0 };

/** Options of every model. */
export interface ModelOptions {
  /** What the model is called as a layer of another one; default `sequential`, `model_1`, … */
  readonly name?: string;
  /** Of the weights, the shuffling and dropout; default 0. The same seed gives the same bits on the same adapter. */
  readonly seed?: number;
  /** Default: the oldest open device, opened when first needed. */
  readonly device?: Device;
}

/** What every model can do, whatever its layers are put together like: `Sequential` and `Model` are such. */
export abstract class TrainedModel<X, Y, Out> implements CallbackModel {
  /** Ends training when set to true: after the hooks of the current batch or epoch, else after the steps submitted together. */
  stopTraining = false;
  history: History | null = null;
  readonly seed: number;
  readonly #asked: Device | undefined;
  readonly #name: string | undefined;
  /** What stands for it in other models. */
  #held: HeldModel | null = null;
  #network: Network | null = null;
  #goal: Goal | null = null;
  /** What of a loaded model's goal its file could not keep, in words. */
  #lacking: string | null = null;
  #device: Device | null = null;
  #moments: Moments | null = null;
  /** Of the file that was loaded; its moments only until a step is taken, because the optimizer may be chosen, and again, after loading. */
  #loaded: SavedOptimizer | null = null;
  /** Steps that had been taken when it was. */
  #loadedAt = 0;
  /** Whether outputs were checked to be what the loss takes them for. */
  #checked = false;
  #trainer: Trainer | null = null;
  readonly #batchTrainers = new BatchTrainers();
  #training = false;
  readonly #progress: Progress = { step: 0 };
  readonly #resumeState = new ResumeState();
  readonly #visits = new Visits();

  constructor(who: string, options: ModelOptions) {
    this.#asked = options.device;
    this.#name = options.name;
    this.seed = options.seed ?? 0;
    checkUint32(who, 'seed', this.seed);
  }

  /** Those that are applied in the model itself, each once, in order. */
  abstract get layers(): readonly AnyLayer[];

  /**
   * What the model is made of.
   * @param inputShapes of one example, where they are known from data
   * @throws StateError where they are needed and not known
   * @internal
   */
  protected abstract composition(who: string, inputShapes: readonly Shape[] | null): Composition;

  /** @internal */
  abstract inputsOf(who: string, xs: X): readonly Tensor[];

  /** @internal */
  abstract labelsOf(who: string, ys: Y): readonly Tensor[];

  /** One for all targets, or one a target. @internal */
  abstract weightsOf(who: string, given: TensorLike | Y): ByTarget<Tensor>;

  /** The outputs as callers get them. @internal */
  protected abstract outputsOf(outputs: readonly Tensor[]): Out;

  /** Whether any layer is trained. Set, it is set in all layers: see `Layer.trainable`. */
  get trainable(): boolean {
    return this.layers.length === 0 || this.layers.some(({ trainable }) => trainable);
  }

  /** @throws ArgumentError where it is not a boolean */
  set trainable(value: boolean) {
    for (const layer of this.layers) layer.trainable = flagOf(value, this.constructor.name, 'trainable');
  }

  /** Whether the shape of an example is fixed and the weights are drawn. */
  get built(): boolean {
    return this.#network !== null;
  }

  /**
   * The network, built where it was not.
   * @internal
   * @param inputShapes of one example; default: those that the model knows
   */
  networkFor(who: string, inputShapes: readonly Shape[] | null = null): Network {
    for (const shape of inputShapes ?? []) checkInputShape(shape, who);
    this.#network ??= this.#networkOf(this.composition(who, inputShapes));
    if (inputShapes !== null) checkInputs(who, inputShapes, this.#network);
    return this.#network;
  }

  /**
   * The model as a layer, for `apply` within a layer of your own; a graph takes it by `apply`, a `Sequential` as it is. The layers are those of the model. A
   * model that is then built of it begins with the weights that this one has at that moment, and from there on both go their own ways.
   */
  asLayer(): AnyLayer {
    const options = this.#name === undefined ? {} : { name: this.#name };
    const source: ModelSource = {
      className: this.constructor.name,
      gives: this.form,
      layers: () => this.layers,
      compose: (shapes) => this.#network?.composition ?? this.composition('apply', shapes),
      network: () => this.#network,
    };
    this.#held ??= new HeldModel(source, options);
    return this.#held;
  }

  /** How it gives its outputs. @internal */
  protected abstract readonly form: Form;

  /** A network with its first weights: those of models within it are theirs. */
  #networkOf(composition: Composition): Network {
    const network = new Network(composition, this.seed);
    adoptWeights(network, this.#asked);
    return network;
  }

  /** A built model becomes what it is composed of now; weights of before stay. @internal */
  protected rebuild(who: string): void {
    const before = this.#network;
    if (before === null) return;
    if (this.#loaded !== null || before.trainable.device !== null || before.fixed.device !== null) {
      throw new StateError(
        `${who}: the model's weights are in use, as it was trained, loaded or asked for outputs. Make a new Sequential of it and the ` +
          'layer, which begins with its weights: new Sequential([model, layer]).',
      );
    }
    const network = this.#networkOf(this.composition(who, before.inputShapes));
    for (const from of before.places) {
      const to = network.places.find(({ name }) => name === from.name);
      if (to !== undefined) copyWeight(from, to);
    }
    this.#network = network;
    this.#checked = false;
  }

  /** Trains for other targets from now on, or by another optimizer; the weights stay. See `compile`. @internal */
  protected aimFor(given: Optimizer | OptimizerName | undefined, targets: readonly Target[]): this {
    this.requireIdle('compile');
    const optimizer = given ?? this.#loaded?.make() ?? 'adam';
    this.#goal = { optimizer: resolveOptimizer(optimizer), targets };
    this.#checked = false;
    this.#forgetMoments();
    this.#goal.optimizer.seek(this.#loadedFor(this.#goal.optimizer.name)?.steps ?? 0);
    if (typeof optimizer === 'string') this.#adoptLearningRate();
    return this;
  }

  /**
   * What the model is trained for.
   * @internal
   */
  goalFor(who: string): Goal {
    if (this.#goal !== null) return this.#goal;
    const why =
      this.#lacking === null
        ? 'the model has no loss yet'
        : `the model was saved with ${this.#lacking}, which a file cannot keep`;
    throw new StateError(`${who}: ${why}. Call compile({ optimizer, loss, metrics }) first.`);
  }

  /**
   * The optimizer; its learning rate may be changed at any time.
   * @throws StateError before `compile`
   */
  get optimizer(): Optimizer {
    return this.goalFor('optimizer').optimizer;
  }

  /** The device that holds the weights; opened when first asked for. */
  async device(): Promise<Device> {
    // Where the weights lie already, the model is.
    this.#device ??=
      this.#network?.trainable.device ?? this.#network?.fixed.device ?? this.#asked ?? (await defaultDevice());
    const device = this.#device;
    device.check();
    this.#network?.trainable.attach(device);
    this.#network?.fixed.attach(device);
    return device;
  }

  /**
   * The model, compiled and built; nothing of it on a device yet.
   * @internal
   * @param inputShapes as for `networkFor`
   */
  planned(who: string, inputShapes: readonly Shape[] | null = null): Goal & { readonly network: Network } {
    const goal = this.goalFor(who);
    return { ...goal, network: this.networkFor(who, inputShapes) };
  }

  /**
   * The model with its weights and moments on the device.
   * @internal
   * @param inputShapes as for `networkFor`
   */
  async ready(who: string, inputShapes: readonly Shape[] | null = null): Promise<Compiled> {
    const { network, ...goal } = this.planned(who, inputShapes);
    const device = await this.device();
    if (this.#moments === null) {
      this.#moments = new Moments(device, goal.optimizer.update, network.trainable.size);
      this.#adoptMoments(this.#moments, goal.optimizer.name);
    }
    goal.optimizer.seek(this.#moments.steps);
    return { ...goal, device, network, moments: this.#moments, progress: this.#progress, seed: this.seed };
  }

  /** Points out, once, that the outputs are none of the probabilities that the loss takes them for. */
  async #checkOutputs(who: string, { network, targets }: Compiled, x: readonly Tensor[]): Promise<void> {
    if (this.#checked) return;
    this.#checked = true;
    if (!targets.some(({ loss }) => loss.probabilities)) return;
    const standIns = network.inputShapes.map((shape) => standIn([1, ...shape]));
    const { outputs, activations } = inference(network, standIns);
    const isProbability = (output: Node): boolean => isOf(output, softmaxOp) || isOf(output, sigmoidOp);
    const doubtful = targets.filter(({ loss, output }) => loss.probabilities && !isProbability(outputs[output]));
    if (doubtful.length === 0) return;
    const { firstFew, probabilitiesAdvice } = await onDemand();
    const predicted = await this.#predict(x.map(firstFew));
    for (const { loss, output } of doubtful) {
      const layer = activations.findLast(({ node }) => node === outputs[output])?.name ?? '';
      const advice = probabilitiesAdvice(who, loss, layer, await predicted[output].data());
      if (advice !== null) console.warn(advice);
    }
  }

  /** Takes over which layers were frozen or freed since the last training; the optimizer then begins afresh. */
  async #regroup(): Promise<void> {
    const network = this.#network;
    if (network === null || network.regrouping.length === 0) return;
    const { regrouped } = await onDemand();
    // The weights come to lie elsewhere: whoever reads them now ends first.
    await this.#visits.close();
    try {
      this.#network = await regrouped(network, this.seed);
      this.#forgetMoments();
    } finally {
      this.#visits.open();
    }
  }

  /** What was loaded and not yet trained with, where an optimizer of this name can go on with it. */
  #loadedFor(optimizer: string): SavedOptimizer | null {
    return this.#loaded?.name === optimizer && this.#loadedAt === this.#progress.step ? this.#loaded : null;
  }

  /** Sets the learning rate of a file, or its schedule, where the optimizer is of the same kind. */
  #adoptLearningRate(): void {
    const optimizer = this.#goal?.optimizer;
    const loaded = optimizer && this.#loadedFor(optimizer.name);
    if (!optimizer || !loaded) return;
    if (loaded.schedule !== null) optimizer.learningRate = loaded.schedule;
    else if (optimizer.schedule === null) optimizer.learningRate = loaded.learningRate;
    optimizer.seek(loaded.steps);
  }

  /** Hands the moments of a file to an optimizer of the same kind; another one starts afresh. */
  #adoptMoments(moments: Moments, optimizer: string): void {
    const loaded = this.#loadedFor(optimizer);
    const frozen = this.#network?.frozen ?? [];
    // Moments of other weights may be as many.
    if (loaded !== null && String(loaded.frozen) === String(frozen)) moments.restore(loaded);
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
    const frozen = (this.#moments === null ? loaded?.frozen : null) ?? this.#network?.frozen ?? [];
    const { moments, steps, leftOut } = (await this.#moments?.read()) ?? loaded ?? NO_MOMENTS;
    const schedule = (optimizer ?? loaded)?.schedule ?? null;
    return { name, config, schedule, frozen, moments, steps, leftOut };
  }

  /** Frees the moments and the plans that read them. */
  #forgetMoments(): void {
    void this.#batchTrainers.dispose();
    this.#moments?.dispose();
    this.#moments = null;
  }

  /** @throws StateError within a training @internal */
  protected requireIdle(who: string): void {
    if (!this.#training) return;
    throw new StateError(`${who}: the model is in training. Await the fit or trainOnBatch that is under way first.`);
  }

  async #whileTraining<T>(who: string, work: () => Promise<T>): Promise<T> {
    this.requireIdle(who);
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
  async fit(xs: X, ys: Y, options: FitOptions<X, Y> = {}): Promise<History> {
    return this.#whileTraining('fit', async () => {
      const [x, y] = [this.inputsOf('fit', xs), this.labelsOf('fit', ys)];
      const taken = takeFitOptions(options, this);
      await this.#regroup();
      const compiled = await this.ready('fit', x.map(exampleShape));
      const { network } = compiled;
      if (network.trainable.size === 0 && network.frozen.length > 0) console.warn((await onDemand()).ALL_FROZEN);
      const adopt = (trainer: Trainer | null): void => {
        this.#trainer = trainer;
      };
      const [resumeState, visits] = [this.#resumeState, this.#visits];
      await this.#checkOutputs('fit', compiled, x);
      const history = await fit({ model: this, compiled, resumeState, visits, adopt }, x, y, taken);
      const { regrouping } = network;
      if (regrouping.length > 0) console.warn((await onDemand()).laterText(regrouping));
      return history;
    });
  }

  /** Mean loss and metrics over all examples, by name. */
  async evaluate(xs: X, ys: Y, options: EvaluateOptions<Y> = {}): Promise<Logs> {
    const taken = takeEvaluateOptions(options, this);
    const [x, y] = [this.inputsOf('evaluate', xs), this.labelsOf('evaluate', ys)];
    const compiled = await this.ready('evaluate', x.map(exampleShape));
    return this.#visits.visit(() => evaluate(this, compiled, x, y, taken, this.#visits.inner));
  }

  /** Outputs [examples, ...] of inputs [examples, ...]. */
  async predict(xs: X, options: PredictOptions = {}): Promise<Out> {
    const taken = takePredictOptions(options);
    return this.outputsOf(await this.#predict(this.inputsOf('predict', xs), taken));
  }

  async #predict(x: readonly Tensor[], options: PredictOptions = {}): Promise<readonly Tensor[]> {
    const network = this.networkFor('predict', x.map(exampleShape));
    const device = await this.device();
    return this.#visits.visit(() => predict(this, device, network, x, options, this.#visits.inner));
  }

  /**
   * Outputs [batch, ...] of inputs [batch, ...] as a tensor: computed when it is read, in one piece, and by the weights of then.
   * Gradients go through it to the inputs: `grad((x) => model.call(x).sum())(image)` is what a saliency map is made of. For many
   * examples take `predict`.
   * @param options `training`: as a training step would compute it, with dropout and the statistics of this batch; moving
   * averages stay. Default false
   */
  call(xs: X, options: { readonly training?: boolean } = {}): Out {
    checkOptions('call', options, { training: true });
    const training = flagOf(options.training ?? false, 'call', 'training');
    const inputs = this.inputsOf('call', xs);
    const network = this.networkFor('call', inputs.map(exampleShape));
    checkRuledInputs('call', inputs, network);
    const weights = { trainable: network.trainable.values(), fixed: network.fixed.values() };
    const nodes = inputs.map(({ node }) => node);
    return this.outputsOf(network.forward(nodes, training, weights).outputs.map((node) => new Tensor(node)));
  }

  /**
   * One optimizer step on one batch; returns its loss and metrics. For loops of your own; `fit` is faster. The plans of
   * the last few shapes are kept until the model is compiled anew or disposed of.
   */
  async trainOnBatch(xs: X, ys: Y, options: Pick<FitOptions<X, Y>, 'sampleWeight'> = {}): Promise<Logs> {
    return this.#whileTraining('trainOnBatch', async () => {
      checkOptions('trainOnBatch', options, { sampleWeight: true });
      const [x, y] = [this.inputsOf('trainOnBatch', xs), this.labelsOf('trainOnBatch', ys)];
      const sampleWeight = takeWeights('trainOnBatch', options.sampleWeight, this);
      await this.#regroup();
      const compiled = await this.ready('trainOnBatch', x.map(exampleShape));
      const weights = await numbersOf(compiled.device, sampleWeight);
      const batch = { x, y, weights };
      checkExamples('trainOnBatch', compiled, batch, this.#batchTrainers.knows(batch));
      await this.#checkOutputs('trainOnBatch', compiled, x);
      await this.#visits.close();
      try {
        return await this.#batchTrainers.train(compiled, batch);
      } finally {
        this.#visits.open();
      }
    });
  }

  /** Copies of all weights, layer by layer. */
  async getWeights(): Promise<Weight[]> {
    return readWeights(this.networkFor('getWeights'));
  }

  /** Replaces all weights, in the order of `getWeights`. */
  async setWeights(weights: readonly (Weight | Float32Array)[]): Promise<void> {
    writeWeights(this.networkFor('setWeights'), weights);
  }

  async resetOptimizer(): Promise<void> {
    await this.#visits.visit(async () => {
      this.#moments?.reset();
      this.#forgetLoadedMoments();
      this.#trainer?.forget();
    });
  }

  async snapshot(): Promise<Snapshot> {
    const { DeviceSnapshot } = await onDemand();
    return new DeviceSnapshot(await this.ready('snapshot'), () => this.#trainer?.forget());
  }

  async swapAverages(): Promise<WeightsAside> {
    const { swapAverages } = await onDemand();
    return this.#visits.visit(async () => swapAverages(await this.ready('swapAverages')));
  }

  /** What training takes on the GPU; needs none. Within 5 % of what `fit` allocates; example weights and what callbacks keep come on top. */
  async memory(options: MemoryOptions): Promise<MemoryReport> {
    const { checkMemoryOptions, memoryReport } = await onDemand();
    checkMemoryOptions(options);
    const [built, goal] = [this.networkFor('memory'), this.goalFor('memory')];
    // As the next training would have it.
    const { length } = built.regrouping;
    const network = length === 0 ? built : new Network(built.composition, this.seed);
    return memoryReport(goal, network, options, this.#device);
  }

  /** A table of layers, shapes and parameter counts, printed and returned. */
  summary({ print = (line: string) => console.log(line) }: { readonly print?: (line: string) => void } = {}): string {
    const text = summaryOf(this.networkFor('summary'));
    print(text);
    return text;
  }

  /** The table of `summary`; before the model is built, the classes of its layers. */
  toString(): string {
    const { name } = this.constructor;
    if (this.#network !== null) return `${name}\n${summaryOf(this.#network)}`;
    return `${name}(${this.layers.map(({ className }) => className).join(', ')}; not built yet)`;
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
    const { encodeModel } = await onDemand();
    return this.#visits.visit(async () => {
      const network = this.networkFor('save');
      const { step } = this.#progress;
      const goal = this.#goal;
      // All readings begin at once: nothing comes between them.
      const [weights, optimizer, training] = await Promise.all([
        readWeights(network),
        this.#optimizerState(),
        this.#visits.within(() => this.#resumeState.state()),
      ]);
      return encodeModel({ network, seed: this.seed, step, weights, optimizer, goal, training });
    });
  }

  /**
   * Writes a safetensors file (Node); in a browser use `toSafetensors`. Whatever happens meanwhile, the file is the old one
   * or the new one.
   * @throws FileError where the system refuses the file
   */
  async save(path: string): Promise<void> {
    const { writeBytes } = await onDemand();
    await writeBytes('save', path, await this.toSafetensors());
  }

  /**
   * Takes weights, optimizer moments and learning rate from a file of an equal model. A `fit` that follows is a new
   * training; `resume` goes on with the old one. Within a training, the steps that follow go on from the file's weights;
   * examples, counts and means are those of the training.
   * @throws FileError for a file that cannot be read, DataError for one that is damaged or of another model
   */
  async load(path: string): Promise<void> {
    const { readBytes } = await onDemand();
    await this.#decode(await readBytes('load', path));
  }

  /** The same from bytes. */
  async fromSafetensors(bytes: Uint8Array): Promise<void> {
    await this.#decode(new Uint8Array(bytes));
  }

  /** `bytes` that nobody changes meanwhile. */
  async #decode(bytes: Uint8Array, customObjects?: CustomObjects): Promise<SavedModel> {
    const { decodeModel, decodeSafetensors } = await onDemand();
    const saved = decodeModel(decodeSafetensors(bytes), this.networkFor('load'), customObjects);
    await this.#visits.visit(async () => this.#adopt(saved));
    return saved;
  }

  #adopt({ weights, optimizer, steps }: SavedModel): void {
    writeWeights(this.networkFor('load'), weights);
    // A training that is under way goes on counting: what it knows of its steps stays right.
    if (!this.#resumeState.begun) this.#progress.step = steps;
    this.#resumeState.forget();
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
   * @param from the path of a file (Node), or what `toSafetensors` gave
   * @returns false where there is no such file
   * @throws DataError for a file that is damaged, or of another model, seed or optimizer; the model stays as it was
   * @throws StateError within a training: it cannot become another one. `load` takes the file's weights
   */
  async resume(from: string | Uint8Array): Promise<boolean> {
    const { optimizer } = this.goalFor('resume');
    this.#requireNotBegun();
    // Bytes are copied before anything is awaited: nobody changes them meanwhile.
    const given = typeof from === 'string' ? null : new Uint8Array(from);
    if (!this.#training) await this.#regroup();
    const network = this.networkFor('resume');
    const source = typeof from === 'string' ? from : 'bytes';
    const { decodeResumable, decodeSafetensors, isMissing, readBytes, restoreFrom } = await onDemand();
    const bytes =
      given ??
      (await readBytes('resume', source).catch((error: unknown) => {
        if (isMissing(error)) return null;
        throw error;
      }));
    if (bytes === null) return false;
    const saved = await restoreFrom(source, () =>
      decodeResumable(decodeSafetensors(bytes), { network, seed: this.seed, optimizer }),
    );
    await this.#visits.visit(async () => {
      this.#requireNotBegun();
      this.#adopt(saved);
      this.#resumeState.resume({ source, state: saved.training, learningRate: optimizer.learningRate });
    });
    return true;
  }

  #requireNotBegun(): void {
    if (!this.#resumeState.begun) return;
    throw new StateError(
      'resume: a training is under way and cannot become another one. Call it before fit or in onTrainBegin, or take the weights with load.',
    );
  }

  /**
   * Takes all from the file that describes this model, what it is trained for included.
   * @internal
   */
  async takeFile(bytes: Uint8Array, customObjects: CustomObjects): Promise<this> {
    const { goal } = await this.#decode(bytes, customObjects);
    if (typeof goal === 'string') this.#lacking = goal;
    else if (goal !== null) this.aimFor(goal.optimizer, goal.targets);
    return this;
  }

  /** Frees the model's memory on the GPU. */
  dispose(): void {
    this.requireIdle('dispose');
    this.#network?.trainable.dispose();
    this.#network?.fixed.dispose();
    this.#forgetMoments();
  }
}
