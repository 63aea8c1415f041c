/** A model that is a graph of layers. */

import { counted, describe } from '../base/describe.ts';
import { ArgumentError, DataError, ShapeError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import { type ByTarget, oneOf, type Target } from '../network/compiled.ts';
import type { Composition } from '../network/composition.ts';
import type { Form } from '../network/heldModel.ts';
import { LayerGraph } from '../network/layerGraph.ts';
import { logKeys } from '../network/measures.ts';
import { type AnyLayer, applied, listOf, type SymbolicTensor } from '../nn/layers/layer.ts';
import type { CustomObjects } from '../nn/layers/makeLayer.ts';
import { type Loss, type LossName, resolveLoss } from '../nn/losses.ts';
import { type Metric, type MetricName, resolveMetrics } from '../nn/metrics.ts';
import type { OptimizerName } from '../nn/optimizers/index.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { Tensor, TensorLike } from '../tensor/tensor.ts';
import { dataOf } from '../training/data/checkData.ts';
import { type ModelOptions, onDemand, TrainedModel } from './trainedModel.ts';
import {
  type Applied,
  type AppliedTo,
  byNames,
  type DataFor,
  isByName,
  type LabelsFor,
  namedValues,
  type SymbolicValues,
  type TensorsFor,
} from './values.ts';

/** What a `Model` is made of. */
export interface ModelDescription<In extends SymbolicValues, Out extends SymbolicValues> extends ModelOptions {
  /** What `input` gave: one, a list, or a record by names. Data is then given alike. */
  readonly inputs: In;
  /** What layers gave: one, a list, or a record by names. Predictions and labels are then alike. */
  readonly outputs: Out;
}

/** One for all outputs, a list in their order, or by their names. */
export type ByOutput<T> = T | readonly (T | null)[] | Readonly<Record<string, T | null>>;

/** A list for every output, or a list of lists in their order, or by their names. */
export type MetricsByOutput =
  | readonly (MetricName | Metric)[]
  | readonly (readonly (MetricName | Metric)[] | null)[]
  | Readonly<Record<string, MetricName | Metric | readonly (MetricName | Metric)[]>>;

/** Options of `Model.compile`. */
export interface ModelCompileOptions {
  /** Default Adam, or that of the file which the model was loaded from. Names stand for the defaults. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** A loss, or one an output. An output that has none, or null, is not trained for and takes no labels. */
  readonly loss: ByOutput<LossName | Loss>;
  /** By which the outputs' losses are added up; default 1 each. */
  readonly lossWeights?: readonly number[] | Readonly<Record<string, number>>;
  /** Default none. Each example counts once, whatever its weight. */
  readonly metrics?: MetricsByOutput;
  /** Metrics in which examples count by `sampleWeight` and `classWeight`, as they do in the loss; default none. */
  readonly weightedMetrics?: MetricsByOutput;
}

/** Options of `Model.load` and `Model.fromSafetensors`. */
export interface LoadModelOptions extends ModelOptions {
  /** As for `Sequential.load`. */
  readonly customObjects?: CustomObjects;
}

/**
 * A graph of layers between inputs and outputs: with branches, several inputs and outputs, layers and models that are applied
 * several times. Built, compiled and trained as in Keras.
 *
 * ```ts
 * const image = input([32, 32, 3]);
 * const features = new Flatten().apply(new Conv2D(16, 3, { activation: 'relu' }).apply(image));
 * const model = new Model({
 *   inputs: image,
 *   outputs: { kind: new Dense(10).apply(features), size: new Dense(1).apply(features) },
 * });
 * ```
 *
 * A layer is a description: another model of the same layers has weights of its own.
 */
export class Model<
  const In extends SymbolicValues = SymbolicValues,
  const Out extends SymbolicValues = SymbolicValues,
> extends TrainedModel<DataFor<In>, LabelsFor<Out>, TensorsFor<Out>> {
  /** @internal */
  static override readonly name: string = 'Model';
  readonly #graph: LayerGraph;

  /**
   * @throws ArgumentError where the outputs need an input that is not among `inputs`, or an input is not needed
   * @throws ShapeError where layers do not fit on each other
   */
  constructor({ inputs, outputs, ...options }: ModelDescription<In, Out>) {
    checkOptions(
      'Model',
      { inputs, outputs, ...options },
      { inputs: true, outputs: true, name: true, seed: true, device: true },
    );
    super('Model', options);
    this.#graph = new LayerGraph(namedValues('inputs', inputs), namedValues('outputs', outputs));
    this.networkFor('Model');
  }

  /** In the order in which they are applied. */
  override get layers(): readonly AnyLayer[] {
    return this.#graph.layers;
  }

  /** In their order. */
  get inputNames(): readonly string[] {
    return this.#graph.inputNames;
  }

  /** In their order: those that were given, else of the layers that make them. With several, they begin the keys of the logs. */
  get outputNames(): readonly string[] {
    return this.#graph.outputNames;
  }

  /** Of one example, without the batch. */
  get inputShapes(): readonly Shape[] {
    return this.#graph.inputShapes;
  }

  /** Of one example, without the batch. */
  get outputShapes(): readonly Shape[] {
    return this.networkFor('outputShapes').outputShapes;
  }

  /**
   * The model as a layer in a graph: see `asLayer`. Values are given, and come, as the model's own inputs and outputs.
   * @throws ShapeError where the values do not have the shapes of its inputs
   */
  apply(x: AppliedTo<In>): Applied<Out> {
    const given =
      this.#graph.forms[0] === 'one' && !isByName(x)
        ? [x]
        : byNames('apply', x, this.inputNames, (all) => `model.apply({ ${all} })`);
    const values = namedValues('inputs', given).values;
    const made = listOf(applied(this.asLayer(), this.#graph.forms[0] === 'one' ? values[0] : values));
    const result: unknown = inForm(made, this.outputNames, this.form);
    // Of the form that `outputs` had in the constructor, whatever that was.
    return result as Applied<Out>;
  }

  /** @internal */
  protected get form(): Form {
    return this.#graph.forms[1];
  }

  /** @internal */
  protected composition(): Composition {
    return this.#graph;
  }

  /**
   * Chooses optimizer, and losses and metrics by output. May be called again: the weights stay. With several outputs the logs
   * have `loss`, `<output>_loss` and `<output>_<metric>`. As for `Sequential`, a loaded optimizer goes on.
   * @throws ArgumentError for names that do not exist, and where two things would have one key in the logs
   */
  compile(options: ModelCompileOptions): this {
    this.requireIdle('compile');
    const known = { optimizer: true, loss: true, lossWeights: true, metrics: true, weightedMetrics: true } as const;
    checkOptions('compile', options, known, "loss: 'mse'");
    const names = this.outputNames;
    const losses = this.#byOutput('loss', options.loss, isLoss);
    const weights =
      options.lossWeights === undefined
        ? []
        : byNames('compile: lossWeights', options.lossWeights, names, (all) => `lossWeights: { ${all} }`);
    const metrics = this.#metricsByOutput('metrics', options.metrics ?? []);
    const weighted = this.#metricsByOutput('weightedMetrics', options.weightedMetrics ?? []);
    const targets = names.flatMap((name, output): Target[] => {
      const given = losses[output];
      if (given === null || given === undefined) {
        if (metrics[output].length + weighted[output].length === 0) return [];
        throw new ArgumentError(`compile: output '${name}' has metrics and no loss. Give it a loss, or no metrics.`);
      }
      const loss = resolveLoss(given);
      const weight = lossWeightOf(name, weights[output]);
      return [{ name, output, loss, weight, metrics: resolveMetrics(metrics[output], weighted[output], loss) }];
    });
    if (targets.length === 0)
      throw new ArgumentError("compile: no output has a loss. Write loss: 'mse', or one an output.");
    checkKeys(logKeys({ targets }));
    return this.aimFor(options.optimizer, targets);
  }

  /** What was given for each output. */
  #byOutput<T>(
    what: string,
    given: ByOutput<T>,
    isOne: (value: unknown) => value is T,
  ): readonly (T | null | undefined)[] {
    const names = this.outputNames;
    if (isOne(given)) return names.map(() => given);
    return byNames(`compile: ${what}`, given, names, (all) => `${what}: { ${all} }`).map((one, at) => {
      if (one === undefined || one === null || isOne(one)) return one;
      throw new ArgumentError(
        `compile: expected a ${what} for output '${names[at]}', got ${describe(one)}. Give a name such as 'mse', or null for none.`,
      );
    });
  }

  #metricsByOutput(what: string, given: MetricsByOutput): readonly (readonly (MetricName | Metric)[])[] {
    const names = this.outputNames;
    const isList = (value: unknown): value is readonly (MetricName | Metric)[] =>
      Array.isArray(value) && value.every(isMetric);
    if (isList(given)) return names.map(() => given);
    const all = byNames(`compile: ${what}`, given, names, (each) => `${what}: { ${each} }`);
    return all.map((one, at) => {
      if (one === undefined || one === null) return [];
      if (isMetric(one)) return [one];
      if (isList(one)) return one;
      throw new ArgumentError(
        `compile: expected an array of metrics for output '${names[at]}', got ${describe(one)}. Write ${what}: { ${names[at]}: ['accuracy'] }.`,
      );
    });
  }

  /** @internal */
  inputsOf(who: string, xs: DataFor<In>): readonly Tensor[] {
    const [form] = this.#graph.forms;
    const names = this.inputNames;
    if (form === 'one' && !isByName(xs)) return [dataFrom(xs, `${who}: inputs`)];
    const inputs = byNames(`${who}: inputs`, xs, names, (all) => `${who}({ ${all} }, labels)`).map((one, at) =>
      dataFrom(one, `${who}: ${oneOf('inputs', names, at)}`),
    );
    const [first] = inputs;
    const other = inputs.findIndex(({ shape }) => shape[0] !== first.shape[0]);
    if (other < 0) return inputs;
    throw new ShapeError(
      `${who}: got ${counted(first.shape[0], 'example')} ${formatShape(first.shape)} of ${oneOf('inputs', names, 0)} but ${inputs[other].shape[0]} ${formatShape(inputs[other].shape)} of ${oneOf('inputs', names, other)}. ` +
        'Give all inputs of the same examples.',
    );
  }

  /** @internal */
  labelsOf(who: string, ys: LabelsFor<Out>): readonly Tensor[] {
    if (this.form === 'one' && !isByName(ys)) return [dataFrom(ys, `${who}: labels`)];
    const all = this.#byTarget(who, 'labels', ys, (each) => `${who}(inputs, { ${each} })`);
    return all.map(([one, whose]) => dataFrom(one, `${who}: labels${whose}`));
  }

  /** @internal */
  weightsOf(who: string, given: TensorLike | LabelsFor<Out>): ByTarget<Tensor> {
    // A list of numbers, or anything that is no list, is one weight an example, for all outputs.
    const list = this.form !== 'one' && Array.isArray(given) && given.some((one: unknown) => typeof one !== 'number');
    if (!list && !isByName(given)) {
      const shared = dataFrom(given, who);
      return this.goalFor(who).targets.map(() => shared);
    }
    const all = this.#byTarget(who, 'weights', given, (each) => `sampleWeight: { ${each} }`);
    return all.map(([one, whose]) => (one === null || one === undefined ? null : dataFrom(one, `${who}${whose}`)));
  }

  /** What was given by output, for each target, with its name as messages have it. */
  #byTarget(
    who: string,
    what: string,
    given: unknown,
    example: (inside: string) => string,
  ): readonly (readonly [unknown, string])[] {
    const { targets } = this.goalFor(who);
    const names = this.outputNames;
    const all = byNames(what === 'labels' ? `${who}: labels` : who, given, names, example);
    const surplus = all.findIndex(
      (one, output) => one !== null && one !== undefined && targets.every((target) => target.output !== output),
    );
    if (surplus >= 0) {
      throw new ArgumentError(
        `${who}: output '${names[surplus]}' has no loss and takes no ${what}. Give null for them, or compile with a loss for it.`,
      );
    }
    return targets.map(({ name, output }) => [all[output], names.length === 1 ? '' : ` '${name}'`]);
  }

  /** @internal */
  protected outputsOf(outputs: readonly Tensor[]): TensorsFor<Out> {
    const [, form] = this.#graph.forms;
    const given: unknown =
      form === 'one'
        ? outputs[0]
        : form === 'list'
          ? outputs
          : Object.fromEntries(this.outputNames.map((name, at) => [name, outputs[at]]));
    // Of the form that `outputs` had in the constructor, whatever that was.
    return given as TensorsFor<Out>;
  }

  /**
   * A new model from a file (Node): its graph and weights, and where it had been compiled, optimizer with its state, losses and
   * metrics. See `Sequential.load`.
   */
  static async load(path: string, options: LoadModelOptions = {}): Promise<Model> {
    const { readBytes } = await onDemand();
    return Model.#decoded(await readBytes('load', path), options);
  }

  /** The same from bytes. */
  static async fromSafetensors(bytes: Uint8Array, options: LoadModelOptions = {}): Promise<Model> {
    return Model.#decoded(new Uint8Array(bytes), { ...options });
  }

  static async #decoded(bytes: Uint8Array, { customObjects = {}, ...options }: LoadModelOptions): Promise<Model> {
    const { decodeArchitecture } = await onDemand();
    const { composition, seed } = decodeArchitecture(bytes, customObjects, 'Model');
    if (!(composition instanceof LayerGraph)) {
      throw new DataError('load: the file holds no graph. Save the model again.');
    }
    const { inputs, inputNames, outputs, outputNames, forms } = composition;
    const model = new Model({
      inputs: inForm(inputs, inputNames, forms[0]),
      outputs: inForm(outputs, outputNames, forms[1]),
      seed,
      ...options,
    });
    return model.takeFile(bytes, customObjects);
  }
}

