/** A model of layers in a row, trained the Keras way. */

import {
  type Callback,
  CallbackList,
  type CallbackModel,
  DivergenceDetector,
  History,
  type Logs,
  ProgressBar,
  type Weight,
} from '../callbacks/index.ts';
import { ArgumentError, DataError, OutOfMemoryError, ShapeError, StateError } from '../errors.ts';
import { defaultDevice } from '../gpu/defaultDevice.ts';
import { type Device, formatBytes } from '../gpu/device.ts';
import { Plan } from '../gpu/plan.ts';
import { isScratch } from '../graph/kernel.ts';
import type { Node } from '../graph/node.ts';
import { type Schedule, schedule } from '../graph/schedule.ts';
import { decodeSafetensors, encodeSafetensors } from '../io/safetensors.ts';
import { type Layer, type LayerConfig, makeLayer } from '../layers/index.ts';
import { type Loss, type LossName, resolveLoss } from '../losses.ts';
import { type Metric, type MetricName, resolveMetric } from '../metrics.ts';
import { importNode } from '../node.ts';
import { copy } from '../ops/elementwise.ts';
import { momentsOf } from '../ops/update.ts';
import { type Optimizer, type OptimizerName, resolveOptimizer } from '../optimizers.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../shape.ts';
import { nodeOf, Tensor, type TensorLike, tensor } from '../tensor.ts';
import { BatchTrainers } from './batchTrainers.ts';
import { disposeExamples, type Examples, Order, Rows, uploadExamples, valuesOf } from './gpuDataset.ts';
import { InFlight } from './inFlight.ts';
import { standInLedger } from './ledger.ts';
import { Moments } from './moments.ts';
import { Network, type TrainingStep, trainingStep } from './network.ts';
import { standIn } from './parameters.ts';
import { type Compiled, Evaluator, Trainer } from './trainer.ts';

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

export interface FitOptions {
  /** Default 32. */
  readonly batchSize?: number;
  /** Default 1. */
  readonly epochs?: number;
  /** 0 silent, 1 a progress bar, 2 a line an epoch; default 1. */
  readonly verbose?: 0 | 1 | 2;
  readonly callbacks?: readonly Callback[];
  /** Share of the examples, the last ones, kept for validation; in [0, 1), default 0. `validationData` goes before. */
  readonly validationSplit?: number;
  /** [inputs, labels], or [inputs, labels, example weights]. */
  readonly validationData?: readonly [TensorLike, TensorLike] | readonly [TensorLike, TensorLike, TensorLike];
  /** Default true: a new order every epoch. */
  readonly shuffle?: boolean;
  /** Weight of each class's examples in the training loss, 1 where none is given; labels are class ids or one-hot rows. */
  readonly classWeight?: Readonly<Record<number, number>>;
  /** Weight of each example in the loss. */
  readonly sampleWeight?: TensorLike;
  /** Epoch to start at, to go on with an earlier training; default 0. */
  readonly initialEpoch?: number;
  /** Default: the batch size. */
  readonly validationBatchSize?: number;
  /** Validate every so many epochs; default 1. */
  readonly validationFreq?: number;
}

export interface EvaluateOptions {
  /** Default 32. */
  readonly batchSize?: number;
  readonly sampleWeight?: TensorLike;
  readonly callbacks?: readonly Callback[];
}

export interface MemoryReport {
  /** Weights, moments and the planned memory of a step. */
  readonly bytes: number;
  /** Memory that the plan of one step takes. */
  readonly planBytes: number;
  /** Weights and optimizer moments. */
  readonly parameterBytes: number;
  /** What no plan could go below: the largest sum of results that are alive at once. */
  readonly aliveBytes: number;
}

interface CompileState {
  readonly optimizer: Optimizer;
  readonly loss: Loss;
  readonly metrics: readonly Metric[];
}

const asTensor = (value: TensorLike): Tensor => (value instanceof Tensor ? value : new Tensor(nodeOf(value)));

