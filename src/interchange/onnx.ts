/**
 * Models as ONNX files, for other runtimes. A module of its own, `wgrad/onnx`, because it needs the optional package
 * protobufjs.
 *
 * ONNX wants the channels of images first. Values are turned around where a layer needs it and stay so until another needs
 * them back: the exported model takes and gives the same shapes as the model itself, channels last.
 * @module wgrad/onnx
 */
import { ArgumentError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { type Padding, type Shape, sizeOf, windowOf } from '../base/shape.ts';
import { VERSION } from '../base/version.ts';
import type { TrainedModel } from '../models/trainedModel.ts';
import { HeldModel } from '../network/heldModel.ts';
import { placeLayers } from '../network/network.ts';
import type { ActivationName, AnyLayer } from '../nn/layers/index.ts';
import * as layers from '../nn/layers/index.ts';
import { blank, exampleShape, listOf, onBlanks } from '../nn/layers/layer.ts';
import { MergingLayer } from '../nn/layers/merging.ts';
import type { Tensor } from '../tensor/tensor.ts';
import {
  encodeOnnx,
  floatAttribute,
  floatTensor,
  int64Tensor,
  intAttribute,
  intsAttribute,
  type OnnxAttribute,
  type OnnxNode,
  type OnnxTensor,
} from './onnxFile.ts';

/** Options of `exportOnnx`. */
export interface OnnxOptions {
  /** Default `input`. */
  readonly inputName?: string;
  /** Default `output`. */
  readonly outputName?: string;
}

const OPSET = 17;
/** A protocol buffer is smaller than 2 GiB; the rest of the file takes far less than what is left here. */
const MAX_WEIGHT_BYTES = 2 ** 31 - 2 ** 24;

/**
 * The model as an ONNX file (opset 17): float32 in and out, any batch size, weights inside, layers as in evaluation, so
 * without dropout. Input and output are shaped like those of `predict`.
 * @throws ArgumentError for a layer of your own, which has no ONNX form, and for weights of 2 GiB and more.
 * @throws StateError before the model is built.
 */
export async function exportOnnx(
  model: TrainedModel<unknown, unknown, unknown>,
  options: OnnxOptions = {},
): Promise<Uint8Array> {
  checkOptions('exportOnnx', options, { inputName: true, outputName: true });
  const { composition } = model.networkFor('exportOnnx');
  const inputNames = namesFrom('inputName', options.inputName, composition.inputNames);
  const outputNames = namesFrom('outputName', options.outputName, composition.outputNames);
  const twice = outputNames.find((name) => inputNames.includes(name));
  if (twice !== undefined) {
    throw new ArgumentError(`exportOnnx: input and output are both called '${twice}'. Give them different names.`);
  }
  const weights = await model.getWeights();
  const bytes = weights.reduce((sum, { data }) => sum + data.byteLength, 0);
  if (bytes > MAX_WEIGHT_BYTES) {
    throw new ArgumentError(
      `exportOnnx: the weights take ${bytes} bytes, an ONNX file holds less than 2 GiB. Save the model with save() instead.`,
    );
  }
  const values = new Map(weights.map(({ name, data }) => [name, data]));
  const { layers: placed, outputShapes } = placeLayers(composition);
  const placedOf = new Map(placed.map((one) => [one.layer, one]));
  const graph = new Graph([...inputNames, ...outputNames]);
  const apply = (layer: AnyLayer, x: Traced | readonly Traced[]): readonly Traced[] => {
    const inputs = listOf(x);
    if (layer instanceof HeldModel) return layer.composition.run(inputs, apply);
    const write = formOf(layer);
    const { name = '', specs = [] } = placedOf.get(layer) ?? {};
    const inputShapes = inputs.map(({ shape }) => shape);
    const shape = outputShapeOf(layer, inputShapes);
    const own = new Map(specs.map((spec) => [spec.name, values.get(`${name}/${spec.name}`) ?? new Float32Array()]));
    graph.layer = name;
    const place = { graph, inputShapes, inputShape: inputShapes[0], outputShape: shape, weights: own };
    return [
      {
        shape,
        value: write(
          layer,
          inputs.map(({ value }) => value),
          place,
        ),
      },
    ];
  };
  const inputs = composition.inputShapes.map((shape, at) => ({
    shape,
    value: { name: inputNames[at], rank: shape.length + 1, channelsFirst: false },
  }));
  composition.run<Traced>(inputs, apply).forEach(({ value }, at) => {
    graph.layer = outputNames[at];
    graph.finish(channelsLast(graph, value), outputNames[at]);
  });
  const described = (names: readonly string[], shapes: readonly Shape[]) =>
    names.map((name, at) => ({ name, shape: ['batch', ...shapes[at]] }));
  return encodeOnnx(
    {
      name: 'wgrad',
      node: graph.nodes,
      initializer: graph.constants,
      input: described(inputNames, composition.inputShapes),
      output: described(outputNames, outputShapes),
    },
    OPSET,
    VERSION,
  );
}

/** What the file calls inputs or outputs. */
function namesFrom(option: string, given: string | undefined, names: readonly string[]): readonly string[] {
  if (given === undefined) return names;
  if (names.length === 1) return [given];
  throw new ArgumentError(
    `exportOnnx: ${option} names a single one, but the model has ${names.join(', ')}. Leave it out: they keep their names.`,
  );
}

/** The shape of one example's output. */
function outputShapeOf(layer: AnyLayer, inputShapes: readonly Shape[]): Shape {
  const blanks = inputShapes.map((shape) => blank([1, ...shape]));
  const takesList = layer instanceof MergingLayer;
  return exampleShape(listOf<Tensor>(onBlanks(layer, takesList ? blanks : blanks[0]))[0]);
}

/** A value on its way through the layers. */
interface Traced {
  readonly value: Value;
  /** Of one example, as the model has it. */
  readonly shape: Shape;
}

/** A value of the graph. */
interface Value {
  readonly name: string;
  /** With the batch. */
  readonly rank: number;
  /** Whether the last dimension, as the model has it, comes right after the batch; the same for ranks of 1 and 2. */
  readonly channelsFirst: boolean;
}

/** A layer's place in the model. Shapes are the model's own, without the batch. */
interface Place {
  readonly graph: Graph;
  /** Of the first input. */
  readonly inputShape: Shape;
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  /** By the names of the layer's specs. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}

/** Collects operations and constants, and names them after the layer at hand. */
class Graph {
  layer = '';
  readonly nodes: OnnxNode[] = [];
  readonly constants: OnnxTensor[] = [];
  readonly #names: Set<string>;

  constructor(reserved: readonly string[]) {
    this.#names = new Set(reserved);
  }

  #unique(part: string): string {
    const base = `${this.layer}/${part}`;
    let name = base;
    for (let i = 1; this.#names.has(name); i++) name = `${base}_${i}`;
    this.#names.add(name);
    return name;
  }

  /** Adds an operation; returns the name of its output. */
  add(opType: string, input: readonly string[], attribute: readonly OnnxAttribute[] = []): string {
    const name = this.#unique(opType);
    this.nodes.push({ opType, name, input, output: [name], attribute });
    return name;
  }

  floats(part: string, dims: readonly number[], data: Float32Array): string {
    const name = this.#unique(part);
    this.constants.push(floatTensor(name, dims, data));
    return name;
  }

  scalar(value: number): string {
    return this.floats('constant', [], new Float32Array([value]));
  }

  sizes(data: readonly number[]): string {
    const name = this.#unique('shape');
    this.constants.push(int64Tensor(name, data));
    return name;
  }

  /** Makes a value the graph's output. */
  finish({ name }: Value, output: string): void {
    this.nodes.push({ opType: 'Identity', name: output, input: [name], output: [output], attribute: [] });
  }
}

function transposed(graph: Graph, x: Value, channelsFirst: boolean): Value {
  if (x.channelsFirst === channelsFirst || x.rank < 3) return x;
  const middle = Array.from({ length: x.rank - 2 }, (_, d) => d + 1);
  const perm = channelsFirst ? [0, x.rank - 1, ...middle] : [0, ...middle.map((d) => d + 1), 1];
  return { ...x, name: graph.add('Transpose', [x.name], [intsAttribute('perm', perm)]), channelsFirst };
}

const channelsFirst = (graph: Graph, x: Value): Value => transposed(graph, x, true);
const channelsLast = (graph: Graph, x: Value): Value => transposed(graph, x, false);

type Activate = (graph: Graph, x: Value) => string;

const simple =
  (opType: string, ...attributes: OnnxAttribute[]): Activate =>
  (graph, x) =>
    graph.add(opType, [x.name], attributes);

const alongChannels =
  (opType: string): Activate =>
  (graph, x) =>
    graph.add(opType, [x.name], [intAttribute('axis', x.channelsFirst && x.rank > 2 ? 1 : -1)]);

const activations: { readonly [Name in ActivationName]: Activate } = {
  linear: (_, x) => x.name,
  relu: simple('Relu'),
  leakyRelu: simple('LeakyRelu', floatAttribute('alpha', 0.2)),
  elu: simple('Elu', floatAttribute('alpha', 1)),
  // x Φ(x); opset 17 has no Gelu.
  gelu: (graph, x) => {
    const erf = graph.add('Erf', [graph.add('Mul', [x.name, graph.scalar(Math.SQRT1_2)])]);
    const share = graph.add('Mul', [graph.add('Add', [erf, graph.scalar(1)]), graph.scalar(0.5)]);
    return graph.add('Mul', [x.name, share]);
  },
  sigmoid: simple('Sigmoid'),
  tanh: simple('Tanh'),
  softplus: simple('Softplus'),
  silu: (graph, x) => graph.add('Mul', [x.name, graph.add('Sigmoid', [x.name])]),
  softmax: alongChannels('Softmax'),
  logSoftmax: alongChannels('LogSoftmax'),
};

const activated = (graph: Graph, x: Value, activation: ActivationName): Value => ({
  ...x,
  name: activations[activation](graph, x),
});

/** Kernel size, strides and the padding that `same` comes to for this size of image. */
function windowAttributes(
  [height, width]: Shape,
  size: readonly [number, number],
  strides: readonly [number, number],
  padding: Padding,
): OnnxAttribute[] {
  const around = [height, width].map((extent, d): [number, number] => {
    const { output, before } = windowOf(extent, size[d], strides[d], padding, 'exportOnnx');
    // Without padding the last pixels may be left over: that is no negative padding.
    const after = padding === 'same' ? Math.max((output - 1) * strides[d] + size[d] - extent - before, 0) : 0;
    return [before, after];
  });
  return [
    intsAttribute('kernel_shape', size),
    intsAttribute('strides', strides),
    intsAttribute('pads', [around[0][0], around[1][0], around[0][1], around[1][1]]),
  ];
}

/** [height, width, in, out] to [out, in, height, width]. */
function kernelChannelsFirst(kernel: Float32Array, [size, channels, filters]: readonly [number, number, number]) {
  const out = new Float32Array(kernel.length);
  let from = 0;
  for (let at = 0; at < size; at++) {
    for (let c = 0; c < channels; c++) {
      for (let f = 0; f < filters; f++) out[(f * channels + c) * size + at] = kernel[from++];
    }
  }
  return out;
}

function weightOf({ weights }: Place, name: string): Float32Array {
  return weights.get(name) ?? new Float32Array();
}

function reshaped({ graph, outputShape }: Place, x: Value): Value {
  const name = graph.add('Reshape', [channelsLast(graph, x).name, graph.sizes([0, ...outputShape])]);
  return { name, rank: outputShape.length + 1, channelsFirst: false };
}

function pooled(
  opType: 'MaxPool' | 'AveragePool',
  layer: layers.MaxPooling2D | layers.AveragePooling2D,
  x: Value,
  { graph, inputShape }: Place,
): Value {
  const images = channelsFirst(graph, x);
  const attributes = windowAttributes(inputShape, layer.poolSize, layer.strides, layer.padding);
  // Keras' mean is that of the pixels which are there.
  if (opType === 'AveragePool') attributes.push(intAttribute('count_include_pad', 0));
  return { ...images, name: graph.add(opType, [images.name], attributes) };
}

/** How one layer becomes operations. */
type Form = (layer: AnyLayer, inputs: readonly Value[], place: Place) => Value;

interface ClassForm {
  readonly kind: new (...args: never[]) => AnyLayer;
  readonly write: Form;
}

/** Of a layer with one input. */
function form<L extends AnyLayer>(
  kind: new (...args: never[]) => L,
  write: (layer: L, x: Value, place: Place) => Value,
): ClassForm {
  return formOfSeveral(kind, (layer, [x], place) => write(layer, x, place));
}

function formOfSeveral<L extends AnyLayer>(
  kind: new (...args: never[]) => L,
  write: (layer: L, inputs: readonly Value[], place: Place) => Value,
): ClassForm {
  const checked: Form = (layer, inputs, place) => {
    if (layer instanceof kind) return write(layer, inputs, place);
    throw refusal(layer);
  };
  return { kind, write: checked };
}

/** Operations on channels last: shapes that broadcast do so along the axes that the model knows. */
const merged = (kind: new (...args: never[]) => AnyLayer, write: (graph: Graph, names: readonly string[]) => string) =>
  formOfSeveral(kind, (_, inputs, { graph, inputShapes, outputShape }) => {
    const rank = outputShape.length + 1;
    const names = inputs.map((x, at) => {
      const { name } = channelsLast(graph, x);
      const missing = rank - x.rank;
      // The batch stays in front.
      return missing === 0
        ? name
        : graph.add('Reshape', [name, graph.sizes([0, ...Array(missing).fill(1), ...inputShapes[at]])]);
    });
    return { name: write(graph, names), rank, channelsFirst: false };
  });

/** By an operation of two. */
const pairwise =
  (opType: string) =>
  (graph: Graph, names: readonly string[]): string =>
    names.reduce((all, name) => graph.add(opType, [all, name]));

/** The names of all layer classes: one without a form here does not compile. */
type LayerClass = keyof {
  [Name in keyof typeof layers as (typeof layers)[Name] extends new (
    ...args: never[]
  ) => AnyLayer
    ? Name
    : never]: Name;
};

const forms: Readonly<Record<LayerClass, ClassForm>> = {
  Dense: form(layers.Dense, (layer, x, place) => {
    const { graph, inputShape } = place;
    const features = inputShape[inputShape.length - 1];
    const kernel = graph.floats('kernel', [features, layer.units], weightOf(place, 'kernel'));
    const flat = channelsLast(graph, x);
    let name = graph.add('MatMul', [flat.name, kernel]);
    const bias = place.weights.get('bias');
    if (bias !== undefined) name = graph.add('Add', [name, graph.floats('bias', [layer.units], bias)]);
    return activated(graph, { ...flat, name }, layer.activation);
  }),
  Conv2D: form(layers.Conv2D, (layer, x, place) => {
    const { graph, inputShape } = place;
    const { filters, kernelSize, strides, padding, activation } = layer;
    const channels = inputShape[2];
    const kernel = kernelChannelsFirst(weightOf(place, 'kernel'), [sizeOf(kernelSize), channels, filters]);
    const images = channelsFirst(graph, x);
    const inputs = [images.name, graph.floats('kernel', [filters, channels, ...kernelSize], kernel)];
    const bias = place.weights.get('bias');
    if (bias !== undefined) inputs.push(graph.floats('bias', [filters], bias));
    const name = graph.add('Conv', inputs, windowAttributes(inputShape, kernelSize, strides, padding));
    return activated(graph, { ...images, name }, activation);
  }),
  MaxPooling2D: form(layers.MaxPooling2D, (layer, x, place) => pooled('MaxPool', layer, x, place)),
  AveragePooling2D: form(layers.AveragePooling2D, (layer, x, place) => pooled('AveragePool', layer, x, place)),
  GlobalAveragePooling2D: form(layers.GlobalAveragePooling2D, (_, x, { graph }) => {
    const pixel = graph.add('GlobalAveragePool', [channelsFirst(graph, x).name]);
    return { name: graph.add('Flatten', [pixel]), rank: 2, channelsFirst: false };
  }),
  Flatten: form(layers.Flatten, (_, x, place) => reshaped(place, x)),
  Reshape: form(layers.Reshape, (_, x, place) => reshaped(place, x)),
  Activation: form(layers.Activation, (layer, x, { graph }) => activated(graph, x, layer.activation)),
  Dropout: form(layers.Dropout, (_, x) => x),
  Rescaling: form(layers.Rescaling, ({ scale, offset }, x, { graph }) => {
    const scaled = graph.add('Mul', [x.name, graph.scalar(scale)]);
    return { ...x, name: offset === 0 ? scaled : graph.add('Add', [scaled, graph.scalar(offset)]) };
  }),
  BatchNormalization: form(layers.BatchNormalization, (layer, x, place) => {
    const { graph, inputShape, weights } = place;
    const channels = inputShape[inputShape.length - 1];
    const all = (value: number) => new Float32Array(channels).fill(value);
    const first = channelsFirst(graph, x);
    const inputs = [
      graph.floats('gamma', [channels], weights.get('gamma') ?? all(1)),
      graph.floats('beta', [channels], weights.get('beta') ?? all(0)),
      graph.floats('movingMean', [channels], weightOf(place, 'movingMean')),
      graph.floats('movingVariance', [channels], weightOf(place, 'movingVariance')),
    ];
    const epsilon = floatAttribute('epsilon', layer.epsilon);
    return { ...first, name: graph.add('BatchNormalization', [first.name, ...inputs], [epsilon]) };
  }),
  Add: merged(layers.Add, pairwise('Add')),
  Subtract: merged(layers.Subtract, pairwise('Sub')),
  Multiply: merged(layers.Multiply, pairwise('Mul')),
  Average: merged(layers.Average, (graph, names) => {
    const sum = pairwise('Add')(graph, names);
    return graph.add('Div', [sum, graph.scalar(names.length)]);
  }),
  Maximum: merged(layers.Maximum, pairwise('Max')),
  Minimum: merged(layers.Minimum, pairwise('Min')),
  Concatenate: formOfSeveral(layers.Concatenate, ({ axis }, inputs, { graph }) => {
    const plain = inputs.map((x) => channelsLast(graph, x));
    const name = graph.add(
      'Concat',
      plain.map((x) => x.name),
      [intAttribute('axis', axis)],
    );
    return { ...plain[0], name };
  }),
};

/** By the class itself: one that extends a layer of ours may compute something else. */
function formOf(layer: AnyLayer): Form {
  const found = Object.values(forms).find(({ kind }) => layer.constructor === kind);
  if (found !== undefined) return found.write;
  throw refusal(layer);
}

function refusal(layer: AnyLayer): ArgumentError {
  // A class that extends one of these has that one's `className`.
  const derived = Object.hasOwn(forms, layer.className);
  const name = derived ? layer.constructor.name : layer.className;
  return new ArgumentError(
    `exportOnnx: layer ${layer.givenName === null ? '' : `'${layer.givenName}' `}of class ${name} has no ONNX form, ` +
      `only ${Object.keys(forms).join(', ')} have${derived ? ', not what extends them' : ''}. Replace it, or export the layers ` +
      'before and after it as models of their own.',
  );
}
