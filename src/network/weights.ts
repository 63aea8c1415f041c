/** A network's weights, copied to the host and back, in the order in which its layers declare them. */

import { counted, describe } from '../base/describe.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { formatShape, sameShape, sizeOf } from '../base/shape.ts';
import type { Weight } from '../callbacks/index.ts';
import type { Network } from './network.ts';

export async function readWeights(network: Network): Promise<Weight[]> {
  const { trainable, fixed } = network;
  const { places } = network;
  const [learnt, kept] = await Promise.all([trainable.read(), fixed.read()]);
  return places.map(({ name, shape, block, index }) => ({
    name,
    shape,
    data: (block === trainable ? learnt : kept)[index],
  }));
}

/** All are checked before the first is written: a mistake leaves the network as it was. */
export function writeWeights(network: Network, weights: readonly (Weight | Float32Array)[]): void {
  const { places } = network;
  if (!Array.isArray(weights)) {
    throw new ArgumentError(
      `setWeights: expected an array of weights, got ${describe(weights)}. Give what getWeights() gives.`,
    );
  }
  if (places.length !== weights.length) {
    throw new ArgumentError(
      `setWeights: the model has ${counted(places.length, 'weight')}, got ${weights.length}. Give those of getWeights() of an equal model.`,
    );
  }
  const values = places.map(({ name, shape }, at) => {
    const given = weights[at];
    const data = valuesOf(name, given);
    const got = given instanceof Float32Array ? [given.length] : given.shape;
    const fits = given instanceof Float32Array || sameShape(got, shape);
    if (fits && data.length === sizeOf(shape)) return data;
    throw new ShapeError(
      `setWeights: '${name}' has shape ${formatShape(shape)}, got ${formatShape(fits ? [data.length] : got)}. ` +
        'Give the weights of an equal model, in its order.',
    );
  });
  places.forEach(({ block, index }, at) => {
    block.write(index, values[at]);
  });
}

/** A weight's numbers; from JavaScript it may be anything. */
function valuesOf(name: string, given: Weight | Float32Array): Float32Array {
  if (given instanceof Float32Array) return given;
  const value: unknown = given;
  const isWeight = typeof value === 'object' && value !== null && 'shape' in value && Array.isArray(value.shape);
  if (isWeight && given.data instanceof Float32Array) return given.data;
  throw new ArgumentError(
    `setWeights: expected a Float32Array, or { name, shape, data } with one, for '${name}', got ${describe(value)}. ` +
      'Give what getWeights() gives, or the data() of a tensor.',
  );
}
