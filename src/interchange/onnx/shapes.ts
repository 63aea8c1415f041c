/** Layers that move values about. */
import type * as layers from '../../nn/layers/index.ts';
import { intsAttribute, stringAttribute } from './file.ts';
import type { Value } from './graph.ts';
import { channelsFirst, channelsLast } from './layout.ts';
import type { Place } from './place.ts';

export function reshaped(_: layers.Flatten | layers.Reshape, x: Value, { graph, outputShape }: Place): Value {
  const name = graph.add('Reshape', [channelsLast(graph, x).name, graph.sizes([0, ...outputShape])]);
  return { name, rank: outputShape.length + 1, channelsFirst: false };
}

export function permuted({ dims }: layers.Permute, x: Value, { graph }: Place): Value {
  const flat = channelsLast(graph, x);
  return { ...flat, name: graph.add('Transpose', [flat.name], [intsAttribute('perm', [0, ...dims])]) };
}

export function repeated({ n }: layers.RepeatVector, x: Value, { graph, inputShape }: Place): Value {
  const row = graph.add('Reshape', [x.name, graph.sizes([0, 1, ...inputShape])]);
  return { name: graph.add('Expand', [row, graph.sizes([1, n, 1])]), rank: 3, channelsFirst: false };
}

export function upsampled({ size, interpolation }: layers.UpSampling2D, x: Value, { graph }: Place): Value {
  const images = channelsFirst(graph, x);
  const [mode, coordinates] = interpolation === 'nearest' ? ['nearest', 'asymmetric'] : ['linear', 'half_pixel'];
  const attributes = [stringAttribute('mode', mode), stringAttribute('coordinate_transformation_mode', coordinates)];
  if (mode === 'nearest') attributes.push(stringAttribute('nearest_mode', 'floor'));
  const scales = graph.floats('scales', [4], Float32Array.from([1, 1, ...size]));
  return { ...images, name: graph.add('Resize', [images.name, '', scales], attributes) };
}

export function padded(
  { padding: [top, bottom, left, right] }: layers.ZeroPadding2D,
  x: Value,
  { graph }: Place,
): Value {
  const around = (height: number, width: number): number[] =>
    x.channelsFirst ? [0, 0, height, width] : [0, height, width, 0];
  return { ...x, name: graph.add('Pad', [x.name, graph.sizes([...around(top, left), ...around(bottom, right)])]) };
}

export function cropped(
  { cropping: [top, , left] }: layers.Cropping2D,
  x: Value,
  { graph, outputShape }: Place,
): Value {
  const ends = [top + outputShape[0], left + outputShape[1]];
  const inputs = [[top, left], ends, x.channelsFirst ? [2, 3] : [1, 2]].map((sizes) => graph.sizes(sizes));
  return { ...x, name: graph.add('Slice', [x.name, ...inputs]) };
}
