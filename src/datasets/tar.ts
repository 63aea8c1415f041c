/** A reader for tar archives as they arrive: enough of ustar for archives of plain files with short names. */
import { DataError } from '../base/errors.ts';

/** One plain file of an archive. */
export interface TarFile {
  /** Path as the archive gives it; not to be trusted as a path on disk. */
  readonly path: string;
  readonly bytes: Uint8Array;
}

/** What is read of an archive: a packed one of a few bytes can hold any amount. */
export interface TarLimits {
  /** Whether a file of this path is wanted; the others are passed over and not held. */
  readonly wanted: (path: string) => boolean;
  /** The most that a wanted file may hold, in bytes. */
  readonly fileBytes: number;
  /** The most that the archive may hold, in bytes. */
  readonly archiveBytes: number;
}

const blockBytes = 512;
/** Files, folders and whatever else of an archive. */
const mostEntries = 10_000;

/**
 * Yields the wanted plain files of a tar archive in its order, each held in memory in whole; folders, links and extended
 * headers are passed over.
 *
 * @param archive what errors call the archive.
 * @param remedy what an error tells the user to do.
 * @throws {DataError} where a header's checksum is wrong, the archive ends early, or it holds more than `limits` allow.
 */
export async function* readTar(
  chunks: AsyncIterable<Uint8Array>,
  archive: string,
  remedy: string,
  limits: TarLimits,
): AsyncGenerator<TarFile, void, undefined> {
  const refused = (what: string): DataError => new DataError(`${archive}: ${what}. ${remedy}`);
  const corrupt = (what: string): DataError => refused(`not a sound tar archive: ${what}`);
  const blocks = new BlockReader(chunks, limits.archiveBytes, () =>
    refused(`unpacked it holds more than ${limits.archiveBytes} bytes, which are all that is read`),
  );
  for (let entry = 0; ; entry++) {
    const at = blocks.position;
    const header = await blocks.take(blockBytes);
    if (header === null) throw corrupt(`it ends at byte ${at}, before the empty block that closes an archive`);
    if (header.every((byte) => byte === 0)) break;
    if (octal(header, 148, 8) !== headerSum(header)) throw corrupt(`the header at byte ${at} fails its checksum`);
    const size = octal(header, 124, 12);
    const path = text(header, 0, 100);
    if (!Number.isFinite(size)) throw corrupt(`the header of ${path} at byte ${at} holds no octal size`);
    if (entry === mostEntries) throw refused(`it has more than ${mostEntries} entries, which are all that are read`);
    const padded = Math.ceil(size / blockBytes) * blockBytes;
    const cut = (): DataError =>
      corrupt(`expected ${size} bytes of ${path}, the archive ends after ${blocks.position - at - blockBytes}`);
    const kind = header[156];
    if ((kind === 0 || kind === '0'.charCodeAt(0)) && limits.wanted(path)) {
      if (size > limits.fileBytes) {
        throw refused(`its ${path} has ${size} bytes, expected at most ${limits.fileBytes}`);
      }
      const bytes = await blocks.take(padded);
      if (bytes === null) throw cut();
      yield { path, bytes: bytes.subarray(0, size) };
    } else if (!(await blocks.skip(padded))) throw cut();
  }
  // Only who reads a gzip stream to its end learns whether its own checksum holds.
  await blocks.drain();
}

/** Cuts a stream of chunks into pieces of asked-for sizes. */
class BlockReader {
  /** Bytes received of what was asked for so far. */
  position = 0;
  readonly #source: AsyncIterator<Uint8Array>;
  readonly #most: number;
  readonly #tooMany: () => DataError;
  #received = 0;
  #rest: Uint8Array = new Uint8Array(0);

  /**
   * @param most bytes that the stream may hold
   * @param tooMany the error where it holds more
   */
  constructor(chunks: AsyncIterable<Uint8Array>, most: number, tooMany: () => DataError) {
    this.#source = chunks[Symbol.asyncIterator]();
    this.#most = most;
    this.#tooMany = tooMany;
  }

  /** The next `size` bytes, or null where the stream ends before them. */
  async take(size: number): Promise<Uint8Array | null> {
    const whole = new Uint8Array(size);
    return (await this.#pass(size, (piece, at) => whole.set(piece, at))) ? whole : null;
  }

  /** Passes over the next `size` bytes; false where the stream ends before them. */
  skip(size: number): Promise<boolean> {
    return this.#pass(size, () => {});
  }

  async drain(): Promise<void> {
    while (await this.#next());
  }

  async #pass(size: number, use: (piece: Uint8Array, at: number) => void): Promise<boolean> {
    for (let done = 0; done < size; ) {
      if (this.#rest.length === 0 && !(await this.#next())) return false;
      const piece = this.#rest.subarray(0, size - done);
      this.#rest = this.#rest.subarray(piece.length);
      use(piece, done);
      this.position += piece.length;
      done += piece.length;
    }
    return true;
  }

  /** Receives a chunk; false at the end. */
  async #next(): Promise<boolean> {
    const { done, value } = await this.#source.next();
    if (done) return false;
    this.#rest = value;
    this.#received += value.length;
    if (this.#received > this.#most) throw this.#tooMany();
    return true;
  }
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
