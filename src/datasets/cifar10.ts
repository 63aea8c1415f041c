/**
 * CIFAR-10: 60,000 photographs of 32×32 pixels in ten classes (Krizhevsky, 2009), from a folder, an archive, the cache or
 * the network.
 */

import { loadCifar10 } from '#datasets';
import type { LoadCifar10 } from './cifar10Options.ts';
import { cifarClassNames, decodeCifar } from './cifarFormat.ts';

// Typed here, so that the declarations of this module need none of Node.
const load: LoadCifar10 = loadCifar10;

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
   * Loads CIFAR-10 in Node: from `dir` where given, else from the cache, else from the network into the cache.
   *
   * The whole data set holds 50,000 training and 10,000 test images, 176 MiB decoded. Only as much of each batch file is
   * read as `train` and `test` ask for.
   *
   * @throws {NetworkError} (a DataError) where the archive cannot be fetched; `reason` says why.
   * @throws {DataError} where a file is missing, truncated or corrupt, or holds fewer images than asked for.
   * @throws {ArgumentError} where a count is no whole number, a time is not above 0, or `md5` is no 32 hexadecimal digits.
   */
  load,
} as const;
