/**
 * NumPy's `.npz` format, a zip archive of `.npy` files. A module of its own, `wgrad/npz`, because it needs the optional
 * package fflate.
 * @module wgrad/npz
 */
import { unzipSync, type Zippable, zipSync } from 'fflate';
import { checkWhole } from '../base/checks.ts';
import { ArgumentError, DataError, WgradError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { decodeNpy, encodeNpy, type NpyArray } from './npy.ts';
import type { Numbers } from './numbers.ts';
import { quote } from './quote.ts';

export type { NpyArray, NpyDtype } from './npy.ts';
export type { Numbers } from './numbers.ts';

/** Options of `decodeNpz`. */
export interface DecodeNpzOptions {
  /** What all arrays may take together, unpacked; default 1 GiB. A small file can claim to hold any amount. */
  readonly maxBytes?: number;
}

/** Options of `encodeNpz`. */
export interface EncodeNpzOptions {
  /** Pack the arrays, as `numpy.savez_compressed` does; default false, as `numpy.savez`. */
  readonly compressed?: boolean;
}

const SUFFIX = '.npy';
const GIB = 2 ** 30;
/** Deflate packs at most 258 bytes into two bits: no sound entry is unpacked to more. */
const MAX_RATIO = 1032;
/** Sizes and offsets of a zip archive without its 64-bit extension, which fflate does not write. */
const MAX_ARCHIVE_BYTES = 2 ** 32 - 1;
const MAX_ENTRIES = 65_535;

/**
 * Reads a `.npz` file: its arrays by name, in the file's order. Entries that are no `.npy` files are passed over.
 * @throws DataError for anything that is no such file, and for one that would unpack to more than `maxBytes`.
 */
export function decodeNpz(bytes: Uint8Array, options: DecodeNpzOptions = {}): Map<string, NpyArray> {
  checkOptions('decodeNpz', options, { maxBytes: true });
  const { maxBytes = GIB } = options;
  checkWhole('decodeNpz', 'maxBytes', maxBytes, 0);
  const names = new Set<string>();
  let [packed, unpacked] = [0, 0];
  let files: Record<string, Uint8Array>;
  try {
    files = unzipSync(bytes, {
      filter: ({ name, size, originalSize, compression }) => {
        const fail = (problem: string): never => {
          throw new DataError(`npz: entry ${quote(name)} ${problem}`);
        };
        if (names.has(name)) return fail('stands twice in the archive; write the file again');
        names.add(name);
        packed += size;
        if (packed > bytes.length) return fail('overlaps another one; the archive is damaged, fetch it again');
        if (!name.endsWith(SUFFIX)) return false;
        if (compression !== 0 && compression !== 8) {
          return fail(`is packed by method ${compression}; save it with numpy.savez or numpy.savez_compressed`);
        }
        if (compression === 0 ? size !== originalSize : originalSize > size * MAX_RATIO) {
          return fail(`claims ${originalSize} bytes in ${size}; the archive is damaged, fetch it again`);
        }
        unpacked += originalSize;
        if (unpacked > maxBytes) {
          return fail(
            `brings the archive to ${unpacked} bytes unpacked, at most ${maxBytes} are allowed; pass a larger maxBytes if you trust the file`,
          );
        }
        return true;
      },
    });
  } catch (cause) {
    if (cause instanceof WgradError) throw cause;
    throw new DataError('npz: the file is no sound zip archive; it is truncated or in another format, fetch it again', {
      cause,
    });
  }
  return new Map(
    Object.entries(files).map(([file, content]) => {
      const name = file.slice(0, -SUFFIX.length);
      return [name, decodeNpy(content, `npz: array ${quote(name)}`)];
    }),
  );
}

/** An array to write. */
export interface NpzInput {
  /** Row-major; stored as float32, int32 or uint8. */
  readonly data: Numbers;
  /** Default [data.length]. */
  readonly shape?: readonly number[];
}

/** A list of arrays with their names. */
export type NamedInputs = readonly (NpzInput & {
  /** Unique in the file. */
  readonly name: string;
})[];

/** Arrays by name, or a list of arrays with names. */
export type NpzInputs = ReadonlyMap<string, NpzInput> | Readonly<Record<string, NpzInput>> | NamedInputs;

/**
 * The bytes of a `.npz` file, which `numpy.load` reads as a dictionary. Takes a map, an object, or a list with names, such
 * as `await model.getWeights()`. Equal arguments give equal bytes.
 * @throws ArgumentError for a name twice, a shape that does not fit its data, or more than 4 GiB.
 */
export function encodeNpz(tensors: NpzInputs, options: EncodeNpzOptions = {}): Uint8Array {
  checkOptions('encodeNpz', options, { compressed: true });
  const { compressed = false } = options;
  const files: Zippable = {};
  let total = 0;
  let count = 0;
  for (const [name, { data, shape }] of named(tensors)) {
    const file = `${name}${SUFFIX}`;
    if (Object.hasOwn(files, file)) {
      throw new ArgumentError(`encodeNpz: two arrays are named ${quote(name)}; rename one of them`);
    }
    const content = encodeNpy(data, shape);
    // What the archive needs beside the content: two headers, each with the name in UTF-8.
    total += content.length + 2 * (64 + 3 * file.length);
    if (total > MAX_ARCHIVE_BYTES || ++count > MAX_ENTRIES) {
      throw new ArgumentError(
        'encodeNpz: an archive holds at most 4 GiB and 65,535 arrays; write several files, or a safetensors file',
      );
    }
    files[file] = content;
  }
  // A fixed date, the format's first: equal arrays give equal bytes.
  return zipSync(files, { level: compressed ? 6 : 0, mtime: new Date(1980, 0, 1) });
}

const isList = (tensors: NpzInputs): tensors is NamedInputs => Array.isArray(tensors);

function named(tensors: NpzInputs): Iterable<readonly [string, NpzInput]> {
  if (tensors instanceof Map) return tensors;
  if (isList(tensors)) return tensors.map((tensor) => [tensor.name, tensor]);
  return Object.entries(tensors);
}
