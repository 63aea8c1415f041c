/** Layers with several inputs of like shapes. */

import { sizeOf } from '../../base/shape.ts';
import { LEAST_NORM } from '../../nn/layers/dot.ts';
import type * as layers from '../../nn/layers/index.ts';
import type { AnyLayer } from '../../nn/layers/index.ts';
import { intAttribute, intsAttribute } from './file.ts';
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

export function dotted(layer: layers.Dot, inputs: readonly Value[], { graph, inputShapes, outputShape }: Place): Value {
  const plain = inputs.map((x) => channelsLast(graph, x));
  const axes = layer.axesFor(plain.map(({ rank }) => rank));
  const names = plain.map(({ name }, at) => (layer.normalize ? unit(graph, name, axes[at]) : name));
  const result = { rank: outputShape.length + 1, channelsFirst: false };
  if (plain.every(({ rank }) => rank === 2))
    return { ...result, name: graph.add('ReduceSum', [graph.add('Mul', names), graph.sizes([1])]) };
  const [left, right] = names.map((name, at) => {
    const [axis, shape] = [axes[at], inputShapes[at]];
    const others = shape.flatMap((_, d) => (d + 1 === axis ? [] : [d + 1]));
    const rest = sizeOf(others.map((d) => shape[d - 1]));
    const [order, extents] =
      at === 0
        ? [
            [0, ...others, axis],
            [rest, shape[axis - 1]],
          ]
        : [
            [0, axis, ...others],
            [shape[axis - 1], rest],
          ];
    const turned = order.every((from, d) => from === d)
      ? name
      : graph.add('Transpose', [name], [intsAttribute('perm', order)]);
    return graph.add('Reshape', [turned, graph.sizes([0, ...extents])]);
  });
  const product = graph.add('MatMul', [left, right]);
  return { ...result, name: graph.add('Reshape', [product, graph.sizes([0, ...outputShape])]) };
}

/** Vectors along an axis, divided by their norms. */
function unit(graph: Graph, name: string, axis: number): string {
  const squares = graph.add('ReduceSum', [graph.add('Mul', [name, name]), graph.sizes([axis])]);
  const norms = graph.add('Sqrt', [graph.add('Max', [squares, graph.scalar(LEAST_NORM ** 2)])]);
  return graph.add('Div', [name, norms]);
}
