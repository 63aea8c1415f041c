import type * as layers from '../../nn/layers/index.ts';
import { intAttribute, intsAttribute } from './file.ts';
import type { Graph, Value } from './graph.ts';
import { channelsLast } from './layout.ts';
import { type Place, weightOf } from './place.ts';

export function attended(layer: layers.MultiHeadAttention, inputs: readonly Value[], place: Place): Value {
  const { graph, outputShape, weights, inputShapes } = place;
  const { numHeads, keyDim } = layer;
  const valueDim = layer.valueDim ?? keyDim;
  const dense = (from: string, title: string, extents: readonly [number, number]): string => {
    const kernel = graph.floats(`${title}/kernel`, extents, weightOf(place, `${title}/kernel`));
    const product = graph.add('MatMul', [from, kernel]);
    const bias = weights.get(`${title}/bias`);
    return bias === undefined
      ? product
      : graph.add('Add', [product, graph.floats(`${title}/bias`, [extents[1]], bias)]);
  };
  const given = inputs.map((x, at) => ({ name: channelsLast(graph, x).name, shape: inputShapes[at] }));
  const [query, value = query, key = value, mask] = given;
  const heads = ({ name, shape }: typeof query, title: string, size: number, perm: readonly number[]): string => {
    const wide = dense(name, title, [shape[1], numHeads * size]);
    const apart = graph.add('Reshape', [wide, graph.sizes([0, 0, numHeads, size])]);
    return graph.add('Transpose', [apart], [intsAttribute('perm', perm)]);
  };
  const [forQuery, forKey] = [heads(query, 'query', keyDim, [0, 2, 1, 3]), heads(key, 'key', keyDim, [0, 2, 3, 1])];
  let scores = graph.add('Mul', [graph.add('MatMul', [forQuery, forKey]), graph.scalar(1 / Math.sqrt(keyDim))]);
  const where = (attended: string): string => graph.add('Where', [attended, scores, graph.scalar(-3e38)]);
  if (layer.useCausalMask) {
    const places = query.shape[0];
    const earlier = Float32Array.from({ length: places * places }, (_, i) =>
      i % places > Math.floor(i / places) ? 0 : 1,
    );
    scores = where(nonZero(graph, graph.floats('mask', [places, places], earlier)));
  }
  if (mask !== undefined) {
    const beside = mask.shape.length === 1 ? [0, 1, 1, ...mask.shape] : [0, 1, ...mask.shape];
    scores = where(nonZero(graph, graph.add('Reshape', [mask.name, graph.sizes(beside)])));
  }
  const shares = graph.add('Softmax', [scores], [intAttribute('axis', -1)]);
  const mixed = graph.add('MatMul', [shares, heads(value, 'value', valueDim, [0, 2, 1, 3])]);
  const turned = graph.add('Transpose', [mixed], [intsAttribute('perm', [0, 2, 1, 3])]);
  const joined = graph.add('Reshape', [turned, graph.sizes([0, 0, numHeads * valueDim])]);
  const name = dense(joined, 'attention_output', [numHeads * valueDim, outputShape[1]]);
  return { name, rank: 3, channelsFirst: false };
}

/** 9: bool. */
const nonZero = (graph: Graph, name: string): string => graph.add('Cast', [name], [intAttribute('to', 9)]);
