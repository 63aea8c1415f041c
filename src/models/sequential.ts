/** A model of layers in a row. */

import { counted } from '../base/describe.ts';
import { ArgumentError, StateError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import type { Shape } from '../base/shape.ts';
import { type ByTarget, targetOf } from '../network/compiled.ts';
import { type Composition, inARow } from '../network/composition.ts';
import { checkLayers } from '../network/customParts.ts';
import { HeldModel } from '../network/heldModel.ts';
import { type AnyLayer, applied, type Layer, listOf, type SymbolicTensor } from '../nn/layers/layer.ts';
import type { CustomObjects } from '../nn/layers/makeLayer.ts';
import { type Loss, type LossName, resolveLoss } from '../nn/losses.ts';
import { type Metric, type MetricName, resolveMetrics } from '../nn/metrics.ts';
import type { OptimizerName } from '../nn/optimizers/index.ts';
import type { Optimizer } from '../nn/optimizers/optimizer.ts';
import type { Tensor, TensorLike } from '../tensor/tensor.ts';
import { dataOf } from '../training/data/checkData.ts';
import { type ModelOptions, onDemand, TrainedModel } from './trainedModel.ts';

/** Options of `Sequential`. */
export interface SequentialOptions extends ModelOptions {
  /** Shape of one example, without the batch; default: the first layer's `inputShape`, or that of the first data seen. */
  readonly inputShape?: Shape;
}

/** Options of `Sequential.load` and `Sequential.fromSafetensors`. */
export interface LoadOptions extends SequentialOptions {
  /**
   * What the file names and the library does not have, by those names: layers of your own by their `className`, as functions
   * that make them from what `config()` gave, and losses and metrics of your own.
   */
  readonly customObjects?: CustomObjects;
}

/** Options of `compile`. */
export interface CompileOptions {
  /** Default Adam, or that of the file which the model was loaded from. Names stand for the defaults. */
  readonly optimizer?: Optimizer | OptimizerName;
  /** A name for the defaults, or a loss. */
  readonly loss: LossName | Loss;
  /** Default none. Each example counts once, whatever its weight. */
  readonly metrics?: readonly (MetricName | Metric)[];
  /** Metrics in which examples count by `sampleWeight` and `classWeight`, as they do in the loss; default none. */
  readonly weightedMetrics?: readonly (MetricName | Metric)[];
}

/** A model of one input and one output, which may be a layer of a `Sequential`. */
export type TensorModel = TrainedModel<TensorLike, TensorLike, Tensor>;

/**
 * Layers in a row, each on the output of the one before: built, compiled and trained as in Keras. A model among them begins with
 * the weights that it has when this one is built: see `asLayer`.
 */
export class Sequential extends TrainedModel<TensorLike, TensorLike, Tensor> {
  /** @internal */
  static override readonly name: string = 'Sequential';
  /** @internal */
  protected readonly form = 'one';
  #layers: readonly Layer[];

  /** @param layers layers, and models of one input and one output */
  constructor(layers: readonly (Layer | TensorModel)[] = [], options: SequentialOptions = {}) {
    const row = rowOf(layers);
    checkOptions('Sequential', options, { inputShape: true, name: true, seed: true, device: true });
    super('Sequential', options);
    this.#layers = row;
    const inputShape = options.inputShape ?? knownShape(row[0]);
    if (inputShape) this.build(inputShape);
  }

  /**
   * Adds a layer, or a model of one input and one output, at the end. What is built already keeps its weights.
   * @throws StateError where the weights are in use on a device, as after training
   * @throws ShapeError where the layer does not fit; the model then is as before
   */
  add(layer: Layer | TensorModel): this {
    const before = this.#layers;
    this.#layers = rowOf([...before, layer]);
    try {
      this.rebuild('add');
    } catch (error) {
      this.#layers = before;
      throw error;
    }
    return this;
  }

  /** In order; a model among them as what stands for it here. */
  override get layers(): readonly Layer[] {
    return [...this.#layers];
  }

  /** Fixes the shape of one example, checks that the layers fit, and draws the weights. */
  build(inputShape: Shape): this {
    this.networkFor('build', [inputShape]);
    return this;
  }

  /**
   * The model as a layer in a graph: see `asLayer`.
   * @throws ShapeError where the layers do not fit
   */
  apply(x: SymbolicTensor): SymbolicTensor {
    return listOf(applied(this.asLayer(), x))[0];
  }

  /** @internal */
  protected composition(who: string, given: readonly Shape[] | null): Composition {
    const inputShape = given?.[0] ?? knownShape(this.#layers[0]);
    if (!inputShape) {
      throw new StateError(
        `${who}: the shape of an example is not known yet. Give the first layer an inputShape, or call build(inputShape).`,
      );
    }
    if (this.#layers.length === 0) throw new ArgumentError('The model has no layers. Give at least one.');
    return inARow([...this.#layers], inputShape);
  }

  /**
   * Chooses optimizer, loss and metrics. May be called again: the weights stay. After a model was loaded, and until it is
   * trained, an optimizer of the file's kind goes on with the file's moments, and with its learning rate unless an
   * `Optimizer` with one of its own is given.
   */
  compile(options: CompileOptions): this {
    this.requireIdle('compile');
    const names = { optimizer: true, loss: true, metrics: true, weightedMetrics: true };
    checkOptions('compile', options, names, "loss: 'mse'");
    const { metrics = [], weightedMetrics = [] } = options;
    const loss = resolveLoss(options.loss);
    return this.aimFor(options.optimizer, targetOf(loss, resolveMetrics(metrics, weightedMetrics, loss)));
  }

  /** Shape of one example, without the batch. */
  get inputShape(): Shape {
    return this.networkFor('inputShape').inputShapes[0];
  }

  /** Shape of one output, without the batch. */
  get outputShape(): Shape {
    return this.networkFor('outputShape').outputShapes[0];
  }

  /** @internal */
  inputsOf(who: string, xs: TensorLike): readonly Tensor[] {
    return [dataOf(xs, `${who}: inputs`)];
  }

  /** @internal */
  labelsOf(who: string, ys: TensorLike): readonly Tensor[] {
    return [dataOf(ys, `${who}: labels`)];
  }

  /** @internal */
  weightsOf(who: string, given: TensorLike): ByTarget<Tensor> {
    return [dataOf(given, who)];
  }

  /** @internal */
  protected outputsOf([output]: readonly Tensor[]): Tensor {
    return output;
  }

  /**
   * A new model from a file (Node): architecture and weights, and where it had been compiled, optimizer with its state, loss and
   * metrics. It can be evaluated and trained on at once, unless loss, a metric or optimizer were of your own: then `compile` it,
   * or give loss and metric as `customObjects`, where layers of your own have to be.
   */
  static async load(path: string, options: LoadOptions = {}): Promise<Sequential> {
    const { readBytes } = await onDemand();
    return Sequential.#decoded(await readBytes('load', path), options);
  }

  /** The same from bytes. */
  static async fromSafetensors(bytes: Uint8Array, options: LoadOptions = {}): Promise<Sequential> {
    return Sequential.#decoded(new Uint8Array(bytes), { ...options });
  }

  static async #decoded(bytes: Uint8Array, { customObjects = {}, ...options }: LoadOptions): Promise<Sequential> {
    const { decodeArchitecture } = await onDemand();
    const { composition, seed } = decodeArchitecture(bytes, customObjects, 'Sequential');
    const { layers, inputShapes } = composition;
    checkLayers(layers);
    const model = new Sequential(layers, { seed, ...options, inputShape: inputShapes[0] });
    return model.takeFile(bytes, customObjects);
  }
}

/** The layers, with what stands for models among them. */
function rowOf(given: readonly (Layer | TensorModel)[]): readonly Layer[] {
  const parts: unknown = given;
  const layers: unknown = Array.isArray(parts)
    ? Array.from(parts, (one: unknown) => (one instanceof TrainedModel ? one.asLayer() : one))
    : parts;
  checkLayers(layers);
  layers.forEach((layer: AnyLayer, at) => {
    if (!(layer instanceof HeldModel)) return;
    const count = layer.inputShapes?.length ?? 1;
    if (layer.gives === 'one' && count === 1) return;
    const has = layer.gives === 'one' ? counted(count, 'input') : `a ${layer.gives} of outputs`;
    throw new ArgumentError(
      `Sequential: expected models of one input and one output, but the ${layer.className} at position ${at} has ${has}. Build a Model and apply it to each: new Model({ inputs, outputs }).`,
    );
  });
  return layers;
}

/** Shape of one example, where the first layer was told it, or is a model that is built. */
const knownShape = (first: AnyLayer | undefined): Shape | null | undefined =>
  first instanceof HeldModel ? first.inputShapes?.[0] : first?.inputShape;
