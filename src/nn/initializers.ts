/**
 * Keras 3's weight initialisers: same names (in camelCase), defaults, fans and distributions. The random bits are wgrad's
 * own, so the values differ from Keras' for the same seed.
 */
import { checkAbove, checkNotNegative, checkNumber } from '../base/checks.ts';
import { ArgumentError } from '../base/errors.ts';
import { checkName, checkOptions } from '../base/optionNames.ts';
import { truncatedNormal as drawTruncatedNormal, normal, uniform } from '../base/random.ts';

/**
 * Makes the values of a weight, in row-major order: float32, one for each element of `shape`. `seed` is an integer in
 * [0, 2^32); equal shapes and seeds give equal values. The layer passes a seed of its own for every weight.
 */
export type Initializer = (shape: readonly number[], seed: number) => Float32Array;

/** Option of every random initialiser: fixes the values regardless of the seed that the layer passes. */
export interface SeedOption {
  /** Integer in [0, 2^32). */
  readonly seed?: number;
}

/** Options of `varianceScaling`. */
export interface VarianceScalingOptions extends SeedOption {
  /** Positive factor of the variance; default 1. */
  readonly scale?: number;
  /** What the variance is divided by; default 'fanIn'. */
  readonly mode?: 'fanIn' | 'fanOut' | 'fanAvg';
  /** Default 'truncatedNormal'. */
  readonly distribution?: 'truncatedNormal' | 'untruncatedNormal' | 'uniform';
}

/** Standard deviation of a standard normal distribution that is cut off at 2, as written in Keras. */
const TRUNCATED_STD = 0.87962566103423978;
/** Initialisers draw from a stream of their own ('init' in ASCII), apart from dropout's and shuffling's. */
const STREAM = 0x696e6974;

/** All 0. */
export function zeros(): Initializer {
  return constant(0);
}

/** All 1. */
export function ones(): Initializer {
  return constant(1);
}

/** All `value`; default 0. */
export function constant(value = 0): Initializer {
  checkNumber('constant', 'value', value);
  return (shape) => new Float32Array(elementCount('constant', shape)).fill(value);
}

/** Uniform in [minval, maxval); defaults -0.05 and 0.05. */
export function randomUniform(
  options: SeedOption & { readonly minval?: number; readonly maxval?: number } = {},
): Initializer {
  checkOptions('randomUniform', options, { minval: true, maxval: true, seed: true });
  const { minval = -0.05, maxval = 0.05 } = options;
  checkNumber('randomUniform', 'minval', minval);
  checkNumber('randomUniform', 'maxval', maxval);
  if (minval > maxval) {
    throw new ArgumentError(`randomUniform: minval must be at most maxval, got ${minval} and ${maxval}. Swap them.`);
  }
  return (shape, seed) =>
    uniform(elementCount('randomUniform', shape), {
      seed: options.seed ?? seed,
      stream: STREAM,
      low: minval,
      high: maxval,
    });
}

/** Options of normal distributions. */
export interface NormalOptions extends SeedOption {
  /** Default 0. */
  readonly mean?: number;
  /** Standard deviation, at least 0; default 0.05. */
  readonly stddev?: number;
}

/** Normal with the given mean and standard deviation; defaults 0 and 0.05. */
export function randomNormal(options: NormalOptions = {}): Initializer {
  const { mean, stddev } = normalOptions('randomNormal', options);
  return (shape, seed) =>
    normal(elementCount('randomNormal', shape), { seed: options.seed ?? seed, stream: STREAM, mean, std: stddev });
}

/**
 * Normal, redrawn until less than 2 `stddev` from the mean; defaults 0 and 0.05. As in Keras `stddev` is that of the
 * distribution before truncation.
 */
export function truncatedNormal(options: NormalOptions = {}): Initializer {
  const { mean, stddev } = normalOptions('truncatedNormal', options);
  return (shape, seed) =>
    drawTruncatedNormal(elementCount('truncatedNormal', shape), {
      seed: options.seed ?? seed,
      stream: STREAM,
      mean,
      std: stddev,
    });
}

/**
 * Zero mean and variance `scale / max(1, fan)`, where the fan is that of the inputs, of the outputs or their mean
 * (see `computeFans`).
 * @throws ArgumentError for a scale that is not positive and finite, or an unknown mode or distribution.
 */
