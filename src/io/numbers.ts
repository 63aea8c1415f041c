/**
 * Numbers as files hold them, and as tensors take them. Files are little endian here, like every platform that runs WebGPU,
 * so typed arrays are read and written as they lie in memory.
 */

/** What tensors are made of: float32, int32 or bytes. */
export type Numbers = Float32Array | Int32Array | Uint8Array;

/** How one number is stored. */
export type NumberKind = 'float64' | 'float32' | 'float16' | 'bfloat16' | 'int64' | 'int32' | 'uint8';

/** Bytes of one number. */
export const NUMBER_BYTES: Readonly<Record<NumberKind, number>> = {
  float64: 8,
  float32: 4,
  float16: 2,
  bfloat16: 2,
  int64: 8,
  int32: 4,
  uint8: 1,
};

/**
 * Stored numbers as those of a tensor: float32, float16 and bfloat16 exactly, float64 rounded to the nearest float32, int64 as int32.
 *
 * @param raw whole numbers, from the start of its own buffer.
 * @param fail told of an int64 that int32 cannot hold.
 */
export function decodeNumbers(kind: NumberKind, raw: Uint8Array, fail: (problem: string) => never): Numbers {
  const { buffer } = raw;
  switch (kind) {
    case 'float32':
      return new Float32Array(buffer);
    case 'int32':
      return new Int32Array(buffer);
    case 'uint8':
      return raw;
    case 'float64':
      return new Float32Array(new Float64Array(buffer));
    case 'float16':
      return fromBits(buffer, float16Bits);
    case 'bfloat16':
      // The upper half of a float32.
      return fromBits(buffer, (bits) => bits << 16);
    case 'int64':
      return narrow(new BigInt64Array(buffer), fail);
  }
}

/** Number of elements; meaningless beyond 2^53, where no file reaches. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}

/** Whether a value is a list of whole numbers of at least 0. */
export function isSizes(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

/** Two bytes a number to float32, as bits: a NaN keeps its payload. */
function fromBits(buffer: ArrayBufferLike, convert: (bits: number) => number): Float32Array {
  return new Float32Array(Uint32Array.from(new Uint16Array(buffer), convert).buffer);
}

/** The bits of the float32 that equals a half-precision number. */
function float16Bits(half: number): number {
  const sign = (half & 0x8000) << 16;
  const exponent = (half >>> 10) & 31;
  const fraction = half & 1023;
  if (exponent === 31) return sign | 0x7f800000 | (fraction << 13);
  if (exponent !== 0) return sign | ((exponent + 112) << 23) | (fraction << 13);
  if (fraction === 0) return sign;
  // Subnormal: shifted up until its leading one stands where the implicit one belongs.
  const shift = Math.clz32(fraction) - 21;
  return sign | ((113 - shift) << 23) | (((fraction << shift) & 1023) << 13);
}

function narrow(wide: BigInt64Array, fail: (problem: string) => never): Int32Array {
  const out = new Int32Array(wide.length);
  for (let i = 0; i < wide.length; i++) {
    out[i] = Number(wide[i]);
    if (BigInt(out[i]) !== wide[i]) {
      fail(`holds the 64-bit integer ${wide[i]}, which does not fit into int32; save it as int32 or float32 instead`);
    }
  }
  return out;
}
