/** CIFAR-10 from files that somebody dropped on the page: its binary batches, or the archive that holds them. */

import {
  type CifarBatch,
  cifar10,
  DataError,
  type ImageDataset,
  imagesBetween,
  type LabelledImages,
} from '../../src/index.ts';

const REMEDY =
  'Drop the files of CIFAR-10’s binary version: data_batch_1.bin to data_batch_5.bin and test_batch.bin, or the archive.';
const ARCHIVE = /\.(tar\.gz|tgz)$/i;
const BATCH = /\.bin$/i;
const TEST = /test/i;
/** Share of the training images that is kept for validation where no test batch was given. */
const HELD_OUT = 0.2;

/** @throws DataError for files that are damaged, or none of CIFAR-10's */
export async function readCifarFiles(files: readonly File[]): Promise<ImageDataset> {
  const batches: CifarBatch[] = [];
  for (const file of files) {
    if (ARCHIVE.test(file.name)) batches.push(...(await cifar10.unpack(file, file.name, REMEDY)));
    else if (BATCH.test(file.name)) batches.push({ name: file.name, bytes: new Uint8Array(await file.arrayBuffer()) });
    else throw new DataError(`${file.name}: this is neither a .bin file nor a .tar.gz archive. ${REMEDY}`);
  }
  batches.sort((a, b) => a.name.localeCompare(b.name));
  const training = batches.filter(({ name }) => !TEST.test(name));
  const testing = batches.filter(({ name }) => TEST.test(name));
  if (training.length === 0) throw new DataError(`No training images among ${nameAll(files)}. ${REMEDY}`);
  const decoded = cifar10.decode(training, REMEDY);
  const [train, test] =
    testing.length > 0
      ? [decoded, cifar10.decode(testing, REMEDY)]
      : divide(decoded, Math.ceil(decoded.labels.length * HELD_OUT));
  return {
    name: 'CIFAR-10',
    source: `${nameAll(files)}, read on this page`,
    synthetic: false,
    classNames: cifar10.classNames,
    train,
    test,
  };
}

const nameAll = (files: readonly File[]): string => files.map(({ name }) => name).join(', ');

/** The last images apart from the others. */
function divide(all: LabelledImages, last: number): [LabelledImages, LabelledImages] {
  const count = all.labels.length;
  return [imagesBetween(all, 0, count - last), imagesBetween(all, count - last, count)];
}
