import { ArgumentError } from '../../base/errors.ts';
import type * as layers from '../../nn/layers/index.ts';
import { intAttribute } from './file.ts';
import type { Value } from './graph.ts';
import { channelsLast } from './layout.ts';
import { type Place, weightOf } from './place.ts';

/** What is left out has no form there: sequences of an ONNX model are whole. @throws ArgumentError for a layer that makes a mask */
export function refuseMask(layer: layers.Embedding | layers.Masking, how: string): never {
  throw new ArgumentError(
    `exportOnnx: ${layer.className} ${how} leaves steps out, and masks have no ONNX form. Export a model without it, and give it sequences ` +
      'without padding.',
  );
}

export function embedded(layer: layers.Embedding, x: Value, place: Place): Value {
  const { inputDim, outputDim, maskZero } = layer;
  if (maskZero) refuseMask(layer, 'with maskZero');
  const { graph } = place;
  // 7: int64.
  const ids = graph.add('Cast', [channelsLast(graph, x).name], [intAttribute('to', 7)]);
  const table = graph.floats('embeddings', [inputDim, outputDim], weightOf(place, 'embeddings'));
  return { name: graph.add('Gather', [table, ids]), rank: x.rank + 1, channelsFirst: false };
}
