/**
 * Counter-based random numbers: every draw is a pure function of (seed, stream, counter, index), so there is no state to
 * carry along, any element can be made on its own, and the GPU (`shaders/random.wgsl`) makes the same bits as the host.
 *
 * The hash is pcg4d of Jarzynski and Olano, "Hash Functions for GPU Rendering", JCGT 9(3), 2020. Its four input words are
 * (index / 4, counter, stream, seed); its four output words serve four consecutive indices.
 */
import { checkNotNegative, checkNumber } from './checks.ts';

export { KERNEL_BLOCKS } from './kernelBlocks.ts';

/** Names one sequence of random numbers. Two sequences with different keys are independent. */
export interface RandomKey {
  /** Integer in [0, 2^32). */
  readonly seed: number;
  /** Integer in [0, 2^32), default 0: tells apart the draws of one seed (layers, purposes). */
  readonly stream?: number;
}

const UINT32 = 2 ** 32;
const INVERSE_UINT32 = 2 ** -32;
const INVERSE_24_BITS = 2 ** -24;
/** The stream that `permutation` draws from ('perm' in ASCII), so that it never shares draws with layers' small streams. */
const PERMUTATION_STREAM = 0x7065726d;
/** Start of `seedFromString` ('wgrd' in ASCII), so that it does not equal `foldIn` of a user's seed. */
const STRING_SEED = 0x77677264;

/** Writes pcg4d of four 32-bit words to `out`. The hot loops below share this one body; V8 inlines it. */
function pcg4dInto(out: Uint32Array, x: number, y: number, z: number, w: number): void {
  let a = (Math.imul(x, 1664525) + 1013904223) | 0;
  let b = (Math.imul(y, 1664525) + 1013904223) | 0;
  let c = (Math.imul(z, 1664525) + 1013904223) | 0;
  let d = (Math.imul(w, 1664525) + 1013904223) | 0;
  a = (a + Math.imul(b, d)) | 0;
  b = (b + Math.imul(c, a)) | 0;
  c = (c + Math.imul(a, b)) | 0;
  d = (d + Math.imul(b, c)) | 0;
  a ^= a >>> 16;
  b ^= b >>> 16;
  c ^= c >>> 16;
  d ^= d >>> 16;
  a = (a + Math.imul(b, d)) | 0;
  b = (b + Math.imul(c, a)) | 0;
  c = (c + Math.imul(a, b)) | 0;
  d = (d + Math.imul(b, c)) | 0;
  out[0] = a;
  out[1] = b;
  out[2] = c;
  out[3] = d;
}

/**
 * The pcg4d hash of four 32-bit words (taken modulo 2^32); returns four words in [0, 2^32).
 * Bit for bit the `pcg4d` of `shaders/random.wgsl`.
 */
export function pcg4d(x: number, y: number, z: number, w: number): Uint32Array {
  const out = new Uint32Array(4);
  pcg4dInto(out, x, y, z, w);
  return out;
}

/**
 * The 32 random bits at one position, in [0, 2^32): word `index % 4` of `pcg4d(floor(index / 4), counter, stream, seed)`.
 * Equals `randomBits` of `shaders/random.wgsl`. `counter` is the training step where one is meant; the draws of
 * `uniform` and `normal` have counter 0.
 */
export function randomBits(seed: number, stream: number, index: number, counter = 0): number {
  return pcg4d(index >>> 2, counter, stream, seed)[index & 3];
}

/** A number in [0, 1) from the top 24 bits, exact in float32; equals `uniform01` of `shaders/random.wgsl`. */
export function uniform01(bits: number): number {
  return (bits >>> 8) * INVERSE_24_BITS;
}

/**
 * Uniform numbers in [low, high): `low + (high - low) * u` with u a multiple of 2^-24, rounded to float32.
 * Defaults: stream 0, low 0, high 1. With the defaults element i is `uniform01(randomBits(seed, stream, i))`.
 * @throws ArgumentError for a count, seed or stream that is no such integer, or bounds that are not finite and ordered.
 */
export function uniform(
  count: number,
  options: RandomKey & { readonly low?: number; readonly high?: number },
): Float32Array {
  const { seed, stream = 0, low = 0, high = 1 } = options;
  checkDraw('uniform', count, seed, stream);
  checkNumber('uniform', 'low', low);
  checkNumber('uniform', 'high', high, `a finite number of at least ${low}, the low bound`, (bound) => bound >= low);
  const out = new Float32Array(count);
  const words = new Uint32Array(4);
  const span = high - low;
  for (let i = 0; i < count; i++) {
    if ((i & 3) === 0) pcg4dInto(words, i >>> 2, 0, stream, seed);
    const value = Math.fround(low + span * (words[i & 3] >>> 8) * INVERSE_24_BITS);
    // Rounding to float32 may reach `high` itself; the interval is half open.
    out[i] = value < high ? value : low;
  }
  return out;
}

/**
 * Normally distributed numbers, at most 6.8 standard deviations from the mean. Defaults: stream 0, mean 0, std 1.
 * Box-Muller in float64: words (0, 1) of a block give elements 4b and 4b + 1 as radius times cosine and sine, words (2, 3)
 * the next two.
 * @throws ArgumentError for a count, seed or stream that is no such integer, a mean that is not finite or a negative std.
 */
export function normal(
  count: number,
  options: RandomKey & { readonly mean?: number; readonly std?: number },
): Float32Array {
  const { seed, stream = 0, mean = 0, std = 1 } = options;
  checkDraw('normal', count, seed, stream);
  checkMoments('normal', mean, std);
  const out = new Float32Array(count);
  const block = new Float64Array(4);
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    if ((i & 3) === 0) normalBlock(block, words, i >>> 2, 0, stream, seed);
    out[i] = mean + std * block[i & 3];
  }
  return out;
}

