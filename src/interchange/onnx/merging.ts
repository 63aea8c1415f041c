/** Layers with several inputs of like shapes. */
import type * as layers from '../../nn/layers/index.ts';
import type { AnyLayer } from '../../nn/layers/index.ts';
import { intAttribute } from './file.ts';
import type { Graph, Value } from './graph.ts';
import { channelsLast } from './layout.ts';
import type { Place } from './place.ts';

/** Several values become one; the name of that. */
type Write = (graph: Graph, names: readonly string[]) => string;

/** Operations on channels last: shapes that broadcast do so along the axes that the model knows. */
export const merged =
  (write: Write) =>
  (_: AnyLayer, inputs: readonly Value[], { graph, inputShapes, outputShape }: Place): Value => {
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
  };

/** By an operation of two. */
export const pairwise =
  (opType: string): Write =>
  (graph, names) =>
    names.reduce((all, name) => graph.add(opType, [all, name]));

export const average: Write = (graph, names) =>
  graph.add('Div', [pairwise('Add')(graph, names), graph.scalar(names.length)]);

export function concatenated({ axis }: layers.Concatenate, inputs: readonly Value[], { graph }: Place): Value {
  const plain = inputs.map((x) => channelsLast(graph, x));
  const name = graph.add(
    'Concat',
    plain.map((x) => x.name),
    [intAttribute('axis', axis)],
  );
  return { ...plain[0], name };
}