export class Sequential implements CallbackModel {
  /** Ends training when set to true: after the hooks of the current batch or epoch, else after the steps submitted together. */
  stopTraining = false;
  readonly seed: number;
  readonly #layers: Layer[];
  readonly #options: SequentialOptions;
  #network: Network | null = null;
  #compiled: CompileState | null = null;
  #device: Device | null = null;
  #moments: Moments | null = null;
  #pendingMoments: SavedMoments | null = null;
  #trainer: Trainer | null = null;
  readonly #batchTrainers = new BatchTrainers();
  #training = false;
  #steps = 0;

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
    this.#compiled = {
      optimizer: resolveOptimizer(optimizer),
      loss: resolved,
      metrics: metrics.map((metric) => resolveMetric(metric, resolved)),
    };
    this.#forgetMoments();
    return this;
  }

  #requireCompiled(who: string): CompileState {
    if (this.#compiled !== null) return this.#compiled;
    throw new StateError(`${who}: the model has no loss yet. Call compile({ optimizer, loss, metrics }) first.`);
  }

  get optimizer(): Optimizer {
    return this.#requireCompiled('optimizer').optimizer;
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
    const state = this.#requireCompiled(who);
    const network = this.build(x.shape.slice(1)).#requireNetwork(who);
    const device = await this.device();
    if (this.#moments === null) {
      this.#moments = new Moments(device, state.optimizer.rule, network.trainable.size);
      this.#restoreMoments(this.#moments, state.optimizer.name);
    }
    return { device, network, ...state, moments: this.#moments, seed: this.seed };
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
    return this.#whileTraining('fit', () => this.#fit(asTensor(xs), asTensor(ys), options));
  }

  async #fit(x: Tensor, y: Tensor, options: FitOptions): Promise<History> {
    const { batchSize = 32, epochs = 1, verbose = 1, shuffle = true, initialEpoch = 0, validationFreq = 1 } = options;
    const { validationSplit = 0, validationBatchSize = batchSize, validationData, callbacks: given = [] } = options;
    checkWhole('fit', 'batchSize', batchSize, 1);
    checkWhole('fit', 'epochs', epochs, 0);
    checkWhole('fit', 'initialEpoch', initialEpoch, 0);
    checkWhole('fit', 'validationFreq', validationFreq, 1);
    checkWhole('fit', 'validationBatchSize', validationBatchSize, 1);
    if (!(validationSplit >= 0 && validationSplit < 1)) {
      throw new ArgumentError(
        `fit: validationSplit must lie in [0, 1), got ${validationSplit}. It is the share kept for validation.`,
      );
    }
    const compiled = await this.#ready('fit', x);
    const { device, network } = compiled;
    const total = x.shape[0];
    const count = validationData === undefined ? Math.floor(total * (1 - validationSplit)) : total;
    if (count < 1) {
      throw new ArgumentError(
        `fit: validationSplit ${validationSplit} leaves no example of ${total} to train on. Make it smaller.`,
      );
    }
    this.#checkMemory(compiled, Math.min(batchSize, count), y.shape.slice(1));

    // Everything on the GPU that this call makes, freed whatever happens.
    const freed: (() => void | Promise<void>)[] = [];
    const upload = async (...parts: Parameters<typeof uploadExamples>): Promise<Examples> => {
      const examples = await uploadExamples(...parts);
      freed.push(() => disposeExamples(examples));
      return examples;
    };
    const evaluatorOf = (examples: Examples, begin: number, end: number): Evaluator => {
      const evaluator = new Evaluator(compiled, examples, begin, end, validationBatchSize);
      freed.push(() => evaluator.dispose());
      return evaluator;
    };
    try {
      const examples = await upload(device, x, y, await exampleWeights(y, count, options));
      let evaluator: Evaluator | null = null;
      if (validationData !== undefined) {
        const [heldX, heldY, heldWeights] = validationData.map(asTensor);
        if (!sameShape(heldX.shape.slice(1), network.inputShape)) {
          throw new ShapeError(
            `fit: validationData has inputs ${formatShape(heldX.shape)}, the model takes ${formatShape(network.inputShape)} an example. ` +
              'Shape them like the training inputs.',
          );
        }
        const held = await upload(device, heldX, heldY, await numbersOf(heldWeights));
        evaluator = evaluatorOf(held, 0, held.x.count);
      } else if (count < total) evaluator = evaluatorOf(examples, count, total);

      const warn = !given.some((callback) => callback instanceof DivergenceDetector);
      const trainer = new Trainer(compiled, examples, count, batchSize, { step: this.#steps, warn });
      freed.push(() => trainer.dispose());
      this.#trainer = trainer;
      const ownBar = given.find((callback) => callback instanceof ProgressBar);
      const bar = ownBar ?? new ProgressBar({ verbose });
      const notice = bar.compileNotice(verbose);
      freed.push(() => notice?.end());
      await Promise.all([trainer.prepare(notice?.part), evaluator?.prepare(notice?.part)]);

      const history = new History();
      // The notice goes first: its line is gone before anybody else prints.
      const all = [...(notice === null ? [] : [notice]), ...given, ...(ownBar === undefined ? [bar] : []), history];
      const callbacks = new CallbackList(all, this, {
        epochs,
        steps: Math.ceil(count / batchSize),
        samples: count,
        batchSize,
        verbose,
        classes: classesOf(compiled),
        initialEpoch,
      });
      this.stopTraining = false;
      let logs: Logs = {};
      await callbacks.onTrainBegin({});
      for (let epoch = initialEpoch; epoch < epochs && !this.stopTraining; epoch++) {
        await callbacks.onEpochBegin(epoch, {});
        logs = { ...(await trainer.epoch(epoch, shuffle, callbacks, () => this.stopTraining)) };
        if (evaluator !== null && (epoch + 1) % validationFreq === 0) {
          for (const [name, value] of Object.entries(await evaluator.run(callbacks))) logs[`val_${name}`] = value;
        }
        logs.learning_rate = compiled.optimizer.learningRate;
        await callbacks.onEpochEnd(epoch, logs);
      }
      await callbacks.onTrainEnd(logs);
      await device.finish();
      return history;
    } finally {
      this.#steps = this.#trainer?.step ?? this.#steps;
      this.#trainer = null;
      for (const free of freed) await free();
    }
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
    const rows = await Rows.of(device, x, 'inputs');
    const order = new Order(device, rows.count);
    order.write(Int32Array.from({ length: rows.count }, (_, i) => i));
    const width = sizeOf(network.outputShape);
    const result = new Float32Array(rows.count * width);
    const plans = new Map<number, { plan: Plan; output: Node }>();
    const readings = new InFlight();
    try {
      for (let position = 0; position < rows.count; position += batchSize) {
        const size = Math.min(batchSize, rows.count - position);
        let entry = plans.get(size);
        if (entry === undefined) {
          const weights = { trainable: network.trainable.nodes(), fixed: network.fixed.nodes() };
          const output = copy(network.forward(rows.batch(order.node, size), false, weights).output);
          entry = { plan: await Plan.compile(device, [output]), output };
          plans.set(size, entry);
        }
        await readings.room();
        entry.plan.run([{ seed: 0, step: 0, position, rates: [] }]);
        // Copied in the queue's order: the next batch may be computed meanwhile.
        const reading = device.read(entry.plan.storageOf(entry.output), 'float32', size * width);
        readings.add(reading.then((values) => result.set(values, position * width)));
      }
      await readings.end();
    } finally {
      for (const { plan } of plans.values()) plan.dispose();
      order.dispose();
      rows.dispose();
    }
    return tensor(result, [rows.count, ...network.outputShape]);
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
      const logs = await this.#batchTrainers.train(compiled, { x, y, weights }, this.#steps);
      this.#steps++;
      return logs;
    });
  }

  /** Copies of all weights, layer by layer. */
  async getWeights(): Promise<Weight[]> {
    const network = this.#requireNetwork('getWeights');
    const [trainable, fixed] = await Promise.all([network.trainable.read(), network.fixed.read()]);
    const byName = new Map<string, Weight>();
    for (const [block, values] of [
      [network.trainable, trainable],
      [network.fixed, fixed],
    ] as const) {
      block.parameters.forEach(({ name, shape }, at) => {
        byName.set(name, { name, shape, data: values[at] });
      });
    }
    // Layer by layer, as the layers declare them.
    const ordered: Weight[] = [];
    for (const { name, specs } of network.layers) {
      for (const spec of specs) {
        const weight = byName.get(`${name}/${spec.name}`);
        if (weight !== undefined) ordered.push(weight);
      }
    }
    return ordered;
  }

  /** Replaces all weights, in the order of `getWeights`. */
  async setWeights(weights: readonly (Weight | Float32Array)[]): Promise<void> {
    const network = this.#requireNetwork('setWeights');
    const specs = network.layers.flatMap(({ name, specs }) =>
      specs.map((spec) => ({ name: `${name}/${spec.name}`, spec })),
    );
    if (specs.length !== weights.length) {
      throw new ArgumentError(
        `setWeights: the model has ${specs.length} weights, got ${weights.length}. Give those of getWeights() of an equal model.`,
      );
    }
    // All are checked before the first is written: a mistake leaves the model as it was.
    specs.forEach(({ name, spec }, at) => {
      const given = weights[at];
      const shape = given instanceof Float32Array ? [given.length] : given.shape;
      const fits = given instanceof Float32Array ? given.length === sizeOf(spec.shape) : sameShape(shape, spec.shape);
      if (fits) return;
      throw new ShapeError(
        `setWeights: '${name}' has shape ${formatShape(spec.shape)}, got ${formatShape(shape)}. ` +
          'Give the weights of an equal model, in its order.',
      );
    });
    specs.forEach(({ name, spec }, at) => {
      const given = weights[at];
      const values = given instanceof Float32Array ? given : given.data;
      const block = spec.trainable ? network.trainable : network.fixed;
      const index = block.parameters.findIndex((parameter) => parameter.name === name);
      block.write(index, values);
    });
  }

  async resetOptimizer(): Promise<void> {
    this.#moments?.reset();
    this.#trainer?.forget();
  }

  /** Memory on the GPU for training at a batch size; needs no GPU. */
  memory({ batchSize }: { readonly batchSize: number }): MemoryReport {
    checkWhole('memory', 'batchSize', batchSize, 1);
    const network = this.#requireNetwork('memory');
    const state = this.#requireCompiled('memory');
    const moments = momentsOf(state.optimizer.rule);
    const labels = state.loss.name === 'sparseCategoricalCrossentropy' ? [] : network.outputShape;
    const { placement } = this.#planStep(state, network, batchSize, labels).planned;
    const parameterBytes = 4 * (network.trainable.size * (1 + moments.length) + network.fixed.size);
    return {
      bytes: parameterBytes + placement.bytes,
      planBytes: placement.bytes,
      parameterBytes,
      aliveBytes: placement.aliveBytes,
    };
  }

  /** Plans a training step without a GPU. */
  #planStep(
    { optimizer: { rule }, loss, metrics }: CompileState,
    network: Network,
    batchSize: number,
    labels: Shape,
  ): { step: TrainingStep; planned: Schedule } {
    const step = trainingStep(
      {
        network,
        loss,
        metrics,
        x: copy(standIn([batchSize, ...network.inputShape])),
        y: copy(standIn([batchSize, ...labels])),
        weights: null,
        ledger: standInLedger(metrics.length),
      },
      rule,
      momentsOf(rule).map(() => standIn([network.trainable.size])),
    );
    const target = this.#device?.target ?? { subgroupSize: 0, software: false, maxStorageBuffers: 8 };
    return { step, planned: schedule(step.effects, target) };
  }

  /** Refuses a batch that the device cannot bind before anything is allocated, and says which one it could. */
  #checkMemory(compiled: Compiled, batchSize: number, labels: Shape): void {
    const { device, network } = compiled;
    const limit = Math.min(device.info.maxBindingBytes, device.info.maxBufferBytes);
    const largest = ({ placement }: Schedule): number =>
      Math.max(0, ...[...placement.places.values()].map(({ bytes }) => bytes));
    const { step, planned } = this.#planStep(compiled, network, batchSize, labels);
    const bytes = largest(planned);
    if (bytes <= limit) return;
    let fits = 0;
    for (let refused = batchSize; refused - fits > 1; ) {
      const middle = Math.floor((fits + refused) / 2);
      if (largest(this.#planStep(compiled, network, middle, labels).planned) <= limit) fits = middle;
      else refused = middle;
    }
    const remedy = fits > 0 ? `Use a batch size of at most ${fits}.` : 'Make the layer or its inputs smaller.';
    throw new OutOfMemoryError(
      `Layer '${hungriestLayer(step, planned, network)}' needs ${formatBytes(bytes)} for one tensor at batch size ${batchSize}, but ` +
        `'${device.info.name}' binds at most ${formatBytes(limit)}. ${remedy}`,
    );
  }

  /** A table of layers, shapes and parameter counts, printed and returned. */
  summary({ print = (line: string) => console.log(line) }: { readonly print?: (line: string) => void } = {}): string {
    const network = this.#requireNetwork('summary');
    const rows = network.layers.map(({ layer, name, outputShape, specs }) => [
      `${name} (${layer.className})`,
      `[batch, ${outputShape.join(', ')}]`.replace(', ]', ']'),
      specs.reduce((sum, spec) => sum + sizeOf(spec.shape), 0).toLocaleString('en-US'),
    ]);
    const header = ['Layer', 'Output shape', 'Parameters'];
    const widths = header.map((title, at) => Math.max(title.length, ...rows.map((row) => row[at].length)));
    const line = ([a, b, c]: readonly string[]): string =>
      `${a.padEnd(widths[0])}  ${b.padEnd(widths[1])}  ${c.padStart(widths[2])}`;
    const rule = '─'.repeat(widths[0] + widths[1] + widths[2] + 4);
    const [learnt, fixed] = [network.trainable.count, network.fixed.count];
    const count = (n: number): string => `${n.toLocaleString('en-US')} (${formatBytes(n * 4)})`;
    const text = [
      line(header),
      rule,
      ...rows.map(line),
      rule,
      `Parameters: ${count(learnt + fixed)}, trained: ${count(learnt)}`,
    ].join('\n');
    print(text);
    return text;
  }

  /** The model as a safetensors file: weights, optimizer moments, and the architecture in the metadata. */
  async toSafetensors(): Promise<Uint8Array> {
    const network = this.#requireNetwork('save');
    const weights = await this.getWeights();
    const moments = this.#moments === null ? [] : await this.#moments.read();
    const names = this.#moments?.names ?? [];
    const architecture = {
      inputShape: network.inputShape,
      seed: this.seed,
      layers: network.layers.map(({ layer, name }) => ({ className: layer.className, name, config: layer.config() })),
    };
    const optimizer = this.#compiled === null ? null : { name: this.optimizer.name, config: this.optimizer.config() };
    return encodeSafetensors(
      [
        ...weights.map(({ name, shape, data }) => ({ name, shape, data })),
        ...moments.map((data, at) => ({ name: `optimizer/${names[at]}`, shape: [data.length], data })),
      ],
      {
        format: 'wgrad',
        architecture: JSON.stringify(architecture),
        optimizer: JSON.stringify(optimizer),
        steps: String(this.#trainer?.step ?? this.#steps),
        optimizer_steps: String(this.#moments?.steps ?? 0),
      },
    );
  }

  /** Writes a safetensors file (Node); in a browser use `toSafetensors`. */
  async save(path: string): Promise<void> {
    const { writeFile, rename } = await files('save');
    const bytes = await this.toSafetensors();
    // Written beside and renamed: a crash leaves the old file whole.
    await writeFile(`${path}.part`, bytes);
    await rename(`${path}.part`, path);
  }

  /** Takes weights and optimizer state from a file of an equal model. */
  async load(path: string): Promise<void> {
    const { readFile } = await files('load');
    await this.fromSafetensors(await readFile(path));
  }

  /** The same from bytes. */
  async fromSafetensors(bytes: Uint8Array): Promise<void> {
    const { tensors, metadata } = decodeSafetensors(bytes);
    const network = this.#requireNetwork('load');
    const weights = network.layers.flatMap(({ name, specs }) =>
      specs.map((spec): Weight => {
        const full = `${name}/${spec.name}`;
        const found = tensors.get(full);
        if (found === undefined || !(found.data instanceof Float32Array)) {
          throw new DataError(
            `load: the file has no float32 weight '${full}'. It was saved from another model; build that one.`,
          );
        }
        return { name: full, shape: found.shape, data: found.data };
      }),
    );
    await this.setWeights(weights);
    this.#steps = Number(metadata.steps ?? 0);
    const values = new Map<string, Float32Array>();
    for (const [name, { data }] of tensors) {
      if (name.startsWith('optimizer/') && data instanceof Float32Array)
        values.set(name.slice('optimizer/'.length), data);
    }
    this.#forgetMoments();
    // Kept until training begins: the optimizer may be chosen only after loading.
    const steps = Number(metadata.optimizer_steps ?? 0);
    this.#pendingMoments = { optimizer: optimizerNameOf(metadata.optimizer), values, steps };
  }

  /** A new model from a file (Node): architecture, weights and optimizer state. Compile it before training on. */
  static async load(path: string, options: SequentialOptions = {}): Promise<Sequential> {
    const { readFile } = await files('load');
    return Sequential.fromSafetensors(await readFile(path), options);
  }

  /** The same from bytes. */
  static async fromSafetensors(bytes: Uint8Array, options: SequentialOptions = {}): Promise<Sequential> {
    const { metadata } = decodeSafetensors(bytes);
    if (metadata.format !== 'wgrad' || metadata.architecture === undefined) {
      throw new DataError(
        'load: the file holds no wgrad model (its metadata names no architecture). Load weights into a model with model.load().',
      );
    }
    const saved: unknown = JSON.parse(metadata.architecture);
    if (!isArchitecture(saved))
      throw new DataError('load: the architecture in the file is damaged. Save the model again.');
    const layers = saved.layers.map(({ className, name, config }) => makeLayer(className, config, { name }));
    const model = new Sequential(layers, { seed: saved.seed, ...options, inputShape: saved.inputShape });
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

/** What a file remembers of an optimizer. */
interface SavedMoments {
  /** The optimizer's name. */
  readonly optimizer: string | null;
  readonly values: ReadonlyMap<string, Float32Array>;
  readonly steps: number;
}

function optimizerNameOf(json: string | undefined): string | null {
  const saved: unknown = JSON.parse(json ?? 'null');
  return typeof saved === 'object' && saved !== null && 'name' in saved ? String(saved.name) : null;
}

/** The layer that the step's largest tensor belongs to. */
function hungriestLayer({ watched }: TrainingStep, { placement }: Schedule, network: Network): string {
  const [[largest]] = [...placement.places].sort(([, a], [, b]) => b.bytes - a.bytes);
  const seen = new Set<Node>();
  for (const { name } of network.layers) {
    const stack = watched.filter((one) => one.name === name).map(({ node }) => node);
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node === largest) return name;
      if (seen.has(node)) continue;
      seen.add(node);
      stack.push(...node.inputs);
    }
  }
  // A gradient, or a tensor that the planner made: it is as large as the layer that it is for.
  const size = isScratch(largest) ? largest.bytes / 4 : sizeOf(largest.shape);
  const [batch] = isScratch(largest) ? [1] : largest.shape;
  const distance = (shape: Shape): number => Math.abs(sizeOf(shape) * batch - size);
  const [{ name }] = [...network.layers].sort((a, b) => distance(a.outputShape) - distance(b.outputShape));
  return name;
}

interface Architecture {
  readonly inputShape: Shape;
  readonly seed: number;
  readonly layers: readonly { readonly className: string; readonly name: string; readonly config: LayerConfig }[];
}

function isArchitecture(value: unknown): value is Architecture {
  return (
    typeof value === 'object' &&
    value !== null &&
    'inputShape' in value &&
    Array.isArray(value.inputShape) &&
    'layers' in value &&
    Array.isArray(value.layers)
  );
}

/** Classes of a classifier, else null: what chance and the loss of guessing are. */
function classesOf({ loss, network }: Compiled): number | null {
  if (loss.name === 'binaryCrossentropy') return 2;
  return /categorical/i.test(loss.name) ? (network.outputShape.at(-1) ?? null) : null;
}

function checkWhole(who: string, name: string, value: number, least: number): void {
  if (Number.isInteger(value) && value >= least) return;
  throw new ArgumentError(`${who}: ${name} must be a whole number of at least ${least}, got ${value}. Fix the option.`);
}

/** One number an example, or null. */
async function numbersOf(weights: TensorLike | undefined): Promise<Float32Array | null> {
  return weights === undefined ? null : Float32Array.from(await valuesOf(asTensor(weights)));
}

/** Class and sample weights as one weight an example, or null. Classes weigh in training only, the first `trained` examples. */
async function exampleWeights(
  y: Tensor,
  trained: number,
  { classWeight, sampleWeight }: FitOptions,
): Promise<Float32Array | null> {
  const given = await numbersOf(sampleWeight);
  if (classWeight === undefined) return given;
  const labels = await valuesOf(y);
  const width = labels.length / y.shape[0];
  const weights = given ?? new Float32Array(y.shape[0]).fill(1);
  for (let i = 0; i < trained; i++) {
    let id = labels[i * width];
    if (width > 1) {
      id = 0;
      for (let c = 1; c < width; c++) if (labels[i * width + c] > labels[i * width + id]) id = c;
    }
    weights[i] *= classWeight[id] ?? 1;
  }
  return weights;
}

/** Node's file functions. */
async function files(who: string): Promise<typeof import('node:fs/promises')> {
  try {
    return await importNode('node:fs/promises');
  } catch (cause) {
    throw new StateError(`${who}: a browser has no files. Use toSafetensors() and fromSafetensors() there.`, { cause });
  }
}
