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
import type { Shape } from '../base/shape.ts';
import { VERSION } from '../base/version.ts';
import type { TrainedModel } from '../models/trainedModel.ts';
import type { Apply } from '../network/composition.ts';
import { HeldModel } from '../network/heldModel.ts';
import { placeLayers } from '../network/network.ts';
import type { AnyLayer } from '../nn/layers/index.ts';
import { blank, exampleShape, type LayerValues, listOf, onBlanks } from '../nn/layers/layer.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { encodeOnnx } from './onnx/file.ts';
import { formOf } from './onnx/forms.ts';
import { Graph, type Value } from './onnx/graph.ts';
import { channelsLast } from './onnx/layout.ts';

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
  const weightsOf = (layer: AnyLayer): ReadonlyMap<string, Float32Array> => {
    const { name = '', specs = [] } = placedOf.get(layer) ?? {};
    return new Map(specs.map((spec) => [spec.name, values.get(`${name}/${spec.name}`) ?? new Float32Array()]));
  };
  const apply: Apply<Traced> = (layer, x) => {
    const inputs = listOf(x);
    if (layer instanceof HeldModel) {
      const made = layer.composition.run(inputs, apply);
      return layer.gives === 'one' ? made[0] : made;
    }
    const write = formOf(layer);
    const inputShapes = inputs.map(({ shape }) => shape);
    const blanks = inputShapes.map((shape) => blank([1, ...shape]));
    const shape = outputShapeOf(layer, Array.isArray(x) ? blanks : blanks[0]);
    graph.layer = placedOf.get(layer)?.name ?? '';
    const weights = weightsOf(layer);
    const place = { graph, inputShapes, inputShape: inputShapes[0], outputShape: shape, weights, weightsOf };
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
