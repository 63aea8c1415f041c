import type * as layers from '../../nn/layers/index.ts';
import { intAttribute } from './file.ts';
import type { Value } from './graph.ts';
import { channelsLast } from './layout.ts';
import { type Place, weightOf } from './place.ts';

export function embedded({ inputDim, outputDim }: layers.Embedding, x: Value, place: Place): Value {
  const { graph } = place;
  // 7: int64.
  const ids = graph.add('Cast', [channelsLast(graph, x).name], [intAttribute('to', 7)]);
  const table = graph.floats('embeddings', [inputDim, outputDim], weightOf(place, 'embeddings'));
  return { name: graph.add('Gather', [table, ids]), rank: x.rank + 1, channelsFirst: false };
}
