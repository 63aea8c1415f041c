/** A file that grows record by record and outlives a kill: each one is on the disk at once, and a torn one is cut off. */

import { files } from '#platform';
import { makeFolderOf, onDisk } from './files.ts';

const LINE_FEED = 10;

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
    await this.#write('');
  }

  /** Goes on with as many bytes of the file as `whole` counts, and cuts off the rest. Returns what is kept. */
  async keep(whole: (content: Uint8Array) => number): Promise<Uint8Array> {
    const { readFile } = files(this.#who, this.#instead);
    const content = await onDisk(this.#who, this.path, () => readFile(this.path));
    this.#bytes = whole(content);
    await this.#truncate(this.#bytes);
    return content.subarray(0, this.#bytes);
  }

  /** On the disk when it returns; where that fails, nothing of the record stays. */
  async append(record: Uint8Array | string): Promise<void> {
    const bytes = typeof record === 'string' ? new TextEncoder().encode(record) : record;
    if (this.#bytes === 0) await this.#truncate(0);
    await this.#write(bytes);
    this.#bytes += bytes.length;
  }

  async #write(data: Uint8Array | string): Promise<void> {
    const { open } = files(this.#who, this.#instead);
    await onDisk(this.#who, this.path, async () => {
      const file = await open(this.path, 'a');
      try {
        const { size } = await file.stat();
        try {
          await file.writeFile(data);
          await file.sync();
        } catch (error) {
          // The first part of a record on a full disk would spoil those that follow.
          await file.truncate(size).catch(() => {});
          throw error;
        }
      } finally {
        await file.close();
      }
    });
  }

  async #truncate(bytes: number): Promise<void> {
    const { truncate } = files(this.#who, this.#instead);
    await onDisk(this.#who, this.path, () => truncate(this.path, bytes));
  }
}
