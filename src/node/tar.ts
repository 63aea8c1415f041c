/** A reader for tar archives as they arrive: enough of ustar for archives of plain files with short names. */
import { DataError } from '../errors.ts';

/** One plain file of an archive. */
export interface TarFile {
  /** Path as the archive gives it; not to be trusted as a path on disk. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

const blockBytes = 512;

/**
 * Yields the plain files of a tar archive in its order, each held in memory in whole; folders, links and extended
 * headers are passed over.
 *
 * @param archive what errors call the archive.
 * @param remedy what an error tells the user to do.
 * @throws {DataError} where a header's checksum is wrong or the archive ends early.
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
  archive: string,
  remedy: string,
): AsyncGenerator<TarFile, void, undefined> {
  const corrupt = (what: string): DataError => new DataError(`${archive}: not a sound tar archive: ${what}. ${remedy}`);
  const blocks = new BlockReader(chunks);
  for (;;) {
    const at = blocks.position;
    const header = await blocks.take(blockBytes);
    if (header === null) throw corrupt(`it ends at byte ${at}, before the empty block that closes an archive`);
    if (header.every((byte) => byte === 0)) break;
    if (octal(header, 148, 8) !== headerSum(header)) throw corrupt(`the header at byte ${at} fails its checksum`);
    const size = octal(header, 124, 12);
    const path = text(header, 0, 100);
    if (!Number.isFinite(size)) throw corrupt(`the header of ${path} at byte ${at} holds no octal size`);
    const bytes = await blocks.take(Math.ceil(size / blockBytes) * blockBytes);
    if (bytes === null) {
      throw corrupt(`expected ${size} bytes of ${path}, the archive ends after ${blocks.position - at - blockBytes}`);
    }
    const kind = header[156];
    if (kind === 0 || kind === '0'.charCodeAt(0)) yield { path, bytes: bytes.subarray(0, size) };
  }
  // Only who reads a gzip stream to its end learns whether its own checksum holds.
  await blocks.drain();
}

/** Cuts a stream of chunks into pieces of asked-for sizes. */
class BlockReader {
  /** Bytes received of what `take` has asked for so far. */
  position = 0;
  readonly #source: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array(0);

  constructor(chunks: AsyncIterable<Uint8Array>) {
    this.#source = chunks[Symbol.asyncIterator]();
  }

  /** The next `size` bytes, or null where the stream ends before them. */
  async take(size: number): Promise<Uint8Array | null> {
    const pieces: Uint8Array[] = [];
    let missing = size;
    while (missing > 0) {
      if (this.#rest.length === 0) {
        const { done, value } = await this.#source.next();
        if (done) return null;
        this.#rest = value;
      }
      const piece = this.#rest.subarray(0, missing);
      this.#rest = this.#rest.subarray(piece.length);
      this.position += piece.length;
      missing -= piece.length;
      pieces.push(piece);
    }
    return joined(pieces, size);
  }

  async drain(): Promise<void> {
    while (!(await this.#source.next()).done);
  }
}

function joined(pieces: readonly Uint8Array[], size: number): Uint8Array {
  const whole = new Uint8Array(size);
  let at = 0;
  for (const piece of pieces) {
    whole.set(piece, at);
    at += piece.length;
  }
  return whole;
}

/** Sum of the header's bytes with its own checksum field read as spaces. */
function headerSum(header: Uint8Array): number {
  return header.reduce((sum, byte, i) => sum + (i >= 148 && i < 156 ? 32 : byte), 0);
}

function octal(header: Uint8Array, start: number, length: number): number {
  const digits = text(header, start, length).trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : Number.NaN;
}

function text(header: Uint8Array, start: number, length: number): string {
  const field = header.subarray(start, start + length);
  const end = field.indexOf(0);
  return new TextDecoder().decode(end < 0 ? field : field.subarray(0, end));
}
