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
import {
  type Margins,
  type Padding,
  paddingAlong,
  paddingOf,
  type Shape,
  sizeOf,
  spanOf,
  windowOf,
} from '../base/shape.ts';
import { VERSION } from '../base/version.ts';
import type { TrainedModel } from '../models/trainedModel.ts';
import type { Apply } from '../network/composition.ts';
import { HeldModel } from '../network/heldModel.ts';
import { placeLayers } from '../network/network.ts';
import { axesOf, besideOthers } from '../nn/layers/axes.ts';
import type { ActivationName, AnyLayer } from '../nn/layers/index.ts';
import * as layers from '../nn/layers/index.ts';
import { blank, exampleShape, type LayerValues, listOf, onBlanks } from '../nn/layers/layer.ts';
import { rowPadding } from '../ops/conv1d.ts';
import { spread } from '../ops/conv2dTranspose.ts';
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
  stringAttribute,
  stringsAttribute,
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
  const apply: Apply<Traced> = (layer, x) => {
    const inputs = listOf(x);
    if (layer instanceof HeldModel) {
      const made = layer.composition.run(inputs, apply);
      return layer.gives === 'one' ? made[0] : made;
    }
    const write = formOf(layer);
    const { name = '', specs = [] } = placedOf.get(layer) ?? {};
    const inputShapes = inputs.map(({ shape }) => shape);
    const blanks = inputShapes.map((shape) => blank([1, ...shape]));
    const shape = outputShapeOf(layer, Array.isArray(x) ? blanks : blanks[0]);
    const own = new Map(specs.map((spec) => [spec.name, values.get(`${name}/${spec.name}`) ?? new Float32Array()]));
    graph.layer = name;
    const place = { graph, inputShapes, inputShape: inputShapes[0], outputShape: shape, weights: own };
    const given = inputs.map(({ value }) => value);
    return { shape, value: write(layer, given, place) };
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
function outputShapeOf(layer: AnyLayer, inputs: LayerValues): Shape {
  return exampleShape(listOf<Tensor>(onBlanks(layer, inputs))[0]);
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
  swish: (graph, x) => activations.silu(graph, x),
  relu6: (graph, x) => graph.add('Clip', [x.name, graph.scalar(0), graph.scalar(6)]),
  selu: simple('Selu'),
  softsign: simple('Softsign'),
  // Opset 17 has no Mish.
  mish: (graph, x) => graph.add('Mul', [x.name, graph.add('Tanh', [graph.add('Softplus', [x.name])])]),
  hardSigmoid: simple('HardSigmoid', floatAttribute('alpha', 1 / 6), floatAttribute('beta', 0.5)),
  hardSilu: simple('HardSwish'),
  exponential: simple('Exp'),
  softmax: alongChannels('Softmax'),
  logSoftmax: alongChannels('LogSoftmax'),
};

const activated = (graph: Graph, x: Value, activation: ActivationName): Value => ({
  ...x,
  name: activations[activation](graph, x),
});

/** How a window moves: a number or a name for each dimension of an image, or of a sequence. */
interface Sliding {
  readonly size: readonly number[];
  readonly strides: readonly number[];
  readonly padding: readonly (Padding | Margins)[];
  readonly dilation?: readonly number[];
}

/** Kernel size, strides, dilation and padding: first in front along each dimension, then behind. */
function slidingAttributes({ size, strides, dilation }: Sliding, around: readonly Margins[]): OnnxAttribute[] {
  const pads = [...around.map(([before]) => before), ...around.map(([, after]) => after)];
  const attributes = [
    intsAttribute('kernel_shape', size),
    intsAttribute('strides', strides),
    intsAttribute('pads', pads),
  ];
  if (dilation?.some((step) => step > 1)) attributes.push(intsAttribute('dilations', dilation));
  return attributes;
}

/** Those of a window over so many pixels, with the padding that `same` comes to. */
function windowAttributes(extents: Shape, sliding: Sliding): OnnxAttribute[] {
  const { size, strides, padding, dilation } = sliding;
  const around = padding.map((one, d): Margins => {
    if (typeof one !== 'string') return one;
    const span = spanOf(size[d], dilation?.[d] ?? 1);
    const { output, before } = windowOf(extents[d], span, strides[d], one, 'exportOnnx');
    // Without padding the last pixels may be left over: that is no negative padding.
    const after = one === 'same' ? Math.max((output - 1) * strides[d] + span - extents[d] - before, 0) : 0;
    return [before, after];
  });
  return slidingAttributes(sliding, around);
}

/** A convolution, or a transposed one, of a value whose channels come first. */
function convolved(
  { graph, weights }: Place,
  opType: 'Conv' | 'ConvTranspose',
  { images, kernel, attributes }: { images: Value; kernel: string; attributes: readonly OnnxAttribute[] },
): Value {
  const bias = weights.get('bias');
  const inputs = [images.name, kernel];
  if (bias !== undefined) inputs.push(graph.floats('bias', [bias.length], bias));
  return { ...images, name: graph.add(opType, inputs, attributes) };
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

function pooled(opType: 'MaxPool' | 'AveragePool', x: Value, { graph, inputShape }: Place, sliding: Sliding): Value {
  const images = channelsFirst(graph, x);
  const attributes = windowAttributes(inputShape, sliding);
  // Keras' mean is that of the pixels which are there.
  if (opType === 'AveragePool') attributes.push(intAttribute('count_include_pad', 0));
  return { ...images, name: graph.add(opType, [images.name], attributes) };
}

const filled = (size: number, value: number): Float32Array => new Float32Array(size).fill(value);

/** gamma x + beta, of whichever there are, in the shape in which they meet x. */
function scaledAndCentered(x: string, { graph, weights }: Place, shape: readonly number[]): string {
  const [gamma, beta] = [weights.get('gamma'), weights.get('beta')];
  const scaled = gamma === undefined ? x : graph.add('Mul', [x, graph.floats('gamma', shape, gamma)]);
  return beta === undefined ? scaled : graph.add('Add', [scaled, graph.floats('beta', shape, beta)]);
}

/** Makes the axes of a value with the batch stand in another order, and back again afterwards. */
function inOrder(graph: Graph, x: string, order: readonly number[], make: (x: string) => string): string {
  if (order.every((axis, d) => axis === d)) return make(x);
  const turned = make(graph.add('Transpose', [x], [intsAttribute('perm', order)]));
  const back = order.map((_, d) => order.indexOf(d));
  return graph.add('Transpose', [turned], [intsAttribute('perm', back)]);
}

function layerNormalized(layer: layers.LayerNormalization, x: Value, place: Place): Value {
  const { graph, inputShape, weights } = place;
  const axes = axesOf(layer.axis, inputShape, layer.className, layer.className);
  const extents = axes.map((axis) => inputShape[axis - 1]);
  const flat = channelsLast(graph, x);
  const order = [...Array.from({ length: flat.rank }, (_, d) => d).filter((d) => !axes.includes(d)), ...axes];
  const name = inOrder(graph, flat.name, order, (turned) => {
    const inputs = [turned, graph.floats('gamma', extents, weights.get('gamma') ?? filled(sizeOf(extents), 1))];
    const beta = weights.get('beta');
    if (beta !== undefined) inputs.push(graph.floats('beta', extents, beta));
    const attributes = [intAttribute('axis', -axes.length), floatAttribute('epsilon', layer.epsilon)];
    return graph.add('LayerNormalization', inputs, attributes);
  });
  return { ...flat, name };
}

/** Opset 17 has no GroupNormalization: the groups are normalised as channels are. */
function groupNormalized(layer: layers.GroupNormalization, x: Value, place: Place): Value {
  const { graph, inputShape } = place;
  const [axis] = axesOf(layer.axis, inputShape, layer.className, layer.className);
  const channels = inputShape[axis - 1];
  const groups = layer.groups === -1 ? channels : layer.groups;
  const others = inputShape.toSpliced(axis - 1, 1);
  const isLast = axis === inputShape.length;
  const flat = isLast ? channelsFirst(graph, x) : channelsLast(graph, x);
  const order = [0, axis, ...Array.from({ length: flat.rank }, (_, d) => d).filter((d) => d !== 0 && d !== axis)];
  const name = inOrder(graph, flat.name, isLast ? [] : order, (first) => {
    const apart = graph.add('Reshape', [first, graph.sizes([0, groups, -1])]);
    const inputs = [
      apart,
      graph.floats('scale', [groups], filled(groups, 1)),
      graph.floats('bias', [groups], filled(groups, 0)),
    ];
    const normal = graph.add('InstanceNormalization', inputs, [floatAttribute('epsilon', layer.epsilon)]);
    const whole = graph.add('Reshape', [normal, graph.sizes([0, channels, ...others])]);
    return scaledAndCentered(whole, place, [channels, ...others.map(() => 1)]);
  });
  return { ...flat, name };
}

function normalizedByConstants(layer: layers.Normalization, x: Value, place: Place): Value {
  const { graph, inputShape } = place;
  const flat = channelsLast(graph, x);
  const axes = layer.axis === null ? [] : axesOf(layer.axis, inputShape, layer.className, layer.className);
  const { mean = weightOf(place, 'mean'), variance = weightOf(place, 'variance') } = layer.given ?? {};
  const deviations = Float32Array.from(variance, (value) => Math.max(Math.sqrt(value), 1e-7));
  const constant = (part: string, values: Float32Array): string =>
    graph.floats(part, values.length === 1 ? [] : besideOthers(axes, [1, ...inputShape]), values);
  const [average, deviation] = [constant('mean', Float32Array.from(mean)), constant('deviation', deviations)];
  const name = layer.invert
    ? graph.add('Add', [graph.add('Mul', [flat.name, deviation]), average])
    : graph.add('Div', [graph.add('Sub', [flat.name, average]), deviation]);
  return { ...flat, name };
}

function upsampled({ size, interpolation }: layers.UpSampling2D, x: Value, { graph }: Place): Value {
  const images = channelsFirst(graph, x);
  const [mode, coordinates] = interpolation === 'nearest' ? ['nearest', 'asymmetric'] : ['linear', 'half_pixel'];
  const attributes = [stringAttribute('mode', mode), stringAttribute('coordinate_transformation_mode', coordinates)];
  if (mode === 'nearest') attributes.push(stringAttribute('nearest_mode', 'floor'));
  const scales = graph.floats('scales', [4], Float32Array.from([1, 1, ...size]));
  return { ...images, name: graph.add('Resize', [images.name, '', scales], attributes) };
}

function padded({ padding: [top, bottom, left, right] }: layers.ZeroPadding2D, x: Value, { graph }: Place): Value {
  const around = (height: number, width: number): number[] =>
    x.channelsFirst ? [0, 0, height, width] : [0, height, width, 0];
  return { ...x, name: graph.add('Pad', [x.name, graph.sizes([...around(top, left), ...around(bottom, right)])]) };
}

function cropped({ cropping: [top, , left] }: layers.Cropping2D, x: Value, { graph, outputShape }: Place): Value {
  const ends = [top + outputShape[0], left + outputShape[1]];
  const inputs = [[top, left], ends, x.channelsFirst ? [2, 3] : [1, 2]].map((sizes) => graph.sizes(sizes));
  return { ...x, name: graph.add('Slice', [x.name, ...inputs]) };
}

function rectified({ maxValue, negativeSlope, threshold }: layers.ReLU, x: Value, { graph }: Place): Value {
  const bound = graph.scalar(threshold);
  const below = graph.add('Mul', [graph.add('Sub', [x.name, bound]), graph.scalar(negativeSlope)]);
  const known = graph.add('Where', [graph.add('Less', [x.name, bound]), below, x.name]);
  return { ...x, name: maxValue === null ? known : graph.add('Min', [known, graph.scalar(maxValue)]) };
}

function attended(layer: layers.MultiHeadAttention, inputs: readonly Value[], place: Place): Value {
  const { graph, outputShape, weights, inputShapes } = place;
  const { numHeads, keyDim } = layer;
  const valueDim = layer.valueDim ?? keyDim;
  const dense = (from: string, title: string, extents: readonly [number, number]): string => {
    const kernel = graph.floats(`${title}/kernel`, extents, weightOf(place, `${title}/kernel`));
    const product = graph.add('MatMul', [from, kernel]);
    const bias = weights.get(`${title}/bias`);
    return bias === undefined
      ? product
      : graph.add('Add', [product, graph.floats(`${title}/bias`, [extents[1]], bias)]);
  };
  const given = inputs.map((x, at) => ({ name: channelsLast(graph, x).name, shape: inputShapes[at] }));
  const [query, value = query, key = value, mask] = given;
  const heads = ({ name, shape }: typeof query, title: string, size: number, perm: readonly number[]): string => {
    const wide = dense(name, title, [shape[1], numHeads * size]);
    const apart = graph.add('Reshape', [wide, graph.sizes([0, 0, numHeads, size])]);
    return graph.add('Transpose', [apart], [intsAttribute('perm', perm)]);
  };
  const [forQuery, forKey] = [heads(query, 'query', keyDim, [0, 2, 1, 3]), heads(key, 'key', keyDim, [0, 2, 3, 1])];
  let scores = graph.add('Mul', [graph.add('MatMul', [forQuery, forKey]), graph.scalar(1 / Math.sqrt(keyDim))]);
  const where = (attended: string): string => graph.add('Where', [attended, scores, graph.scalar(-3e38)]);
  if (layer.useCausalMask) {
    const places = query.shape[0];
    const earlier = Float32Array.from({ length: places * places }, (_, i) =>
      i % places > Math.floor(i / places) ? 0 : 1,
    );
    scores = where(nonZero(graph, graph.floats('mask', [places, places], earlier)));
  }
  if (mask !== undefined) {
    const beside = mask.shape.length === 1 ? [0, 1, 1, ...mask.shape] : [0, 1, ...mask.shape];
    scores = where(nonZero(graph, graph.add('Reshape', [mask.name, graph.sizes(beside)])));
  }
  const shares = graph.add('Softmax', [scores], [intAttribute('axis', -1)]);
  const mixed = graph.add('MatMul', [shares, heads(value, 'value', valueDim, [0, 2, 1, 3])]);
  const turned = graph.add('Transpose', [mixed], [intsAttribute('perm', [0, 2, 1, 3])]);
  const joined = graph.add('Reshape', [turned, graph.sizes([0, 0, numHeads * valueDim])]);
  const name = dense(joined, 'attention_output', [numHeads * valueDim, outputShape[1]]);
  return { name, rank: 3, channelsFirst: false };
}

const pool2d = ({ poolSize, strides, padding }: layers.MaxPooling2D | layers.AveragePooling2D): Sliding => ({
  ...{ size: poolSize, strides },
  padding: [padding, padding],
});

const pool1d = ({ poolSize, strides, padding }: layers.MaxPooling1D | layers.AveragePooling1D): Sliding => ({
  ...{ size: [poolSize], strides: [strides] },
  padding: [padding],
});

/** A pooling over all positions. */
const pooledAway =
  (opType: 'GlobalMaxPool' | 'GlobalAveragePool') =>
  ({ keepDims }: { readonly keepDims: boolean }, x: Value, { graph }: Place): Value => {
    const images = channelsFirst(graph, x);
    const pixel = graph.add(opType, [images.name]);
    if (keepDims) return { ...images, name: pixel };
    return { name: graph.add('Flatten', [pixel]), rank: 2, channelsFirst: false };
  };

/** How a kernel moves over images. */
const sliding2d = (layer: {
  readonly kernelSize: readonly [number, number];
  readonly strides: readonly [number, number];
  readonly padding: Padding | readonly [Margins, Margins];
  readonly dilationRate: readonly [number, number];
}): Sliding => ({
  size: layer.kernelSize,
  strides: layer.strides,
  padding: [paddingAlong(layer.padding, 0), paddingAlong(layer.padding, 1)],
  dilation: layer.dilationRate,
});

/** A convolution of each channel by itself: as many groups as channels. */
function depthwise(layer: layers.DepthwiseConv2D | layers.SeparableConv2D, x: Value, place: Place, weight: string) {
  const { graph, inputShape } = place;
  const { kernelSize, depthMultiplier } = layer;
  const filters = inputShape[2] * depthMultiplier;
  const taps = kernelChannelsFirst(weightOf(place, weight), [sizeOf(kernelSize), 1, filters]);
  return {
    images: channelsFirst(graph, x),
    kernel: graph.floats(weight, [filters, 1, ...kernelSize], taps),
    attributes: [...windowAttributes(inputShape, sliding2d(layer)), intAttribute('group', inputShape[2])],
  };
}

type RecurrentLayer = layers.LSTM | layers.GRU | layers.SimpleRNN;

/** What ONNX calls a recurrent layer, and where each of its gates stands with us. */
const CELLS = {
  LSTM: { opType: 'LSTM', gates: [0, 3, 1, 2] },
  GRU: { opType: 'GRU', gates: [0, 1, 2] },
  SimpleRNN: { opType: 'RNN', gates: [0] },
} as const;

const CELL_ACTIVATIONS = { tanh: 'Tanh', sigmoid: 'Sigmoid', relu: 'Relu', linear: 'Affine' } as const;

/** A recurrent layer along [batch, steps, features], with the weights called `prefix` and their own names. */
function recurrent(layer: RecurrentLayer, x: Value, place: Place, prefix = ''): Value {
  const { graph, inputShape, weights } = place;
  const { units, goBackwards, returnSequences } = layer;
  const { opType, gates } = CELLS[layer.className];
  /** [rows, gates × units] to [gates × units, rows], the gates in ONNX's order. */
  const turned = (name: string, rows: number): Float32Array => {
    const data = weights.get(prefix + name) ?? new Float32Array(rows * gates.length * units);
    return Float32Array.from({ length: data.length }, (_, i) => {
      const [column, row] = [Math.floor(i / rows), i % rows];
      return data[row * gates.length * units + gates[Math.floor(column / units)] * units + (column % units)];
    });
  };
  const width = gates.length * units;
  const bias = new Float32Array(2 * width);
  const given = weights.get(`${prefix}bias`)?.length ?? 0;
  if (given > 0) {
    // One vector is that of the inputs; of a GRU's two rows each is turned by itself.
    const rows = turned('bias', given / width);
    for (let i = 0; i < given; i++) bias[(i % (given / width)) * width + Math.floor(i / (given / width))] = rows[i];
  }
  const flat = channelsLast(graph, x);
  const swapped = [intsAttribute('perm', [1, 0, 2])];
  const flipped = (name: string): string => reversedSteps(graph, name);
  const steps = graph.add('Transpose', [flat.name], swapped);
  const inputs = [
    goBackwards ? flipped(steps) : steps,
    graph.floats(`${prefix}kernel`, [1, width, inputShape[1]], turned('kernel', inputShape[1])),
    graph.floats(`${prefix}recurrentKernel`, [1, width, units], turned('recurrentKernel', units)),
    graph.floats(`${prefix}bias`, [1, 2 * width], bias),
  ];
  const [activation, gate] = [CELL_ACTIVATIONS[layer.activation], CELL_ACTIVATIONS[layer.recurrentActivation]];
  const applied = { LSTM: [gate, activation, activation], GRU: [gate, activation], RNN: [activation] }[opType];
  const attributes = [intAttribute('hidden_size', units), stringsAttribute('activations', applied)];
  if (opType === 'GRU') attributes.push(intAttribute('linear_before_reset', 1));
  const states = graph.add(opType, inputs, attributes);
  if (!returnSequences) {
    const last = graph.add('Gather', [states, graph.sizes([-1])], [intAttribute('axis', 0)]);
    return { name: graph.add('Squeeze', [last, graph.sizes([0, 1])]), rank: 2, channelsFirst: false };
  }
  const all = graph.add('Squeeze', [states, graph.sizes([1])]);
  return { name: graph.add('Transpose', [all], swapped), rank: 3, channelsFirst: false };
}

/** A tensor whose first axis is steps, from the last to the first. */
const reversedSteps = (graph: Graph, name: string, axis = 0): string =>
  graph.add('Slice', [name, graph.sizes([-1]), graph.sizes([-(2 ** 31)]), graph.sizes([axis]), graph.sizes([-1])]);

function bidirectional(layer: layers.Bidirectional, x: Value, place: Place): Value {
  const { graph } = place;
  const { forwardLayer, backwardLayer, mergeMode } = layer;
  const [forwardName, backwardName] = layer.folders;
  const forward = recurrent(forwardLayer, x, place, forwardName);
  const back = recurrent(backwardLayer, x, place, backwardName);
  const backward = forwardLayer.returnSequences ? reversedSteps(graph, back.name, 1) : back.name;
  const both = [forward.name, backward];
  if (mergeMode === 'concat') return { ...forward, name: graph.add('Concat', both, [intAttribute('axis', -1)]) };
  const merged = graph.add(mergeMode === 'mul' ? 'Mul' : 'Add', both);
  return { ...forward, name: mergeMode === 'ave' ? graph.add('Mul', [merged, graph.scalar(0.5)]) : merged };
}

/** 9: bool. */
const nonZero = (graph: Graph, name: string): string => graph.add('Cast', [name], [intAttribute('to', 9)]);

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
    const { filters, kernelSize, groups, activation } = layer;
    const inputs = inputShape[2] / groups;
    const taps = kernelChannelsFirst(weightOf(place, 'kernel'), [sizeOf(kernelSize), inputs, filters]);
    const images = channelsFirst(graph, x);
    const kernel = graph.floats('kernel', [filters, inputs, ...kernelSize], taps);
    const attributes = windowAttributes(inputShape, sliding2d(layer));
    if (groups > 1) attributes.push(intAttribute('group', groups));
    return activated(graph, convolved(place, 'Conv', { images, kernel, attributes }), activation);
  }),
  Conv1D: form(layers.Conv1D, (layer, x, place) => {
    const { graph, inputShape } = place;
    const { filters, kernelSize, strides, padding, dilationRate, groups, activation } = layer;
    const inputs = inputShape[1] / groups;
    const taps = kernelChannelsFirst(weightOf(place, 'kernel'), [kernelSize, inputs, filters]);
    const images = channelsFirst(graph, x);
    const kernel = graph.floats('kernel', [filters, inputs, kernelSize], taps);
    const around = rowPadding(padding, spanOf(kernelSize, dilationRate));
    const attributes = windowAttributes(inputShape, {
      ...{ size: [kernelSize], strides: [strides], dilation: [dilationRate] },
      padding: [paddingAlong(paddingOf(around, 'exportOnnx'), 1)],
    });
    if (groups > 1) attributes.push(intAttribute('group', groups));
    return activated(graph, convolved(place, 'Conv', { images, kernel, attributes }), activation);
  }),
  DepthwiseConv2D: form(layers.DepthwiseConv2D, (layer, x, place) => {
    const images = depthwise(layer, x, place, 'kernel');
    return activated(place.graph, convolved(place, 'Conv', images), layer.activation);
  }),
  SeparableConv2D: form(layers.SeparableConv2D, (layer, x, place) => {
    const { graph, inputShape } = place;
    const { filters, depthMultiplier, activation } = layer;
    const each = convolved({ ...place, weights: new Map() }, 'Conv', depthwise(layer, x, place, 'depthwiseKernel'));
    const channels = inputShape[2] * depthMultiplier;
    const taps = kernelChannelsFirst(weightOf(place, 'pointwiseKernel'), [1, channels, filters]);
    const kernel = graph.floats('pointwiseKernel', [filters, channels, 1, 1], taps);
    return activated(graph, convolved(place, 'Conv', { images: each, kernel, attributes: [] }), activation);
  }),
  Conv2DTranspose: form(layers.Conv2DTranspose, (layer, x, place) => {
    const { graph, inputShape, outputShape } = place;
    const { filters, kernelSize, strides, dilationRate, outputPadding, activation } = layer;
    const channels = inputShape[2];
    const taps = kernelChannelsFirst(weightOf(place, 'kernel'), [sizeOf(kernelSize), filters, channels]);
    const images = channelsFirst(graph, x);
    const kernel = graph.floats('kernel', [channels, filters, ...kernelSize], taps);
    const sliding = sliding2d(layer);
    // Pixels that are to be taken away behind the last one; a negative number is to be added.
    const around = [0, 1].map((d): Margins => {
      const span = spanOf(kernelSize[d], dilationRate[d]);
      const { before } = spread(inputShape[d], span, strides[d], sliding.padding[d], outputPadding?.[d] ?? null);
      return [before, (inputShape[d] - 1) * strides[d] + span - before - outputShape[d]];
    });
    const attributes = slidingAttributes(
      sliding,
      around.map(([before, after]) => [before, Math.max(after, 0)]),
    );
    attributes.push(
      intsAttribute(
        'output_padding',
        around.map(([, after]) => Math.max(-after, 0)),
      ),
    );
    return activated(graph, convolved(place, 'ConvTranspose', { images, kernel, attributes }), activation);
  }),
  MaxPooling2D: form(layers.MaxPooling2D, (layer, x, place) => pooled('MaxPool', x, place, pool2d(layer))),
  AveragePooling2D: form(layers.AveragePooling2D, (layer, x, place) => pooled('AveragePool', x, place, pool2d(layer))),
  MaxPooling1D: form(layers.MaxPooling1D, (layer, x, place) => pooled('MaxPool', x, place, pool1d(layer))),
  AveragePooling1D: form(layers.AveragePooling1D, (layer, x, place) => pooled('AveragePool', x, place, pool1d(layer))),
  GlobalAveragePooling2D: form(layers.GlobalAveragePooling2D, pooledAway('GlobalAveragePool')),
  GlobalMaxPooling2D: form(layers.GlobalMaxPooling2D, pooledAway('GlobalMaxPool')),
  GlobalAveragePooling1D: form(layers.GlobalAveragePooling1D, pooledAway('GlobalAveragePool')),
  GlobalMaxPooling1D: form(layers.GlobalMaxPooling1D, pooledAway('GlobalMaxPool')),
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
  LayerNormalization: form(layers.LayerNormalization, layerNormalized),
  GroupNormalization: form(layers.GroupNormalization, groupNormalized),
  Normalization: form(layers.Normalization, normalizedByConstants),
  Embedding: form(layers.Embedding, ({ inputDim, outputDim }, x, place) => {
    const { graph } = place;
    // 7: int64.
    const ids = graph.add('Cast', [channelsLast(graph, x).name], [intAttribute('to', 7)]);
    const table = graph.floats('embeddings', [inputDim, outputDim], weightOf(place, 'embeddings'));
    return { name: graph.add('Gather', [table, ids]), rank: x.rank + 1, channelsFirst: false };
  }),
  MultiHeadAttention: formOfSeveral(layers.MultiHeadAttention, attended),
  UpSampling2D: form(layers.UpSampling2D, upsampled),
  ZeroPadding2D: form(layers.ZeroPadding2D, padded),
  Cropping2D: form(layers.Cropping2D, cropped),
  Permute: form(layers.Permute, ({ dims }, x, { graph }) => {
    const flat = channelsLast(graph, x);
    return { ...flat, name: graph.add('Transpose', [flat.name], [intsAttribute('perm', [0, ...dims])]) };
  }),
  RepeatVector: form(layers.RepeatVector, ({ n }, x, { graph, inputShape }) => {
    const row = graph.add('Reshape', [x.name, graph.sizes([0, 1, ...inputShape])]);
    return { name: graph.add('Expand', [row, graph.sizes([1, n, 1])]), rank: 3, channelsFirst: false };
  }),
  SpatialDropout2D: form(layers.SpatialDropout2D, (_, x) => x),
  GaussianNoise: form(layers.GaussianNoise, (_, x) => x),
  ReLU: form(layers.ReLU, rectified),
  LeakyReLU: form(layers.LeakyReLU, ({ negativeSlope }, x, { graph }) => ({
    ...x,
    name: graph.add('LeakyRelu', [x.name], [floatAttribute('alpha', negativeSlope)]),
  })),
  PReLU: form(layers.PReLU, (layer, x, place) => {
    const { graph, inputShape } = place;
    const [{ shape }] = layer.weights(inputShape, layer.className);
    const flat = channelsLast(graph, x);
    return { ...flat, name: graph.add('PRelu', [flat.name, graph.floats('alpha', shape, weightOf(place, 'alpha'))]) };
  }),
  ELU: form(layers.ELU, ({ alpha }, x, { graph }) => ({
    ...x,
    name: graph.add('Elu', [x.name], [floatAttribute('alpha', alpha)]),
  })),
  Softmax: form(layers.Softmax, ({ axis }, x, { graph }) => {
    const flat = channelsLast(graph, x);
    return { ...flat, name: graph.add('Softmax', [flat.name], [intAttribute('axis', axis)]) };
  }),
  LSTM: form(layers.LSTM, (layer, x, place) => recurrent(layer, x, place)),
  GRU: form(layers.GRU, (layer, x, place) => recurrent(layer, x, place)),
  SimpleRNN: form(layers.SimpleRNN, (layer, x, place) => recurrent(layer, x, place)),
  Bidirectional: form(layers.Bidirectional, bidirectional),
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
