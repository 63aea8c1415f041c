/**
 * NumPy's `.npy` format: the magic bytes, a version, the header's length, a header that is a Python dictionary of dtype,
 * order and shape, then the numbers. Versions 1.0 to 3.0 are read, 1.0 is written.
 */

import { counted, describe } from '../base/describe.ts';
import { ArgumentError, DataError } from '../base/errors.ts';
import { decodeNumbers, elementCount, isSizes, NUMBER_BYTES, type NumberKind, type Numbers } from './numbers.ts';

/** An array that was read. */
export interface NpyArray {
  /** Extents, the first one outermost. */
  readonly shape: readonly number[];
  /** NumPy's name of the dtype in the file. */
  readonly dtype: NpyDtype;
  /**
   * Row-major, a copy of its own. float32 and float16 give a Float32Array with the exact values, float64 a Float32Array
   * rounded to nearest; int32 an Int32Array, int64 one with the exact values (others are an error); uint8 and bool a
   * Uint8Array.
   */
  readonly data: Numbers;
}

/** The dtypes that can be read. */
export type NpyDtype = 'float64' | 'float32' | 'float16' | 'int64' | 'int32' | 'uint8' | 'bool';

/** NumPy's codes, without the byte order. */
const CODES: Readonly<Record<string, { readonly dtype: NpyDtype; readonly kind: NumberKind }>> = {
  f8: { dtype: 'float64', kind: 'float64' },
  f4: { dtype: 'float32', kind: 'float32' },
  f2: { dtype: 'float16', kind: 'float16' },
  i8: { dtype: 'int64', kind: 'int64' },
  i4: { dtype: 'int32', kind: 'int32' },
  u1: { dtype: 'uint8', kind: 'uint8' },
  b1: { dtype: 'bool', kind: 'uint8' },
};
const MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]; // \x93NUMPY
/** Magic and version. */
const PREFIX_BYTES = MAGIC.length + 2;
/** The numbers begin at a multiple of this. */
const ALIGNMENT = 64;
/** As NumPy has it. */
const MAX_DIMENSIONS = 64;
/** Far more than any array of numbers needs; NumPy itself refuses more than 10,000 unless told otherwise. */
const MAX_HEADER_BYTES = 65_535;

/**
 * Reads a `.npy` file. Big-endian numbers and Fortran order are turned around.
 * @param name what errors call the file.
 * @throws DataError for anything that is no such file, for Python objects, and for dtypes beside those of `NpyDtype`.
 */
export function decodeNpy(bytes: Uint8Array, name = 'npy'): NpyArray {
  const fail = (problem: string): never => {
    throw new DataError(`${name}: ${problem}`);
  };
  const { header, dataStart } = headerOf(bytes, fail);
  const { descr, fortranOrder, shape } = parseHeader(header, fail);
  const [order, code] = [descr[0], descr.slice(1)];
  if (code.startsWith('O')) {
    return fail(
      'the array holds Python objects, which only Python can read (and run); save it with a dtype of numbers, for example array.astype("float32")',
    );
  }
  if (!Object.hasOwn(CODES, code) || !'<>|='.includes(order)) {
    return fail(
      `the dtype is ${describe(descr)}, readable are float64, float32, float16, int64, int32, uint8 and bool; convert it with astype before saving`,
    );
  }
  const { dtype, kind } = CODES[code];
  const itemBytes = NUMBER_BYTES[kind];
  const needed = elementCount(shape) * itemBytes;
  const available = bytes.byteLength - dataStart;
  if (needed !== available) {
    return fail(
      `shape [${shape}] of ${dtype} needs ${needed} bytes, ${available} follow the header; the file is truncated or damaged, save it again`,
    );
  }
  const raw = new Uint8Array(bytes.subarray(dataStart));
  if (order === '>') swapBytes(raw, itemBytes);
  const data = decodeNumbers(kind, raw, (problem) => fail(`the array ${problem}`));
  return { shape, dtype, data: fortranOrder ? rowMajor(data, shape) : data };
}

/**
 * The bytes of a `.npy` file that holds `data`, row-major, as float32, int32 or uint8 after the array's type. Equal
 * arguments give equal bytes.
 * @throws ArgumentError for a shape that does not fit the data.
 */
export function encodeNpy(data: Numbers, shape: readonly number[] = [data.length]): Uint8Array<ArrayBuffer> {
  if (!isSizes(shape) || elementCount(shape) !== data.length) {
    throw new ArgumentError(
      `encodeNpy: the data has ${counted(data.length, 'value')}, but the shape is [${shape}]; pass the shape of the data`,
    );
  }
  if (shape.length > MAX_DIMENSIONS) {
    throw new ArgumentError(
      `encodeNpy: ${shape.length} dimensions are more than NumPy has (${MAX_DIMENSIONS}); reshape the data`,
    );
  }
  const sizes = shape.length === 1 ? `${shape[0]},` : shape.join(', ');
  const text = `{'descr': '${descrOf(data)}', 'fortran_order': False, 'shape': (${sizes}), }`;
  const dataStart = Math.ceil((PREFIX_BYTES + 2 + text.length + 1) / ALIGNMENT) * ALIGNMENT;
  const headerBytes = dataStart - PREFIX_BYTES - 2;
  const bytes = new Uint8Array(dataStart + data.byteLength);
  bytes.set([...MAGIC, 1, 0, headerBytes & 255, headerBytes >>> 8]);
  bytes.set(new TextEncoder().encode(`${text.padEnd(headerBytes - 1)}\n`), PREFIX_BYTES + 2);
  bytes.set(new Uint8Array(data.buffer, data.byteOffset, data.byteLength), dataStart);
  return bytes;
}

