/** Layers with a kernel: products and convolutions. */
import { type Margins, type Padding, paddingAlong, paddingOf, sizeOf, spanOf } from '../../base/shape.ts';
import type * as layers from '../../nn/layers/index.ts';
import { rowPadding } from '../../ops/conv1d.ts';
import { spread } from '../../ops/conv2dTranspose.ts';
import { activated } from './activations.ts';
import { intAttribute, intsAttribute, type OnnxAttribute } from './file.ts';
import type { Value } from './graph.ts';
import { channelsFirst, channelsLast } from './layout.ts';
import { type Place, weightOf } from './place.ts';
import { type Sliding, slidingAttributes, windowAttributes } from './sliding.ts';

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

export function dense(layer: layers.Dense, x: Value, place: Place): Value {
  const { graph, inputShape } = place;
  const features = inputShape[inputShape.length - 1];
  const kernel = graph.floats('kernel', [features, layer.units], weightOf(place, 'kernel'));
  const flat = channelsLast(graph, x);
  let name = graph.add('MatMul', [flat.name, kernel]);
  const bias = place.weights.get('bias');
  if (bias !== undefined) name = graph.add('Add', [name, graph.floats('bias', [layer.units], bias)]);
  return activated(graph, { ...flat, name }, layer.activation);
}

export function conv2d(layer: layers.Conv2D, x: Value, place: Place): Value {
  const { graph, inputShape } = place;
  const { filters, kernelSize, groups, activation } = layer;
  const inputs = inputShape[2] / groups;
  const taps = kernelChannelsFirst(weightOf(place, 'kernel'), [sizeOf(kernelSize), inputs, filters]);
  const images = channelsFirst(graph, x);
  const kernel = graph.floats('kernel', [filters, inputs, ...kernelSize], taps);
  const attributes = windowAttributes(inputShape, sliding2d(layer));
  if (groups > 1) attributes.push(intAttribute('group', groups));
  return activated(graph, convolved(place, 'Conv', { images, kernel, attributes }), activation);
}

export function conv1d(layer: layers.Conv1D, x: Value, place: Place): Value {
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
}

export function depthwiseConv2d(layer: layers.DepthwiseConv2D, x: Value, place: Place): Value {
  const images = depthwise(layer, x, place, 'kernel');
  return activated(place.graph, convolved(place, 'Conv', images), layer.activation);
}

export function separableConv2d(layer: layers.SeparableConv2D, x: Value, place: Place): Value {
  const { graph, inputShape } = place;
  const { filters, depthMultiplier, activation } = layer;
  const each = convolved({ ...place, weights: new Map() }, 'Conv', depthwise(layer, x, place, 'depthwiseKernel'));
  const channels = inputShape[2] * depthMultiplier;
  const taps = kernelChannelsFirst(weightOf(place, 'pointwiseKernel'), [1, channels, filters]);
  const kernel = graph.floats('pointwiseKernel', [filters, channels, 1, 1], taps);
  return activated(graph, convolved(place, 'Conv', { images: each, kernel, attributes: [] }), activation);
}

export function conv2dTranspose(layer: layers.Conv2DTranspose, x: Value, place: Place): Value {
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
}
