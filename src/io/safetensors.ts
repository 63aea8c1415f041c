/**
 * The safetensors file format (https://github.com/huggingface/safetensors): 8 bytes of header length (little endian), a
 * JSON header that gives every tensor's dtype, shape and byte range, then the bytes. Works on Uint8Arrays alone, so in
 * browsers too.
 */

import { counted, describe } from '../base/describe.ts';
import { ArgumentError, DataError } from '../base/errors.ts';
import { isRecord } from '../base/isRecord.ts';
import { type JsonLimits, problemOfJson } from './json.ts';
import { decodeNumbers, elementCount, isSizes, NUMBER_BYTES, type NumberKind, type Numbers } from './numbers.ts';
import { quote } from './quote.ts';

/** A tensor to write: row-major data, stored as F32, I32 or U8 after the array's type. */
export interface SafetensorsInput {
  /** Unique in the file; not `__metadata__`. */
  readonly name: string;
  /** Extents, the first one outermost. */
  readonly shape: readonly number[];
  /** As many values as the shape holds. */
  readonly data: Numbers;
}

/** A tensor that was read. */
export interface SafetensorsTensor {
  /** Extents, the first one outermost. */
  readonly shape: readonly number[];
  /** The dtype in the file. */
  readonly dtype: SafetensorsDtype;
  /**
   * A copy of its own. F32, F16 and BF16 give a Float32Array with the exact values, F64 a Float32Array rounded to nearest;
   * I32 an Int32Array, I64 one with the exact values (others are an error); U8 a Uint8Array.
   */
  readonly data: Numbers;
}

/** The dtypes of the format that can be read. */
export type SafetensorsDtype = 'F64' | 'F32' | 'F16' | 'BF16' | 'I64' | 'I32' | 'U8';

const KINDS: Readonly<Record<SafetensorsDtype, NumberKind>> = {
  F64: 'float64',
  F32: 'float32',
  F16: 'float16',
  BF16: 'bfloat16',
  I64: 'int64',
  I32: 'int32',
  U8: 'uint8',
};
const LENGTH_BYTES = 8;
/** The format's own limit, against files that would make a reader allocate without bound. */
const MAX_HEADER_BYTES = 100_000_000;
/** An object of tensors, each of which is one with two lists: at least 200,000 tensors of four dimensions. */
const HEADER_LIMITS: JsonLimits = { depth: 4, values: 2 ** 21 };
/** As NumPy has it. */
const MAX_DIMENSIONS = 64;
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
  const text = `{${entries.join(',')}}`;
  const problem = problemOfJson(text, HEADER_LIMITS);
  if (problem !== null) {
    throw new ArgumentError(`encodeSafetensors: the header ${problem}, which nobody would read; write several files`);
  }
  const header = new TextEncoder().encode(text);
  const headerBytes = Math.ceil(header.length / 8) * 8;
  if (headerBytes > MAX_HEADER_BYTES) {
    throw new ArgumentError(
      `encodeSafetensors: the header needs ${headerBytes} bytes, the format allows ${MAX_HEADER_BYTES}; shorten the metadata or write several files`,
    );
  }
  const bytes = allocate(LENGTH_BYTES + headerBytes + offset);
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

function allocate(size: number): Uint8Array<ArrayBuffer> {
  try {
    return new Uint8Array(size);
  } catch (cause) {
    if (!(cause instanceof RangeError)) throw cause;
    throw new ArgumentError(`encodeSafetensors: no room for a file of ${size} bytes in memory; write several files`, {
      cause,
    });
  }
}

/**
 * Reads a safetensors file and checks all of it: the tensors must fill the data section without gap or overlap, as the
 * format demands. The map keeps the header's order.
 * @throws DataError for anything that is no such file; the message names the tensor.
 */
export function decodeSafetensors(bytes: Uint8Array): {
  /** By name. */
  readonly tensors: Map<string, SafetensorsTensor>;
  /** Texts beside the tensors. */
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
    tensors.set(name, { shape, dtype, data: decodeNumbers(KINDS[dtype], raw, failing(name)) });
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
    `encodeSafetensors: tensor ${quote(name)} is of a type that is not written; convert it to Float32Array, Int32Array or Uint8Array`,
  );
}

function checkInput(name: string, shape: readonly number[], length: number, names: Set<string>): void {
  if (name === METADATA) {
    throw new ArgumentError(`encodeSafetensors: '${METADATA}' is reserved by the format; rename the tensor`);
  }
  if (names.has(name))
    throw new ArgumentError(`encodeSafetensors: two tensors are named ${quote(name)}; rename one of them`);
  names.add(name);
  if (shape.length > MAX_DIMENSIONS) {
    throw new ArgumentError(
      `encodeSafetensors: tensor ${quote(name)} has ${shape.length} dimensions, at most ${MAX_DIMENSIONS} are read; reshape it`,
    );
  }
  if (!isSizes(shape) || elementCount(shape) !== length) {
    throw new ArgumentError(
      `encodeSafetensors: tensor ${quote(name)} has ${counted(length, 'value')}, but its shape is [${shape}]; pass the shape of the data`,
    );
  }
}

