/**
 * CIFAR-10: 60,000 photographs of 32×32 pixels in ten classes (Krizhevsky, 2009), from a folder, an archive, the cache or
 * the network.
 */

import { loadCifar10 } from '#platform';
import { cifarClassNames, decodeCifar } from './cifarFormat.ts';
import type { DownloadProgress } from './download.ts';
import type { ImageDataset } from './imageDataset.ts';

/** Where to find CIFAR-10 and how much of it to read. */
export interface Cifar10Options {
  /**
   * Folder with the binary batches (`data_batch_1.bin` … `data_batch_5.bin`, as many as there are, and `test_batch.bin`),
   * or with `cifar-10-batches-bin/` or `cifar-10-binary.tar.gz`, or the path of such an archive. With `dir` nothing is
   * fetched and nothing is written. Of an archive at most 256 MiB are read, unpacked, and at most 10,000 images a batch.
   */
  readonly dir?: string;
  /**
   * Where downloads are kept; default `$XDG_CACHE_HOME/wgrad`, or `~/.cache/wgrad`. Any number of processes may use it at
   * once. A folder `cifar-10-batches-bin/` that somebody puts there must hold all six batches.
   */
  readonly cacheDir?: string;
  /** Address of the archive; default the authors' at www.cs.toronto.edu (163 MiB). */
  readonly url?: string;
  /** MD5 sum of the archive in hexadecimal; default the authors'. */
  readonly md5?: string;
  /** Fetch the archive again although the cache holds it; the cached copy is replaced only by a sound one. */
  readonly refresh?: boolean;
  /** Called for every chunk that a download brings. */
  readonly onProgress?: (progress: DownloadProgress) => void;
  /** Number of training images, taken from the front; default all there are. */
  readonly train?: number;
  /** Number of test images, taken from the front; default all there are. */
  readonly test?: number;
  /**
   * Longest silence of the connection before a download gives up, in seconds; default 30. Less than 1 KiB a second, over
   * that time, counts as silence.
   */
  readonly idleTimeout?: number;
  /** Wait before a broken-off download is resumed, in seconds, doubled each time; default 1. */
  readonly retryDelay?: number;
  /** Stops a download; what came is kept and resumed by the next call. */
  readonly signal?: AbortSignal;
}

// Typed here, so that the declarations of this module need none of Node.
const load: (options?: Cifar10Options) => Promise<ImageDataset> = loadCifar10;

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
