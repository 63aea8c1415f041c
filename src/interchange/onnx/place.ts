import type { Shape } from '../../base/shape.ts';
import type { AnyLayer } from '../../nn/layers/index.ts';
import type { Graph } from './graph.ts';

/** A layer's place in the model. Shapes are the model's own, without the batch. */
export interface Place {
  /** Of the layers that the layer holds. */
  weightsOf(layer: AnyLayer): ReadonlyMap<string, Float32Array>;
  readonly graph: Graph;
  /** Of the first input. */
  readonly inputShape: Shape;
  readonly inputShapes: readonly Shape[];
  readonly outputShape: Shape;
  /** By the names of the layer's specs. */
  readonly weights: ReadonlyMap<string, Float32Array>;
}

export function weightOf({ weights }: Place, name: string): Float32Array {
  return weights.get(name) ?? new Float32Array();
}
