/**
 * The safetensors file format (https://github.com/huggingface/safetensors): 8 bytes of header length (little endian), a
 * JSON header that gives every tensor's dtype, shape and byte range, then the bytes. Works on Uint8Arrays alone, so in
 * browsers too. Typed arrays are read and written as they lie in memory: every platform that runs WebGPU is little endian.
 */
import { ArgumentError, DataError } from '../errors.ts';

/** A tensor to write: row-major data, stored as F32, I32 or U8 after the array's type. */
export interface SafetensorsInput {
  /** Unique in the file; not `__metadata__`. */
  readonly name: string;
  readonly shape: readonly number[];
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** A tensor that was read. */
export interface SafetensorsTensor {
  readonly shape: readonly number[];
  /** The dtype in the file. */
  readonly dtype: SafetensorsDtype;
  /**
   * A copy of its own. F32, F16 and BF16 give a Float32Array with the exact values, F64 a Float32Array rounded to nearest;
   * I32 an Int32Array, I64 one with the exact values (others are an error); U8 a Uint8Array.
   */
  readonly data: Float32Array | Int32Array | Uint8Array;
}

/** The dtypes of the format that can be read. */
export type SafetensorsDtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'U8';

const ITEM_BYTES: Readonly<Record<SafetensorsDtype, number>> = {
  F64: 8,
  F32: 4,
  F16: 2,
  BF16: 2,
  I64: 8,
  I32: 4,
  U8: 1,
};
const LENGTH_BYTES = 8;
/** The format's own limit, against files that would make a reader allocate without bound. */
const MAX_HEADER_BYTES = 100_000_000;
const METADATA = '__metadata__';

/**
 * The bytes of a safetensors file. The order of tensors is fixed by the arguments: 4-byte types first, each group in the
 * order given, so that every tensor begins at a multiple of its item size and equal arguments give equal bytes.
 * @throws ArgumentError for a name twice or reserved, a shape that does not fit the data, or metadata that is not text.
 */
export function encodeSafetensors(
  tensors: readonly SafetensorsInput[],
  metadata?: Readonly<Record<string, string>>,
): Uint8Array<ArrayBuffer> {
  const ordered = [...tensors].sort((a, b) => b.data.BYTES_PER_ELEMENT - a.data.BYTES_PER_ELEMENT);
  const names = new Set<string>();
  // Written entry by entry: an object would put integer-like names first and trip over the name `__proto__`.
  const entries: string[] = [];
  if (metadata !== undefined) entries.push(`"${METADATA}":${encodeMetadata(metadata)}`);
  let offset = 0;
  for (const { name, shape, data } of ordered) {
    checkInput(name, shape, data.length, names);
    const end = offset + data.byteLength;
    entries.push(
      `${JSON.stringify(name)}:${JSON.stringify({ dtype: dtypeOf(name, data), shape, data_offsets: [offset, end] })}`,
    );
    offset = end;
  }
  const header = new TextEncoder().encode(`{${entries.join(',')}}`);
  const headerBytes = Math.ceil(header.length / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES) {
    throw new ArgumentError(
      `encodeSafetensors: the header needs ${headerBytes} bytes, the format allows ${MAX_HEADER_BYTES}; shorten the metadata or write several files`,
    );
  }
  const bytes = new Uint8Array(LENGTH_BYTES + headerBytes + offset);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(headerBytes), true);
  bytes.fill(' '.charCodeAt(0), LENGTH_BYTES, LENGTH_BYTES + headerBytes);
  bytes.set(header, LENGTH_BYTES);
  let at = LENGTH_BYTES + headerBytes;
  for (const { data } of ordered) {
    bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), at);
    at += data.byteLength;
  }
  return bytes;
}

/**
 * Reads a safetensors file and checks all of it: the tensors must fill the data section without gap or overlap, as the
 * format demands. The map keeps the header's order.
 * @throws DataError for anything that is no such file; the message names the tensor.
 */