function inForm(values: readonly SymbolicTensor[], names: readonly string[], form: Form): SymbolicValues {
  if (form === 'one') return values[0];
  return form === 'list' ? values : Object.fromEntries(names.map((name, at) => [name, values[at]]));
}

/** Data that may be anything, as from JavaScript. */
const dataFrom = (value: unknown, who: string): Tensor => dataOf(value as Parameters<typeof dataOf>[0], who);

const isLoss = (value: unknown): value is LossName | Loss =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && 'perExample' in value);

const isMetric = (value: unknown): value is MetricName | Metric =>
  typeof value === 'string' || (typeof value === 'object' && value !== null && 'perExample' in value);

function lossWeightOf(name: string, weight: unknown): number {
  if (weight === undefined || weight === null) return 1;
  if (typeof weight === 'number' && Number.isFinite(weight)) return weight;
  throw new ArgumentError(
    `compile: the loss weight of '${name}' must be a finite number, got ${describe(weight)}. Leave it out for 1.`,
  );
}

/** Throws where two values of the logs would have one key, or one that belongs to validation. */
function checkKeys(keys: readonly string[]): void {
  const twice = keys.find((key, at) => keys.indexOf(key) !== at);
  const taken = keys.find((key) => key.startsWith('val_') || key === 'learning_rate' || key === 'steps_per_second');
  if (twice === undefined && taken === undefined) return;
  const why = twice === undefined ? `'${taken}', which the logs have` : `'${twice}' twice`;
  throw new ArgumentError(
    `compile: outputs and metrics would give the logs ${why}. Name outputs otherwise: new Model({ inputs, outputs: { name: … } }).`,
  );
}
