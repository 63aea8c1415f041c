/** Where the images come from: CIFAR-10, or drawn shapes where it cannot be had. */

import {
  cifar10,
  DataError,
  type DownloadProgress,
  type ImageDataset,
  imagesBetween,
  type LabelledImages,
  NetworkError,
  proceduralImages,
  type Tensor,
  tensor,
} from '../../src/index.ts';

export interface DataOptions {
  /** Folder or archive given by the user; undefined: cache or network. */
  readonly dir: string | undefined;
  /** Images; undefined: all there are. */
  readonly train: number | undefined;
  readonly test: number | undefined;
  readonly signal: AbortSignal;
}

/** As many images as all of CIFAR-10. */
const ALL = { train: 50_000, test: 10_000 };

/** Loads CIFAR-10; without a network draws synthetic images instead and says so. */
export async function loadData({ dir, train, test, signal }: DataOptions): Promise<ImageDataset> {
  const progress = downloadLine();
  try {
    return await cifar10.load({ dir, train, test, signal, onProgress: progress.update });
  } catch (error) {
    if (!(error instanceof NetworkError)) {
      throw error instanceof DataError ? new DataError(inFlags(error.message), { cause: error }) : error;
    }
    progress.end();
    console.log(`No CIFAR-10: ${firstSentence(error.message)}`);
    console.log(
      'Training on synthetic shapes instead, whose figures say nothing about CIFAR-10; with the files, use --data DIR.',
    );
    return proceduralImages({ train: train ?? ALL.train, test: test ?? ALL.test });
  } finally {
    progress.end();
  }
}

/** A remedy names options of `cifar10.load`; who reads it has flags. */
function inFlags(message: string): string {
  return message
    .replace('Pass as dir a folder', 'Give as --data a folder')
    .replace('Pass dir: a folder', 'Give as --data a folder')
    .replace(/\b(train|test) asks for/, '--$1 asks for')
    .replace(/\bPass (train|test): /, 'Give --$1 ');
}

/** Images and their class numbers as the network takes them. */
export type Examples = readonly [images: Tensor, labels: Tensor];

/** The first `count` images, by default all. */
export function examplesOf(part: LabelledImages, count = part.labels.length): Examples {
  const { images, labels, shape } = imagesBetween(part, 0, count);
  return [tensor(images, shape), tensor(labels, [count], { dtype: 'int32' })];
}

/** The data set in a line: for the table, the charts and results.json. */
export function describeData({ name, train, test }: ImageDataset): string {
  const number = (images: number): string => images.toLocaleString('en-US');
  return `${name}, ${number(train.labels.length)} training and ${number(test.labels.length)} test images`;
}

/** A line that follows a download: redrawn on a terminal, else written anew every tenth of the way. */
function downloadLine(): { update: (progress: DownloadProgress) => void; end: () => void } {
  const terminal = process.stdout.isTTY === true;
  const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1);
  let shown = -1;
  return {
    update({ received, total, bytesPerSecond }) {
      const parts = terminal ? 1000 : 10;
      const part = Math.floor((parts * received) / (total ?? 2 ** 28));
      if (part === shown) return;
      shown = part;
      const of = total === null ? '' : ` of ${mib(total)}`;
      const line = `Downloading CIFAR-10: ${mib(received)}${of} MiB, ${mib(bytesPerSecond)} MiB/s`;
      process.stdout.write(terminal ? `\r${line}\x1b[K` : `${line}\n`);
    },
    end() {
      if (terminal && shown >= 0) process.stdout.write('\n');
      shown = -1;
    },
  };
}

/** What happened, without the remedy, which here is another one. */
function firstSentence(message: string): string {
  return `${message.split(/(?<=[^.])\.\s/)[0].replace(/\.$/, '')}.`;
}
