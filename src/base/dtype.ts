/** Element types, and what they take in memory. */

/**
 * Element types. float32 is computed with; int32 holds class ids, indices and labels, and its arithmetic is its own, modulo
 * 2^32; uint8 holds images, four pixels a word, and turns into float32 when it is read, beside int32 into int32.
 */
export type Dtype = 'float32' | 'int32' | 'uint8';

/** Values on the host, row-major: of float32, int32 and uint8. */
export type HostArray = Float32Array | Int32Array | Uint8Array;

/** Bytes that `size` elements take, rounded up to whole vec4s. */
export function bytesOf(size: number, dtype: Dtype): number {
  return Math.ceil((size * (dtype === 'uint8' ? 1 : 4)) / 16) * 16;
}

/** Bytes as a person reads them. */
export function formatBytes(bytes: number): string {
  if (bytes >= 2 ** 30) return `${(bytes / 2 ** 30).toFixed(2)} GiB`;
  if (bytes >= 2 ** 20) return `${(bytes / 2 ** 20).toFixed(1)} MiB`;
  return `${(bytes / 2 ** 10).toFixed(1)} KiB`;
}
