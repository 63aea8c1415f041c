/** In which order the axes of a value stand: ONNX wants the channels of images first, the model has them last. */
import { intsAttribute } from './file.ts';
import type { Graph, Value } from './graph.ts';

function transposed(graph: Graph, x: Value, channelsFirst: boolean): Value {
  if (x.channelsFirst === channelsFirst || x.rank < 3) return x;
  const middle = Array.from({ length: x.rank - 2 }, (_, d) => d + 1);
  const perm = channelsFirst ? [0, x.rank - 1, ...middle] : [0, ...middle.map((d) => d + 1), 1];
  return { ...x, name: graph.add('Transpose', [x.name], [intsAttribute('perm', perm)]), channelsFirst };
}

export const channelsFirst = (graph: Graph, x: Value): Value => transposed(graph, x, true);
export const channelsLast = (graph: Graph, x: Value): Value => transposed(graph, x, false);

/** Makes the axes of a value with the batch stand in another order, and back again afterwards. */
export function inOrder(graph: Graph, x: string, order: readonly number[], make: (x: string) => string): string {
  if (order.every((axis, d) => axis === d)) return make(x);
  const turned = make(graph.add('Transpose', [x], [intsAttribute('perm', order)]));
  const back = order.map((_, d) => order.indexOf(d));
  return graph.add('Transpose', [turned], [intsAttribute('perm', back)]);
}
