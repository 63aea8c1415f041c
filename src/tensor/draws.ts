/** Tensors of random draws. */

import { describe } from '../base/describe.ts';
import { formatBytes } from '../base/dtype.ts';
import { ArgumentError, OutOfMemoryError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { normal as drawNormal, uniform as drawUniform } from '../base/random.ts';
import { checkShape, formatShape, type Shape, sizeOf } from '../base/shape.ts';
import { dataNode } from '../ops/leaf.ts';
import { randomNormal, randomUniform } from '../ops/random.ts';
import { Tensor } from './tensor.ts';

/** What random numbers are drawn from: a seed or a key. */
export type RandomSource =
  | {
      /** A whole number in [0, 2^32). The same seed gives the same values everywhere. */
      readonly seed: number;
      /** Not beside a seed. */
      readonly key?: undefined;
    }
  | {
      /**
       * For layers, whose `randomKey` it is: a whole number of at least 0, modulo 2^32, that tells this draw from others. The
       * numbers are drawn on the GPU, and every step of a model's `fit` draws anew; elsewhere they are the same each time.
       */
      readonly key: number;
      /** Not beside a key. */
      readonly seed?: undefined;
    };

/** Uniform draws from [low, high), default [0, 1). */
export function uniform(shape: Shape, options: { low?: number; high?: number } & RandomSource): Tensor {
  checkShape(shape, 'uniform');
  checkOptions('uniform', options, { low: true, high: true, seed: true, key: true }, 'seed: 1');
  const { low = 0, high = 1 } = options;
  if (options.key === undefined) return drawn('uniform', shape, () => drawUniform(sizeOf(shape), options));
  const key = keyOf('uniform', options);
  drawUniform(0, { low, high, seed: 0 }); // checks the bounds
  const fraction = new Tensor(randomUniform(shape, key));
  if (low === 0 && high === 1) return fraction;
  const value = fraction.mul(high - low).add(low);
  // Rounding may reach `high` itself; the interval is half open.
  return value.less(high).where(value, low);
}

/** Normal draws, by default of mean 0 and standard deviation 1. */
export function normal(shape: Shape, options: { mean?: number; std?: number } & RandomSource): Tensor {
  checkShape(shape, 'normal');
  checkOptions('normal', options, { mean: true, std: true, seed: true, key: true }, 'seed: 1');
  const { mean = 0, std = 1 } = options;
  if (options.key === undefined) return drawn('normal', shape, () => drawNormal(sizeOf(shape), options));
  const key = keyOf('normal', options);
  drawNormal(0, { mean, std, seed: 0 }); // checks them
  return new Tensor(randomNormal(shape, key)).mul(std).add(mean);
}

/** The key of draws on the GPU, modulo 2^32: a layer may count up from its own. */
function keyOf(who: string, { key, seed }: { readonly key: unknown; readonly seed?: unknown }): number {
  if (seed !== undefined) {
    throw new ArgumentError(
      `${who}: got a seed and a key. Give the seed for fixed numbers, or a layer's randomKey as key for new ones in every step.`,
    );
  }
  if (typeof key === 'number' && Number.isSafeInteger(key) && key >= 0) return key % 2 ** 32;
  throw new ArgumentError(
    `${who}: expected key to be a whole number of at least 0, got ${describe(key)}. In a layer use the randomKey that call is given.`,
  );
}

/** The most values that are drawn: 4 GiB, about what the largest buffers hold. */
const MOST_DRAWN = 2 ** 30;

function drawn(who: string, shape: Shape, draw: () => Float32Array): Tensor {
  if (sizeOf(shape) > MOST_DRAWN) {
    throw new OutOfMemoryError(
      `${who}: ${formatShape(shape)} holds ${sizeOf(shape)} elements, more than the ${MOST_DRAWN} that a buffer may hold. Draw a smaller tensor, or several.`,
    );
  }
  try {
    return new Tensor(dataNode(draw(), [...shape]));
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new OutOfMemoryError(
      `${who}: there is no memory for ${sizeOf(shape)} numbers, ${formatBytes(sizeOf(shape) * 4)}. Draw a smaller tensor, or several.`,
      { cause },
    );
  }
}
