import type * as layers from '../../nn/layers/index.ts';
import { intAttribute } from './file.ts';
import type { Value } from './graph.ts';
import { channelsFirst } from './layout.ts';
import type { Place } from './place.ts';
import { type Sliding, windowAttributes } from './sliding.ts';

function pooled(opType: 'MaxPool' | 'AveragePool', x: Value, { graph, inputShape }: Place, sliding: Sliding): Value {
  const images = channelsFirst(graph, x);
  const attributes = windowAttributes(inputShape, sliding);
  // Keras' mean is that of the pixels which are there.
  if (opType === 'AveragePool') attributes.push(intAttribute('count_include_pad', 0));
  return { ...images, name: graph.add(opType, [images.name], attributes) };
}

/** A pooling of images. */
export const pooled2d =
  (opType: 'MaxPool' | 'AveragePool') =>
  ({ poolSize, strides, padding }: layers.MaxPooling2D | layers.AveragePooling2D, x: Value, place: Place): Value =>
    pooled(opType, x, place, { size: poolSize, strides, padding: [padding, padding] });

/** A pooling of sequences. */
export const pooled1d =
  (opType: 'MaxPool' | 'AveragePool') =>
  ({ poolSize, strides, padding }: layers.MaxPooling1D | layers.AveragePooling1D, x: Value, place: Place): Value =>
    pooled(opType, x, place, { size: [poolSize], strides: [strides], padding: [padding] });

/** A pooling over all positions. */
export const pooledAway =
  (opType: 'GlobalMaxPool' | 'GlobalAveragePool') =>
  ({ keepDims }: { readonly keepDims: boolean }, x: Value, { graph }: Place): Value => {
    const images = channelsFirst(graph, x);
    const pixel = graph.add(opType, [images.name]);
    if (keepDims) return { ...images, name: pixel };
    return { name: graph.add('Flatten', [pixel]), rank: 2, channelsFirst: false };
  };