export function varianceScaling(options: VarianceScalingOptions = {}): Initializer {
  checkOptions('varianceScaling', options, { scale: true, mode: true, distribution: true, seed: true });
  return scaled('varianceScaling', options);
}

/** Glorot and Bengio 2010: uniform in ±sqrt(6 / (fanIn + fanOut)). Keras' default for dense and convolution kernels. */
export function glorotUniform(options: SeedOption = {}): Initializer {
  return seeded('glorotUniform', options, { scale: 1, mode: 'fanAvg', distribution: 'uniform' });
}

/** Glorot and Bengio 2010: truncated normal of standard deviation sqrt(2 / (fanIn + fanOut)). */
export function glorotNormal(options: SeedOption = {}): Initializer {
  return seeded('glorotNormal', options, { scale: 1, mode: 'fanAvg', distribution: 'truncatedNormal' });
}

/** He et al. 2015: uniform in ±sqrt(6 / fanIn). */
export function heUniform(options: SeedOption = {}): Initializer {
  return seeded('heUniform', options, { scale: 2, mode: 'fanIn', distribution: 'uniform' });
}

/** He et al. 2015: truncated normal of standard deviation sqrt(2 / fanIn). */
export function heNormal(options: SeedOption = {}): Initializer {
  return seeded('heNormal', options, { scale: 2, mode: 'fanIn', distribution: 'truncatedNormal' });
}

/** LeCun et al. 1998: uniform in ±sqrt(3 / fanIn). */
export function lecunUniform(options: SeedOption = {}): Initializer {
  return seeded('lecunUniform', options, { scale: 1, mode: 'fanIn', distribution: 'uniform' });
}

/** LeCun et al. 1998: truncated normal of standard deviation sqrt(1 / fanIn). */
export function lecunNormal(options: SeedOption = {}): Initializer {
  return seeded('lecunNormal', options, { scale: 1, mode: 'fanIn', distribution: 'truncatedNormal' });
}

/**
 * Saxe et al. 2014: `gain` (default 1) times a matrix with orthonormal columns or, where it is wider than high, rows. The
 * matrix is the shape with all axes but the last flattened into rows. It is the Q of the QR decomposition (positive
 * diagonal of R) of a normal matrix, hence uniform over all such matrices.
 * @throws ArgumentError for a gain that is not finite, or, when called, for a shape of fewer than two axes.
 */
export function orthogonal(options: SeedOption & { readonly gain?: number } = {}): Initializer {
  checkOptions('orthogonal', options, { gain: true, seed: true });
  const { gain = 1 } = options;
  checkNumber('orthogonal', 'gain', gain);
  return (shape, seed) => {
    const count = elementCount('orthogonal', shape);
    if (shape.length < 2) {
      throw new ArgumentError(
        `orthogonal: expected a shape of at least two axes, got [${shape}]. Use another initializer for vectors, such as 'zeros'.`,
      );
    }
    const columns = shape[shape.length - 1];
    const rows = columns === 0 ? 0 : count / columns;
    const length = Math.max(rows, columns);
    const vectors = Math.min(rows, columns);
    const draws = normal(count, { seed: options.seed ?? seed, stream: STREAM });
    const basis = orthonormalise(Float64Array.from(draws), vectors, length);
    const out = new Float32Array(count);
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const value = rows >= columns ? basis[column * length + row] : basis[row * length + column];
        out[row * columns + column] = gain * value;
      }
    }
    return out;
  };
}

/**
 * Keras' fans of a weight: `[n]` n and n; `[in, out]` these two; a convolution kernel `[...window, in, out]` both times
 * the window's size; a scalar 1 and 1.
 * @internal
 */
export function computeFans(shape: readonly number[]): { readonly fanIn: number; readonly fanOut: number } {
  if (shape.length === 0) return { fanIn: 1, fanOut: 1 };
  if (shape.length === 1) return { fanIn: shape[0], fanOut: shape[0] };
  const window = shape.slice(0, -2).reduce((product, size) => product * size, 1);
  return { fanIn: window * shape[shape.length - 2], fanOut: window * shape[shape.length - 1] };
}