function descrOf(data: Numbers): string {
  if (data instanceof Float32Array) return '<f4';
  if (data instanceof Int32Array) return '<i4';
  if (data instanceof Uint8Array) return '|u1';
  throw new ArgumentError(
    'encodeNpy: the data is of a type that is not written; convert it to Float32Array, Int32Array or Uint8Array',
  );
}

type Fail = (problem: string) => never;

function headerOf(bytes: Uint8Array, fail: Fail): { header: string; dataStart: number } {
  if (bytes.length < PREFIX_BYTES + 2 || MAGIC.some((byte, at) => bytes[at] !== byte)) {
    return fail('the file does not begin as a .npy file does; it is empty or in another format, fetch it again');
  }
  const version = bytes[MAGIC.length];
  if (version < 1 || version > 3) {
    return fail(`the format's version is ${version}, readable are 1 to 3; save the array with a current NumPy`);
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const lengthBytes = version === 1 ? 2 : 4;
  const begin = PREFIX_BYTES + lengthBytes;
  const headerBytes =
    lengthBytes === 2 || bytes.length < begin ? view.getUint16(PREFIX_BYTES, true) : view.getUint32(PREFIX_BYTES, true);
  if (headerBytes > MAX_HEADER_BYTES) {
    return fail(
      `the header claims ${headerBytes} bytes, at most ${MAX_HEADER_BYTES} are read; save an array of plain numbers`,
    );
  }
  const dataStart = begin + headerBytes;
  if (dataStart > bytes.length) {
    return fail(
      `the header ends at byte ${dataStart}, the file after ${bytes.length}; it is truncated, fetch it again`,
    );
  }
  return { header: new TextDecoder().decode(bytes.subarray(begin, dataStart)), dataStart };
}

interface Header {
  /** Byte order and code, `<f4`. */
  readonly descr: string;
  readonly fortranOrder: boolean;
  readonly shape: readonly number[];
}

/** One entry of the dictionary: a text, a truth value or a tuple of numbers. Python 2 wrote numbers as `3L`. */
const ENTRY = /\s*'(\w+)'\s*:\s*(?:'([^']*)'|(True|False)|\(([\dL,\s]*)\))\s*(?:,|(?=\}))/y;

function parseHeader(header: string, fail: Fail): Header {
  const text = header.trim();
  const entries = new Map<string, { text?: string; flag?: string; sizes?: string }>();
  ENTRY.lastIndex = 1;
  let at = 1;
  for (let match = ENTRY.exec(text); match !== null; match = ENTRY.exec(text)) {
    entries.set(match[1], { text: match[2], flag: match[3], sizes: match[4] });
    at = ENTRY.lastIndex;
  }
  if (text.startsWith('{') && /^\s*'descr'\s*:\s*\[/.test(text.slice(at))) {
    return fail("the array is structured, with several fields; save each field as an array of its own, array['field']");
  }
  const descr = entries.get('descr')?.text;
  const flag = entries.get('fortran_order')?.flag;
  const sizes = entries.get('shape')?.sizes;
  const sound = text[0] === '{' && text.slice(at).trim() === '}' && entries.size === 3;
  if (!sound || descr === undefined || flag === undefined || sizes === undefined) {
    return fail(
      `the header is ${describe(text)}, expected a dictionary of descr, fortran_order and shape; save the array with numpy.save`,
    );
  }
  const shape = sizes
    .split(',')
    .filter((size, i, all) => size.trim() !== '' || i < all.length - 1)
    .map(sizeIn);
  if (!isSizes(shape)) {
    return fail(`the shape is (${sizes.slice(0, 80)}), expected whole numbers; save the array with numpy.save`);
  }
  if (shape.length > MAX_DIMENSIONS) {
    return fail(
      `the array has ${shape.length} dimensions, NumPy has at most ${MAX_DIMENSIONS}; reshape it before saving`,
    );
  }
  return { descr, fortranOrder: flag === 'True', shape };
}

const sizeIn = (text: string): number => (/^\s*\d+L?\s*$/.test(text) ? Number.parseInt(text, 10) : Number.NaN);

function swapBytes(raw: Uint8Array, itemBytes: number): void {
  const half = itemBytes >> 1;
  for (let at = 0; half > 0 && at < raw.length; at += itemBytes) {
    for (let i = 0; i < half; i++) {
      const byte = raw[at + i];
      raw[at + i] = raw[at + itemBytes - 1 - i];
      raw[at + itemBytes - 1 - i] = byte;
    }
  }
}

/** Fortran order, first index fastest, to row-major. */
function rowMajor<T extends Numbers>(data: T, shape: readonly number[]): T {
  const out = data.slice() as T;
  // Dimensions of one element order nothing, and would be carried over at every element.
  const sizes = shape.filter((size) => size !== 1);
  const index = sizes.map(() => 0);
  // Where the element after the last of each dimension would lie.
  const strides: number[] = [];
  let stride = 1;
  for (const size of sizes) {
    strides.push(stride);
    stride *= size;
  }
  let from = 0;
  for (let to = 0; to < out.length; to++) {
    out[to] = data[from];
    for (let d = sizes.length - 1; d >= 0; d--) {
      from += strides[d];
      if (++index[d] < sizes[d]) break;
      from -= strides[d] * sizes[d];
      index[d] = 0;
    }
  }
  return out;
}
