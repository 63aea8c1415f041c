/** The batch files in CIFAR-10's archive, with what browsers and Node both have. */

import { ArgumentError, DataError } from '../base/errors.ts';
import type { CifarBatch } from './cifarFormat.ts';
import { readTar, type TarLimits } from './tar.ts';

const BATCH = /\.bin$/i;

/** See `cifar10.unpack`. The limits are given, not imported: a module of its own for what both share would cost every page more. */
export async function unpackCifar(
  archive: Blob,
  name: string,
  remedy: string,
  limits: Omit<TarLimits, 'wanted'>,
): Promise<CifarBatch[]> {
  if (!(archive instanceof Blob)) {
    throw new ArgumentError('cifar10.unpack: archive is no Blob. Pass a File, or what blob() of a response gives.');
  }
  const batches: CifarBatch[] = [];
  try {
    const unpacked = archive.stream().pipeThrough(new DecompressionStream('gzip'));
    const wanted = (path: string): boolean => BATCH.test(path);
    for await (const { path, bytes } of readTar(chunksOf(unpacked), name, remedy, { ...limits, wanted })) {
      batches.push({ name: path.slice(path.lastIndexOf('/') + 1), bytes });
    }
  } catch (cause) {
    if (cause instanceof DataError) throw cause;
    throw new DataError(`${name}: it cannot be unpacked as gzip. ${remedy}`, { cause });
  }
  return batches;
}

/** Not every browser lets a stream be iterated over. */
async function* chunksOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    yield value;
  }
}
