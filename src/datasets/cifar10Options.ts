/** Options of `cifar10.load`. */

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

/** See `cifar10.load`. */
export type LoadCifar10 = (options?: Cifar10Options) => Promise<ImageDataset>;