export function decodeSafetensors(bytes: Uint8Array): {
  readonly tensors: Map<string, SafetensorsTensor>;
  readonly metadata: Record<string, string>;
} {
  const { header, dataStart } = readHeader(bytes);
  const available = bytes.byteLength - dataStart;
  let metadata: Record<string, string> = {};
  const entries: Entry[] = [];
  for (const [name, value] of Object.entries(header)) {
    if (name === METADATA) metadata = readMetadata(value);
    else entries.push(readEntry(name, value, available));
  }
  checkCoverage(entries, available);
  const tensors = new Map<string, SafetensorsTensor>();
  for (const { name, dtype, shape, begin, end } of entries) {
    // A copy starts its own, aligned buffer, which a range of the file need not. (`slice` of Node's Buffer is no copy.)
    const raw = new Uint8Array(bytes.subarray(dataStart + begin, dataStart + end));
    tensors.set(name, { shape, dtype, data: readValues(name, dtype, raw) });
  }
  return { tensors, metadata };
}

/** One tensor's line of the header, checked; offsets count from the start of the data section. */
interface Entry {
  readonly name: string;
  readonly dtype: SafetensorsDtype;
  readonly shape: readonly number[];
  readonly begin: number;
  readonly end: number;
}

function dtypeOf(name: string, data: SafetensorsInput['data']): SafetensorsDtype {
  if (data instanceof Float32Array) return 'F32';
  if (data instanceof Int32Array) return 'I32';
  if (data instanceof Uint8Array) return 'U8';
  throw new ArgumentError(
    `encodeSafetensors: tensor '${name}' is of a type that is not written; convert it to Float32Array, Int32Array or Uint8Array`,
  );
}

function checkInput(name: string, shape: readonly number[], length: number, names: Set<string>): void {
  if (name === METADATA) {
    throw new ArgumentError(`encodeSafetensors: '${METADATA}' is reserved by the format; rename the tensor`);
  }
  if (names.has(name))
    throw new ArgumentError(`encodeSafetensors: two tensors are named '${name}'; rename one of them`);
  names.add(name);
  if (!isShape(shape) || elementCount(shape) !== length) {
    throw new ArgumentError(
      `encodeSafetensors: tensor '${name}' has ${length} values, but its shape is [${shape}]; pass the shape of the data`,
    );
  }
}

function encodeMetadata(metadata: Readonly<Record<string, string>>): string {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      throw new ArgumentError(
        `encodeSafetensors: metadata '${key}' is of type ${typeof value}, the format holds text only; convert it with String() or JSON.stringify()`,
      );
    }
  }
  return JSON.stringify(metadata);
}

function readHeader(bytes: Uint8Array): { header: Record<string, unknown>; dataStart: number } {
  if (bytes.byteLength < LENGTH_BYTES) {
    throw new DataError(
      `safetensors: expected at least ${LENGTH_BYTES} bytes, got ${bytes.byteLength}; the file is truncated or empty, fetch it again`,
    );
  }
  const declared = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength).getBigUint64(0, true);
  if (declared > BigInt(MAX_HEADER_BYTES)) {
    throw new DataError(
      `safetensors: the header claims ${declared} bytes, at most ${MAX_HEADER_BYTES} are allowed; check that the file is in safetensors format`,
    );
  }
  const dataStart = LENGTH_BYTES + Number(declared);
  if (dataStart > bytes.byteLength) {
    throw new DataError(
      `safetensors: the header claims ${declared} bytes, but only ${bytes.byteLength - LENGTH_BYTES} follow; the file is truncated or in another format, fetch it again`,
    );
  }
  let header: unknown;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(
      bytes.subarray(LENGTH_BYTES, dataStart),
    );
    header = JSON.parse(text);
  } catch (cause) {
    throw new DataError(
      'safetensors: the header is not JSON in UTF-8; the file is corrupt or in another format, fetch it again',
      {
        cause,
      },
    );
  }
  if (!isRecord(header)) {
    throw new DataError(
      'safetensors: the header is not a JSON object; the file is in another format or corrupt, fetch it again',
    );
  }
  return { header, dataStart };
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw new DataError(`safetensors: ${METADATA} is not an object of texts; write the file again`);
  const texts = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text === 'string') return [key, text];
    throw new DataError(
      `safetensors: ${METADATA} '${key}' is of type ${typeof text}, expected text; write the file again`,
    );
  });
  return Object.fromEntries(texts);
}

