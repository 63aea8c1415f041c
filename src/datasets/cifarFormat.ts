/**
 * CIFAR-10's binary format: a file is a row of records, each one label byte followed by the 1,024 red, 1,024 green and
 * 1,024 blue bytes of a 32×32 image. Free of Node's own modules, so that a browser can decode what it has fetched.
 */
import { describe } from '../base/describe.ts';
import { ArgumentError, DataError } from '../base/errors.ts';
import { emptyImages, imageBytes, type LabelledImages, planePixels } from './imageDataset.ts';

/** Bytes of one record: a label and three planes. */
export const recordBytes = 1 + imageBytes;
/** Bytes of one of the six official batch files: 10,000 records. */
export const batchBytes = 10_000 * recordBytes;
/** More than an archive of all six needs, packed or not; it has 184 MB unpacked. */
export const archiveBytes = 2 ** 28;

/** The ten classes in the order of their labels. */
export const cifarClassNames: readonly string[] = [
  'airplane',
  'automobile',
  'bird',
  'cat',
  'deer',
  'dog',
  'frog',
  'horse',
  'ship',
  'truck',
];

/** The contents of one batch file. */
export interface CifarBatch {
  /** What errors call the file: its path or name. */
  readonly name: string;
  /** Whole records. */
  readonly bytes: Uint8Array;
}

/** What an error tells the user to do where nobody knows better. */
export const defaultRemedy = 'Fetch the file again.';

/**
 * Turns batch files into NHWC images, one file after the other.
 *
 * @param remedy what an error tells the user to do.
 * @throws {DataError} where a file is empty, is no whole number of records, or holds a label above 9.
 * @throws {ArgumentError} for what is no list of batches.
 */
export function decodeCifar(batches: readonly CifarBatch[], remedy = defaultRemedy): LabelledImages {
  checkBatches(batches);
  const counts = batches.map(({ name, bytes }) => countRecords(name, bytes.length, remedy));
  const result = emptyImages(counts.reduce((sum, count) => sum + count, 0));
  let first = 0;
  batches.forEach((batch, i) => {
    decodeBatch(batch, counts[i], result, first, remedy);
    first += counts[i];
  });
  return result;
}

/** Untyped programs pass anything. */
function checkBatches(batches: unknown): void {
  const expected = 'Pass a list of { name, bytes: Uint8Array }.';
  if (!Array.isArray(batches)) throw new ArgumentError(`cifar10.decode: batches is ${describe(batches)}. ${expected}`);
  batches.forEach((batch: unknown, at) => {
    const sound =
      typeof batch === 'object' &&
      batch !== null &&
      'name' in batch &&
      typeof batch.name === 'string' &&
      'bytes' in batch &&
      batch.bytes instanceof Uint8Array;
    if (!sound) throw new ArgumentError(`cifar10.decode: batch ${at} is ${describe(batch)}. ${expected}`);
  });
}

/** Records in a file of `size` bytes. Throws a DataError where that is no whole number above 0. */
export function countRecords(name: string, size: number, remedy = defaultRemedy): number {
  if (size > 0 && size % recordBytes === 0) return size / recordBytes;
  throw new DataError(
    `${name}: expected a whole number of ${recordBytes}-byte records (a label and a 32×32 RGB image), got ${size} bytes` +
      ` (${Math.floor(size / recordBytes)} records and ${size % recordBytes} bytes). ${remedy}`,
  );
}

function decodeBatch(batch: CifarBatch, count: number, into: LabelledImages, first: number, remedy: string): void {
  const { name, bytes } = batch;
  for (let record = 0; record < count; record++) {
    const start = record * recordBytes;
    const label = bytes[start];
    if (label >= cifarClassNames.length) {
      throw new DataError(
        `${name}: expected labels from 0 to 9, got ${label} at record ${record} (byte ${start}). ${remedy}`,
      );
    }
    into.labels[first + record] = label;
    const red = start + 1;
    const green = red + planePixels;
    const blue = green + planePixels;
    let to = (first + record) * imageBytes;
    for (let pixel = 0; pixel < planePixels; pixel++) {
      into.images[to++] = bytes[red + pixel];
      into.images[to++] = bytes[green + pixel];
      into.images[to++] = bytes[blue + pixel];
    }
  }
}
