import { sizeOf } from '../../base/shape.ts';
import { axesOf, besideOthers } from '../../nn/layers/axes.ts';
import type * as layers from '../../nn/layers/index.ts';
import { floatAttribute, intAttribute } from './file.ts';
import type { Value } from './graph.ts';
import { channelsFirst, channelsLast, inOrder } from './layout.ts';
import { type Place, weightOf } from './place.ts';

const filled = (size: number, value: number): Float32Array => new Float32Array(size).fill(value);

/** gamma x + beta, of whichever there are, in the shape in which they meet x. */
function scaledAndCentered(x: string, { graph, weights }: Place, shape: readonly number[]): string {
  const [gamma, beta] = [weights.get('gamma'), weights.get('beta')];
  const scaled = gamma === undefined ? x : graph.add('Mul', [x, graph.floats('gamma', shape, gamma)]);
  return beta === undefined ? scaled : graph.add('Add', [scaled, graph.floats('beta', shape, beta)]);
}

export function batchNormalized(layer: layers.BatchNormalization, x: Value, place: Place): Value {
  const { graph, inputShape, weights } = place;
  const channels = inputShape[inputShape.length - 1];
  const first = channelsFirst(graph, x);
  const inputs = [
    graph.floats('gamma', [channels], weights.get('gamma') ?? filled(channels, 1)),
    graph.floats('beta', [channels], weights.get('beta') ?? filled(channels, 0)),
    graph.floats('movingMean', [channels], weightOf(place, 'movingMean')),
    graph.floats('movingVariance', [channels], weightOf(place, 'movingVariance')),
  ];
  const epsilon = floatAttribute('epsilon', layer.epsilon);
  return { ...first, name: graph.add('BatchNormalization', [first.name, ...inputs], [epsilon]) };
}

export function layerNormalized(layer: layers.LayerNormalization, x: Value, place: Place): Value {
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
export function groupNormalized(layer: layers.GroupNormalization, x: Value, place: Place): Value {
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

export function normalizedByConstants(layer: layers.Normalization, x: Value, place: Place): Value {
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

export function rescaled({ scale, offset }: layers.Rescaling, x: Value, { graph }: Place): Value {
  const scaled = graph.add('Mul', [x.name, graph.scalar(scale)]);
  return { ...x, name: offset === 0 ? scaled : graph.add('Add', [scaled, graph.scalar(offset)]) };
}
