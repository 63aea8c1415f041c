/** A network's weights, copied to the host and back, in the order in which its layers declare them. */

import type { Weight } from '../callbacks/index.ts';
import { ArgumentError, ShapeError } from '../errors.ts';
import { formatShape, type Shape, sameShape, sizeOf } from '../shape.ts';
import type { Network } from './network.ts';
import type { ParameterBlock } from './parameters.ts';

/** Where one weight lies. */
export interface WeightPlace {
  /** `layer/kernel` */
  readonly name: string;
  readonly shape: Shape;
  readonly block: ParameterBlock;
  /** Of the parameter within its block. */
  readonly index: number;
}

/** Layer by layer, as the layers declare them. */
export function weightPlaces({ layers, trainable, fixed }: Network): WeightPlace[] {
  const next = new Map([
    [trainable, 0],
    [fixed, 0],
  ]);
  return layers.flatMap(({ name, specs }) =>
    specs.map((spec) => {
      const block = spec.trainable ? trainable : fixed;
      const index = next.get(block) ?? 0;
      next.set(block, index + 1);
      return { name: `${name}/${spec.name}`, shape: spec.shape, block, index };
    }),
  );
}

export async function readWeights(network: Network): Promise<Weight[]> {
  const { trainable, fixed } = network;
  const [learnt, kept] = await Promise.all([trainable.read(), fixed.read()]);
  return weightPlaces(network).map(({ name, shape, block, index }) => ({
    name,
    shape,
    data: (block === trainable ? learnt : kept)[index],
  }));
}

/** All are checked before the first is written: a mistake leaves the network as it was. */
export function writeWeights(network: Network, weights: readonly (Weight | Float32Array)[]): void {
  const places = weightPlaces(network);
  if (places.length !== weights.length) {
    throw new ArgumentError(
      `setWeights: the model has ${places.length} weights, got ${weights.length}. Give those of getWeights() of an equal model.`,
    );
  }
  places.forEach(({ name, shape }, at) => {
    const given = weights[at];
    const flat = given instanceof Float32Array;
    if (flat ? given.length === sizeOf(shape) : sameShape(given.shape, shape)) return;
    throw new ShapeError(
      `setWeights: '${name}' has shape ${formatShape(shape)}, got ${formatShape(flat ? [given.length] : given.shape)}. ` +
        'Give the weights of an equal model, in its order.',
    );
  });
  places.forEach(({ block, index }, at) => {
    const given = weights[at];
    block.write(index, given instanceof Float32Array ? given : given.data);
  });
}