/**
 * Normally distributed numbers redrawn until they lie less than 2 standard deviations from the mean, as in Keras; so their
 * own standard deviation is 0.87962566103423978 × std. Defaults: stream 0, mean 0, std 1.
 * Attempt k at element i is element i of `normal` at counter k, hence independent of the other elements' attempts.
 * @throws ArgumentError as `normal`.
 */
export function truncatedNormal(
  count: number,
  options: RandomKey & { readonly mean?: number; readonly std?: number },
): Float32Array {
  const { seed, stream = 0, mean = 0, std = 1 } = options;
  checkDraw('truncatedNormal', count, seed, stream);
  checkMoments('truncatedNormal', mean, std);
  const out = new Float32Array(count);
  const block = new Float64Array(4);
  const retry = new Float64Array(4);
  const words = new Uint32Array(4);
  for (let i = 0; i < count; i++) {
    if ((i & 3) === 0) normalBlock(block, words, i >>> 2, 0, stream, seed);
    let z = block[i & 3];
    for (let attempt = 1; Math.abs(z) >= 2; attempt++) {
      normalBlock(retry, words, i >>> 2, attempt, stream, seed);
      z = retry[i & 3];
    }
    out[i] = mean + std * z;
  }
  return out;
}

/**
 * A uniformly random order of 0 .. n - 1 for one epoch of shuffling: Fisher-Yates from the back, each position drawn
 * without modulo bias. Epochs are independent of each other; `epoch` defaults to 0.
 * @throws ArgumentError for n, seed or epoch that is no integer in [0, 2^32).
 */
export function permutation(n: number, seed: number, epoch = 0): Uint32Array {
  checkUint32('permutation', 'n', n);
  checkUint32('permutation', 'seed', seed);
  checkUint32('permutation', 'epoch', epoch);
  const order = new Uint32Array(n);
  for (let i = 0; i < n; i++) order[i] = i;
  const words = new Uint32Array(4);
  let drawn = 0;
  for (let last = n - 1; last > 0; last--) {
    const bound = last + 1;
    // 2^32 is seldom a multiple of `bound`: draws in the incomplete last stretch would favour small results, so redraw.
    const limit = UINT32 - (UINT32 % bound);
    let bits: number;
    do {
      // n may need more than 2^32 draws only where n itself is near 2^32; the block number then wraps, harmlessly.
      if (drawn % 4 === 0) pcg4dInto(words, drawn / 4, epoch, PERMUTATION_STREAM, seed);
      bits = words[drawn % 4];
      drawn++;
    } while (bits >= limit);
    const pick = bits % bound;
    const moved = order[last];
    order[last] = order[pick];
    order[pick] = moved;
  }
  return order;
}

/**
 * A new seed in [0, 2^32) from a seed and any integers (taken modulo 2^32): `foldIn(seed, layer, weight)` gives every
 * weight of a model its own. The order of the integers counts.
 * @throws ArgumentError for a seed that is no integer in [0, 2^32) or a value that is no safe integer.
 */
export function foldIn(seed: number, ...values: readonly number[]): number {
  checkUint32('foldIn', 'seed', seed);
  const words = new Uint32Array(4);
  words[0] = seed;
  for (let i = 0; i < values.length; i++) {
    const remedy = 'Round the value or hash it to an integer.';
    checkNumber('foldIn', 'a value', values[i], 'a safe integer', Number.isSafeInteger, remedy);
    pcg4dInto(words, values[i], i, values.length, words[0]);
  }
  return words[0];
}

/** A seed in [0, 2^32) that depends on every UTF-16 unit of the text, for layers' streams by name. */
export function seedFromString(text: string): number {
  const words = new Uint32Array(4);
  words[0] = STRING_SEED;
  for (let i = 0; i < text.length; i++) pcg4dInto(words, text.charCodeAt(i), i, text.length, words[0]);
  return words[0];
}

/** Four standard normal numbers from one pcg4d block; `words` is scratch. */
function normalBlock(
  out: Float64Array,
  words: Uint32Array,
  index: number,
  counter: number,
  stream: number,
  seed: number,
): void {
  pcg4dInto(words, index, counter, stream, seed);
  for (let pair = 0; pair < 4; pair += 2) {
    // The half keeps the logarithm's argument off zero.
    const radius = Math.sqrt(-2 * Math.log((words[pair] + 0.5) * INVERSE_UINT32));
    const angle = 2 * Math.PI * INVERSE_UINT32 * words[pair + 1];
    out[pair] = radius * Math.cos(angle);
    out[pair + 1] = radius * Math.sin(angle);
  }
}

function checkDraw(name: string, count: number, seed: number, stream: number): void {
  checkUint32(name, 'count', count);
  checkUint32(name, 'seed', seed);
  checkUint32(name, 'stream', stream);
}

/** Throws unless a seed or count is an integer in [0, 2^32). */
export function checkUint32(name: string, argument: string, value: number): void {
  const fits = (n: number): boolean => Number.isInteger(n) && n >= 0 && n < UINT32;
  checkNumber(
    name,
    argument,
    value,
    'an integer in [0, 2^32)',
    fits,
    `Pass a whole number, for example ${argument} = 42.`,
  );
}

function checkMoments(name: string, mean: number, std: number): void {
  checkNumber(name, 'mean', mean);
  checkNotNegative(name, 'std', std);
}