function readEntry(name: string, value: unknown, available: number): Entry {
  const fail = (problem: string): never => {
    throw new DataError(`safetensors: tensor '${name}' ${problem}`);
  };
  if (!isRecord(value)) return fail('is not described by an object; the file is corrupt, write it again');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    return fail(
      `has dtype ${JSON.stringify(dtype)}, readable are ${Object.keys(ITEM_BYTES).join(', ')}; convert it before saving`,
    );
  }
  if (!isShape(shape))
    return fail(`has shape ${JSON.stringify(shape)}, expected whole numbers >= 0; write the file again`);
  if (!isShape(offsets) || offsets.length !== 2) {
    return fail(`has data_offsets ${JSON.stringify(offsets)}, expected [begin, end] in bytes; write the file again`);
  }
  const [begin, end] = offsets;
  if (begin > end)
    return fail(`ends (byte ${end}) before it begins (byte ${begin}); the header is corrupt, write the file again`);
  if (end > available) {
    return fail(`reaches to byte ${end} of the data, which has ${available}; the file is truncated, fetch it again`);
  }
  const needed = elementCount(shape) * ITEM_BYTES[dtype];
  if (needed !== end - begin) {
    return fail(
      `of shape [${shape}] and dtype ${dtype} needs ${needed} bytes, its data_offsets span ${end - begin}; write the file again`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function checkCoverage(entries: readonly Entry[], available: number): void {
  let reached = 0;
  let before: string | null = null;
  // By end as well, so that an empty tensor sorts before the one that begins at the same byte.
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < reached) {
      throw new DataError(
        `safetensors: tensors '${before}' and '${name}' overlap at byte ${begin} of the data; write the file again`,
      );
    }
    if (begin > reached) {
      throw new DataError(
        `safetensors: bytes ${reached} to ${begin} before tensor '${name}' belong to no tensor; the file is corrupt, write it again`,
      );
    }
    reached = end;
    before = name;
  }
  if (reached !== available) {
    throw new DataError(
      `safetensors: ${available - reached} bytes after the last tensor belong to none; the file is corrupt or was appended to, write it again`,
    );
  }
}

/** `raw` starts its own buffer. */
function readValues(name: string, dtype: SafetensorsDtype, raw: Uint8Array): SafetensorsTensor['data'] {
  const { buffer } = raw;
  switch (dtype) {
    case 'F32':
      return new Float32Array(buffer);
    case 'I32':
      return new Int32Array(buffer);
    case 'U8':
      return raw;
    case 'F64':
      return Float32Array.from(new Float64Array(buffer));
    case 'F16':
      return Float32Array.from(new Uint16Array(buffer), float16);
    case 'BF16':
      // The upper half of a float32.
      return new Float32Array(Uint32Array.from(new Uint16Array(buffer), (bits) => bits << 16).buffer);
    case 'I64':
      return narrow(name, new BigInt64Array(buffer));
  }
}

/** The value of IEEE 754 half-precision bits; every one is exact in float32. */
function float16(bits: number): number {
  const sign = bits & 0x8000 ? -1 : 1;
  const exponent = (bits >>> 10) & 31;
  const fraction = bits & 1023;
  if (exponent === 31) return fraction === 0 ? sign * Number.POSITIVE_INFINITY : Number.NaN;
  if (exponent === 0) return sign * fraction * 2 ** -24;
  return sign * (1024 + fraction) * 2 ** (exponent - 25);
}

function narrow(name: string, wide: BigInt64Array): Int32Array {
  const out = new Int32Array(wide.length);
  for (let i = 0; i < wide.length; i++) {
    out[i] = Number(wide[i]);
    if (BigInt(out[i]) !== wide[i]) {
      throw new DataError(
        `safetensors: tensor '${name}' (I64) holds ${wide[i]}, which does not fit into int32; save it as I32 or F32 instead`,
      );
    }
  }
  return out;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(ITEM_BYTES, value);
}

function isShape(value: unknown): value is readonly number[] {
  return Array.isArray(value) && value.every((size) => Number.isSafeInteger(size) && size >= 0);
}

function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, size) => product * size, 1);
}
