/** The event file of a run, a folder: begun when there is something to write, or gone on with. */

import { files } from '#platform';
import { DataError, FileError } from '../base/errors.ts';
import { AppendedFile } from '../io/appendedFile.ts';
import type { SavedState, State } from '../io/state.ts';
import { makeFolderOf, onDisk } from '../platform/files.ts';
import { encodeSummary, encodeVersion, type SummaryValue } from './event.ts';
import { encodeRecord, wholeRecords } from './record.ts';

const WHO = 'TensorBoard';
const INSTEAD = 'Use it in Node, or History here.';
/** A saved state may be anybody's: a name of another form could lead to any file. */
const NAME = /^events\.out\.tfevents\.[\w.-]+$/;

const now = (): number => Date.now() / 1000;

export class EventFile {
  readonly #folder: string;
  #name: string | null = null;
  #file: AppendedFile | null = null;
  #waiting: { readonly time: number; readonly record: Uint8Array }[] = [];
  #work: Promise<void> = Promise.resolve();

  /** @param folder of the run; missing ones are made */
  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Makes the folder. What cannot be written to is told of now; files come later. */
  async prepare(): Promise<void> {
    await makeFolderOf(WHO, this.#pathOf(''), INSTEAD);
    const { access, constants } = files(WHO, INSTEAD);
    await onDisk(WHO, this.#folder, () => access(this.#folder, constants.W_OK));
  }

  /** For the next `flush`. */
  add(step: number, values: readonly SummaryValue[]): void {
    if (values.length === 0) return;
    const time = now();
    this.#waiting.push({ time, record: encodeRecord(encodeSummary(time, step, values)) });
  }

  /** All that was added is on the disk when it returns. */
  flush(): Promise<void> {
    // One after the other: a model may be saved while an epoch ends.
    this.#work = this.#work.catch(() => {}).then(() => this.#write());
    return this.#work;
  }

  /** What `restore` takes. Flush before. */
  state(): State {
    return { name: this.#name, bytes: this.#file?.bytes ?? 0 };
  }

  /** Goes on with the file that another training wrote, as far as it had come then; begins it anew where it is gone. */
  async restore(saved: SavedState): Promise<void> {
    const name = saved.textOrNull('name');
    const bytes = saved.whole('bytes');
    if (name === null) return;
    if (!NAME.test(name)) {
      throw new DataError(`TensorBoard: its saved state names no event file, but '${name}'. Save it again.`);
    }
    const file = new AppendedFile(WHO, this.#pathOf(name), INSTEAD);
    await file.begin();
    await file.keep((content) => wholeRecords(content, bytes));
    [this.#name, this.#file] = [name, file];
  }

  async #write(): Promise<void> {
    const waiting = [...this.#waiting];
    if (waiting.length === 0) return;
    this.#file ??= await this.#create();
    // Nothing in a file is older than its first record.
    const version = encodeRecord(encodeVersion(waiting[0].time));
    await this.#file.append(concat(waiting.map(({ record }) => record)), version);
    this.#waiting.splice(0, waiting.length);
  }

  /** A file that nobody has: TensorBoard reads those of a folder in the order of their names. */
  async #create(): Promise<AppendedFile> {
    await this.prepare();
    const { open } = files(WHO, INSTEAD);
    const seconds = Math.floor(now());
    for (let count = 0; ; count++) {
      // Where other programs put the name of the machine, which is nobody's business, stands what wrote it.
      const name = `events.out.tfevents.${seconds}.wgrad.${process.pid}.${count}.v2`;
      const path = this.#pathOf(name);
      try {
        await onDisk(WHO, path, async () => (await open(path, 'wx')).close());
        this.#name = name;
        return new AppendedFile(WHO, path, INSTEAD);
      } catch (error) {
        if (!isTaken(error)) throw error;
      }
    }
  }

  #pathOf(name: string): string {
    return `${this.#folder}/${name}`;
  }
}

/** Whether an error is that of a file which is there already. */
const isTaken = (error: unknown): boolean =>
  error instanceof FileError && error.cause instanceof Error && 'code' in error.cause && error.cause.code === 'EEXIST';

function concat(parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const part of parts) {
    whole.set(part, at);
    at += part.length;
  }
  return whole;
}
