/** A file that grows record by record and outlives a kill: each one is on the disk at once, and a torn one is cut off. */

import { files, readWhole } from '#platform';
import { makeFolderOf, onDisk } from '../platform/files.ts';

const LINE_FEED = 10;
const NOTHING = new Uint8Array();

const bytesOf = (data: Uint8Array | string): Uint8Array =>
  typeof data === 'string' ? new TextEncoder().encode(data) : data;

/** Bytes of the whole lines among the first `most` ones. */
export const wholeLines = (content: Uint8Array, most: number): number =>
  content.subarray(0, most).lastIndexOf(LINE_FEED) + 1;

export const endsLine = (content: Uint8Array): boolean => content.at(-1) === LINE_FEED;

/** Only in Node; in a browser every method throws a StateError. What the system refuses is a FileError. */
export class AppendedFile {
  readonly path: string;
  readonly #who: string;
  readonly #instead: string;
  #bytes = 0;

  /**
   * @param who what an error calls the caller
   * @param path of the file
   * @param instead the remedy in a browser
   */
  constructor(who: string, path: string, instead: string) {
    this.path = path;
    this.#who = who;
    this.#instead = instead;
  }

  /** Of the records that were kept and appended. While it is 0, the next record takes the place of all that the file holds. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Begins with no record. Folders that are missing are made, and so is the file: that it cannot be written is told of now.
   * What it holds is not cut off before the first record comes.
   */
  async begin(): Promise<void> {
    this.#bytes = 0;
    await makeFolderOf(this.#who, this.path, this.#instead);
    await this.#write(NOTHING, NOTHING);
  }

  /** Goes on with as many bytes of the file as `whole` counts, and cuts off the rest. Returns what is kept. */
  async keep(whole: (content: Uint8Array) => number): Promise<Uint8Array> {
    const { stat, truncate } = files(this.#who, this.#instead);
    const content = await onDisk(this.#who, this.path, async () => {
      // A device or a pipe keeps nothing; reading it may never end.
      return (await stat(this.path)).isFile() ? readWhole(this.path) : new Uint8Array();
    });
    const bytes = whole(content);
    await onDisk(this.#who, this.path, async () => {
      if (bytes < content.length) await truncate(this.path, bytes);
    });
    this.#bytes = bytes;
    return content.subarray(0, bytes);
  }

  /**
   * On the disk when it returns; where that fails, nothing of the record stays. `opening` goes before the first record of a
   * file: also of one that took the place of ours meanwhile, as where logs are rotated.
   */
  async append(record: Uint8Array | string, opening: Uint8Array | string = ''): Promise<void> {
    const [first, bytes] = [bytesOf(opening), bytesOf(record)];
    const before = await this.#write(bytes, first);
    this.#bytes = before + bytes.length;
  }

  /** Bytes before the record: those that the file had, or of the opening. */
  async #write(record: Uint8Array, opening: Uint8Array): Promise<number> {
    const { open } = files(this.#who, this.#instead);
    return onDisk(this.#who, this.path, async () => {
      const file = await open(this.path, 'a');
      try {
        const stat = await file.stat();
        // Of a device or a pipe only we know how much it was given.
        const size = stat.isFile() && this.#bytes > 0 ? stat.size : this.#bytes;
        try {
          if (stat.isFile() && size === 0 && record.length > 0) await file.truncate(0);
          if (size === 0) await file.writeFile(opening);
          await file.writeFile(record);
          // They have no disk to be on either.
          if (stat.isFile()) await file.sync();
        } catch (error) {
          // The first part of a record on a full disk would spoil those that follow.
          if (record.length > 0) await file.truncate(size).catch(() => {});
          throw error;
        }
        return size === 0 ? opening.length : size;
      } finally {
        await file.close();
      }
    });
  }
}