/** Every initialiser by name, with its default options. @internal */
export const initializers = {
  zeros: () => zeros(),
  ones: () => ones(),
  constant: () => constant(),
  randomUniform: () => randomUniform(),
  randomNormal: () => randomNormal(),
  truncatedNormal: () => truncatedNormal(),
  varianceScaling: () => varianceScaling(),
  glorotUniform: () => glorotUniform(),
  glorotNormal: () => glorotNormal(),
  heUniform: () => heUniform(),
  heNormal: () => heNormal(),
  lecunUniform: () => lecunUniform(),
  lecunNormal: () => lecunNormal(),
  orthogonal: () => orthogonal(),
} as const satisfies Record<string, () => Initializer>;

/** Names that layers accept in place of an initialiser. */
export type InitializerName = keyof typeof initializers;

/** Whether a text names an initialiser. @internal */
export const isInitializerName = (name: string): name is InitializerName => Object.hasOwn(initializers, name);

/**
 * The initialiser of that name with its defaults, or the given function itself.
 * @internal
 * @throws ArgumentError for an unknown name; the message lists the known ones.
 */
export function resolveInitializer(initializer: InitializerName | Initializer): Initializer {
  if (typeof initializer === 'function') return initializer;
  const names = Object.keys(initializers).filter(isInitializerName);
  return initializers[
    checkName('weights', 'initializer', initializer, names, ', or a function (shape, seed) => Float32Array')
  ]();
}

/** One whose only option is the seed. */
function seeded(name: string, options: SeedOption, scaling: VarianceScalingOptions): Initializer {
  checkOptions(name, options, { seed: true });
  return scaled(name, { ...scaling, ...options });
}

function scaled(name: string, options: VarianceScalingOptions): Initializer {
  const { scale = 1, mode = 'fanIn', distribution = 'truncatedNormal' } = options;
  checkAbove(name, 'scale', scale, 'The default is 1.');
  checkName(name, 'mode', mode, ['fanIn', 'fanOut', 'fanAvg']);
  checkName(name, 'distribution', distribution, ['truncatedNormal', 'untruncatedNormal', 'uniform']);
  return (shape, seed) => {
    const count = elementCount(name, shape);
    const { fanIn, fanOut } = computeFans(shape);
    const fan = { fanIn, fanOut, fanAvg: (fanIn + fanOut) / 2 }[mode];
    const variance = scale / Math.max(1, fan);
    const key = { seed: options.seed ?? seed, stream: STREAM };
    if (distribution === 'uniform') {
      const limit = Math.sqrt(3 * variance);
      return uniform(count, { ...key, low: -limit, high: limit });
    }
    if (distribution === 'untruncatedNormal') return normal(count, { ...key, std: Math.sqrt(variance) });
    // Truncation shrinks the distribution; start from a wider one so that the variance comes out as asked.
    return drawTruncatedNormal(count, { ...key, std: Math.sqrt(variance) / TRUNCATED_STD });
  };
}

/**
 * Gram-Schmidt over `count` row vectors of `length`, in place. Each vector is projected twice: once leaves an error that
 * grows with the condition number of the matrix, twice is accurate to rounding.
 */
function orthonormalise(vectors: Float64Array, count: number, length: number): Float64Array {
  for (let i = 0; i < count; i++) {
    const vector = vectors.subarray(i * length, (i + 1) * length);
    for (let pass = 0; pass < 2; pass++) {
      for (let j = 0; j < i; j++) {
        const other = vectors.subarray(j * length, (j + 1) * length);
        const projection = dot(vector, other);
        for (let k = 0; k < length; k++) vector[k] -= projection * other[k];
      }
    }
    const norm = Math.sqrt(dot(vector, vector));
    for (let k = 0; k < length; k++) vector[k] /= norm;
  }
  return vectors;
}

function dot(a: Float64Array, b: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < a.length; i++) sum += a[i] * b[i];
  return sum;
}

function elementCount(name: string, shape: readonly number[]): number {
  let count = 1;
  for (const size of shape) {
    if (!Number.isInteger(size) || size < 0) {
      throw new ArgumentError(
        `${name}: expected a shape of whole numbers >= 0, got [${shape}]. Correct the weight's shape.`,
      );
    }
    count *= size;
  }
  return count;
}

function normalOptions(name: string, options: NormalOptions): { readonly mean: number; readonly stddev: number } {
  checkOptions(name, options, { mean: true, stddev: true, seed: true });
  const { mean = 0, stddev = 0.05 } = options;
  checkNumber(name, 'mean', mean);
  checkNotNegative(name, 'stddev', stddev);
  return { mean, stddev };
}
