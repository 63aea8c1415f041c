/** A model as boxes and arrows: which layer reads what another one makes. */

import type { Shape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import type { Network, Placed } from '../network/network.ts';
import {
  type AnyLayer,
  type Applicable,
  blank,
  exampleShape,
  type LayerValues,
  layerOf,
  listOf,
  onBlanks,
} from '../nn/layers/layer.ts';
import type { Tensor } from '../tensor/tensor.ts';

/** A layer whose own layers are drawn. */
export interface Cluster {
  readonly placed: Placed;
  readonly within: Cluster | null;
}

/** What stands at an end of the model: a value with a name. */
export interface EndBox {
  readonly kind: 'Input' | 'Output';
  readonly name: string;
  readonly shape: Shape;
  readonly within: null;
}

/** One application of a layer; shapes are of one example. */
export interface LayerBox {
  readonly kind: 'layer';
  readonly placed: Placed;
  readonly reads: readonly Shape[];
  readonly makes: readonly Shape[];
  readonly within: Cluster | null;
}

/** What a layer computes itself between those that it holds. */
export interface OperationsBox {
  readonly kind: 'operations';
  /** In the order in which they are computed. */
  readonly names: readonly string[];
  readonly within: Cluster;
}

export type Box = EndBox | LayerBox | OperationsBox;

export interface Arrow {
  readonly from: Box;
  readonly to: Box;
}

export interface ModelGraph {
  readonly boxes: readonly Box[];
  /** One from a box to another, however many values it gives it. */
  readonly arrows: readonly Arrow[];
}

/** With what a layer is called that only shows what it is made of. */
const IDLE = { training: false, randomKey: 0, update: () => {} } as const;

/** `expand`: layers that hold others are clusters of those, not boxes. */
export function modelGraph({ composition, layers }: Network, expand: boolean): ModelGraph {
  const placedOf = new Map<AnyLayer, Placed>(layers.map((placed) => [placed.layer, placed]));
  const boxes: Box[] = [];
  const arrows: Arrow[] = [];
  const makers = new Map<Node, Box>();

  const add = (box: Box, sources: Iterable<Box>): void => {
    boxes.push(box);
    for (const from of new Set(sources)) arrows.push({ from, to: box });
  };
  /** Which boxes values come from; what a layer computes between those that it holds becomes one. */
  const sourcesOf = (values: readonly Tensor[], within: Cluster | null): Box[] =>
    values.flatMap(({ node }) => {
      const maker = makers.get(node);
      if (maker !== undefined || within === null) return maker ?? [];
      const { names, sources } = pastOf(node, makers);
      const box: Box = { kind: 'operations', names, within };
      add(box, sources);
      makers.set(node, box);
      return box;
    });
  /** A value without a past: what is behind it ends there, and it is no other box's, though a layer may give what it got. */
  const madeBy = (box: Box, shape: Shape): Tensor => {
    const value = blank([1, ...shape]);
    makers.set(value.node, box);
    return value;
  };

  const applyWithin =
    (within: Cluster | null) =>
    <X extends LayerValues, Y extends LayerValues>(held: Applicable<X, Y>, x: X): Y => {
      const layer = layerOf(held);
      const placed = placedOf.get(layer);
      // One that the layer around it makes anew in each call has no place.
      if (placed === undefined) return onBlanks(layer, x);
      const given = listOf<Tensor>(x);
      const sources = sourcesOf(given, within);
      const before = boxes.length;
      const own: Cluster = { placed, within };
      const weights = placed.specs.map(({ shape }) => blank(shape));
      const y = expand ? layer.call(x, { ...IDLE, weights, apply: applyWithin(own) }) : onBlanks(layer, x);
      const results = listOf<Tensor>(y);
      if (boxes.length > before) {
        sourcesOf(results, own);
        return y;
      }
      const shapes = results.map(exampleShape);
      const box: Box = { kind: 'layer', placed, reads: given.map(exampleShape), makes: shapes, within };
      add(box, sources);
      const made: LayerValues = Array.isArray(y) ? shapes.map((shape) => madeBy(box, shape)) : madeBy(box, shapes[0]);
      // In the form in which the layer gave them.
      return made as Y;
    };

  const inputs = composition.inputShapes.map((shape, at) => {
    const box: Box = { kind: 'Input', name: composition.inputNames[at], shape, within: null };
    add(box, []);
    return madeBy(box, shape);
  });
  const outputs = composition.run<Tensor>(inputs, applyWithin(null));
  for (const [at, output] of outputs.entries()) {
    const name = composition.outputNames[at];
    add({ kind: 'Output', name, shape: exampleShape(output), within: null }, sourcesOf([output], null));
  }
  return { boxes, arrows };
}

/** What lies between a value and the boxes that it comes from: operations, each name once, and the boxes. */
function pastOf(node: Node, makers: ReadonlyMap<Node, Box>): { names: readonly string[]; sources: ReadonlySet<Box> } {
  const seen = new Set([node]);
  const names = new Set<string>();
  const sources = new Set<Box>();
  // What is added meanwhile is visited, too.
  for (const { op, inputs } of seen) {
    if (inputs.length > 0) names.add(op.name);
    for (const input of inputs) {
      const maker = makers.get(input);
      if (maker === undefined) seen.add(input);
      else sources.add(maker);
    }
  }
  return { names: [...names].reverse(), sources };
}
