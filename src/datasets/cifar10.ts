/**
 * CIFAR-10: 60,000 photographs of 32×32 pixels in ten classes (Krizhevsky, 2009), from a folder, an archive, the cache or
 * the network.
 */

import { loadCifar10 } from '#datasets';
import type { Cifar10Options } from './cifar10Options.ts';
import {
  archiveBytes,
  batchBytes,
  type CifarBatch,
  cifarClassNames,
  decodeCifar,
  defaultRemedy,
} from './cifarFormat.ts';
import type { ImageDataset } from './imageDataset.ts';

/** The CIFAR-10 data set. */
export const cifar10 = {
  /** The ten classes in the order of their labels. */
  classNames: cifarClassNames,

  /**
   * Turns the bytes of batch files, such as a browser has fetched, into images. Throws a DataError where they are corrupt,
   * an ArgumentError for what is no list of them.
   */
  decode: decodeCifar,

  /**
   * The batch files in an archive as the authors give it (`cifar-10-binary.tar.gz`), such as somebody dropped on a page, for
   * `decode`. At most 256 MiB are read, unpacked, and at most 10,000 images a batch.
   * @param name what errors call the archive
   * @param remedy what an error tells the user to do
   * @returns the `.bin` files in it, in its order and without their folder
   * @throws {DataError} where it is no gzip file or no sound tar archive, or holds more than that.
   * @throws {ArgumentError} for what is no Blob.
   */
  unpack: async (archive: Blob, name = 'the archive', remedy = defaultRemedy): Promise<CifarBatch[]> => {
    const { unpackCifar } = await import('./cifarArchive.ts');
    return unpackCifar(archive, name, remedy, { fileBytes: batchBytes, archiveBytes });
  },

  /**
   * Loads CIFAR-10 in Node: from `dir` where given, else from the cache, else from the network into the cache.
   *
   * The whole data set holds 50,000 training and 10,000 test images, 176 MiB decoded. Only as much of each batch file is
   * read as `train` and `test` ask for.
   *
   * @throws {NetworkError} (a DataError) where the archive cannot be fetched; `reason` says why.
   * @throws {DataError} where a file is missing, truncated or corrupt, or holds fewer images than asked for.
   * @throws {ArgumentError} where a count is no whole number, a time is not above 0, or `md5` is no 32 hexadecimal digits.
   */
  load: (options?: Cifar10Options): Promise<ImageDataset> => loadCifar10(options),
} as const;