function encodeMetadata(metadata: Readonly<Record<string, string>>): string {
  for (const [key, value] of Object.entries(metadata)) {
    if (typeof value !== 'string') {
      throw new ArgumentError(
        `encodeSafetensors: metadata ${quote(key)} is of type ${typeof value}, the format holds text only; convert it with String() or JSON.stringify()`,
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
  const header = parseHeader(bytes.subarray(LENGTH_BYTES, dataStart));
  if (!isRecord(header)) {
    throw new DataError(
      'safetensors: the header is not a JSON object; the file is in another format or corrupt, fetch it again',
    );
  }
  return { header, dataStart };
}

function parseHeader(bytes: Uint8Array): unknown {
  let problem: string | null;
  try {
    const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
    problem = problemOfJson(text, HEADER_LIMITS);
    if (problem === null) return JSON.parse(text);
  } catch (cause) {
    throw new DataError(
      'safetensors: the header is not JSON in UTF-8; the file is corrupt or in another format, fetch it again',
      { cause },
    );
  }
  throw new DataError(`safetensors: the header ${problem}; write the file again`);
}

function readMetadata(value: unknown): Record<string, string> {
  if (!isRecord(value)) throw new DataError(`safetensors: ${METADATA} is not an object of texts; write the file again`);
  const texts = Object.entries(value).map(([key, text]): [string, string] => {
    if (typeof text === 'string') return [key, text];
    throw new DataError(
      `safetensors: ${METADATA} ${quote(key)} is of type ${typeof text}, expected text; write the file again`,
    );
  });
  return Object.fromEntries(texts);
}

/** Throws an error about one tensor. */
const failing =
  (name: string) =>
  (problem: string): never => {
    throw new DataError(`safetensors: tensor ${quote(name)} ${problem}`);
  };

/** A short list as it stands, anything else in words: what a file holds may be long or deep. */
const listing = (value: unknown): string =>
  Array.isArray(value) && value.length <= 16 ? `[${value.map(describe).join(', ')}]` : describe(value);

function readEntry(name: string, value: unknown, available: number): Entry {
  const fail = failing(name);
  if (!isRecord(value)) return fail('is not described by an object; the file is corrupt, write it again');
  const { dtype, shape, data_offsets: offsets } = value;
  if (!isDtype(dtype)) {
    return fail(
      `has dtype ${describe(dtype)}, readable are ${Object.keys(KINDS).join(', ')}; convert it before saving`,
    );
  }
  if (!isSizes(shape)) return fail(`has shape ${listing(shape)}, expected whole numbers >= 0; write the file again`);
  if (shape.length > MAX_DIMENSIONS) {
    return fail(`has ${shape.length} dimensions, at most ${MAX_DIMENSIONS} are read; write the file again`);
  }
  if (!isSizes(offsets) || offsets.length !== 2) {
    return fail(`has data_offsets ${listing(offsets)}, expected [begin, end] in bytes; write the file again`);
  }
  const [begin, end] = offsets;
  if (begin > end)
    return fail(`ends (byte ${end}) before it begins (byte ${begin}); the header is corrupt, write the file again`);
  if (end > available) {
    return fail(`reaches to byte ${end} of the data, which has ${available}; the file is truncated, fetch it again`);
  }
  const needed = elementCount(shape) * NUMBER_BYTES[KINDS[dtype]];
  if (needed !== end - begin) {
    return fail(
      `of shape ${listing(shape)} and dtype ${dtype} needs ${needed} bytes, its data_offsets span ${end - begin}; write the file again`,
    );
  }
  return { name, dtype, shape, begin, end };
}

function checkCoverage(entries: readonly Entry[], available: number): void {
  let reached = 0;
  let before = '';
  // By end as well, so that an empty tensor sorts before the one that begins at the same byte.
  for (const { name, begin, end } of [...entries].sort((a, b) => a.begin - b.begin || a.end - b.end)) {
    if (begin < reached) {
      throw new DataError(
        `safetensors: tensors ${quote(before)} and ${quote(name)} overlap at byte ${begin} of the data; write the file again`,
      );
    }
    if (begin > reached) {
      throw new DataError(
        `safetensors: bytes ${reached} to ${begin} before tensor ${quote(name)} belong to no tensor; the file is corrupt, write it again`,
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

function isDtype(value: unknown): value is SafetensorsDtype {
  return typeof value === 'string' && Object.hasOwn(KINDS, value);
}
