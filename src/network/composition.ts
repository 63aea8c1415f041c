/** What a network is made of: which layers are applied to what. */

import { frozen, type Shape } from '../base/shape.ts';
import { type AnyLayer, checkInputShape, type Layer, listOf } from '../nn/layers/layer.ts';

/** Applies a layer, whatever stands for its values: tensors, names of an exported graph, places in a picture. */
export type Apply<T> = (layer: AnyLayer, x: T | readonly T[]) => T | readonly T[];

export interface Composition {
  /** What the inputs are called where there are several. */
  readonly inputNames: readonly string[];
  readonly outputNames: readonly string[];
  /** Each of one example, without the batch. */
  readonly inputShapes: readonly Shape[];
  /** Those that are applied, each once, in the order of their first application; not those that they hold. */
  readonly layers: readonly AnyLayer[];
  /** Layers that are applied to an input itself. */
  readers(input: number): readonly AnyLayer[];
  /** The outputs for as many inputs as there are shapes. */
  run<T extends object>(inputs: readonly T[], apply: Apply<T>): readonly T[];
  /** Of a graph: what each layer is applied to, by names. A row needs none. */
  connections?(): ReadonlyMap<AnyLayer, readonly string[]>;
}

/** Each layer on the output of the one before. */
export function inARow(layers: readonly Layer[], inputShape: Shape): Composition {
  checkInputShape(inputShape, 'build');
  return {
    inputNames: ['input'],
    outputNames: ['output'],
    inputShapes: [frozen(inputShape)],
    layers,
    readers: () => layers.slice(0, 1),
    run<T extends object>(inputs: readonly T[], apply: Apply<T>): readonly T[] {
      let x: T | readonly T[] = inputs[0];
      for (const layer of layers) x = apply(layer, x);
      return listOf(x);
    },
  };
}
