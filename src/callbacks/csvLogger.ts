import { files } from '#platform';
import { makeFolderOf, onDisk } from '../io/files.ts';
import type { SavedState, State } from '../io/state.ts';
import { Callback, type Logs } from './callback.ts';
import { checkText } from './options.ts';

/** Options of `CSVLogger`. */
export interface CSVLoggerOptions {
  /** Between two values. Default `,`. */
  separator?: string;
  /** Whether to go on with an existing file, a torn last line left out, instead of replacing it. Default false. */
  append?: boolean;
}

const LINE_FEED = 10;
const INSTEAD = 'Use it in Node, or History here.';

/**
 * Writes one line an epoch to a CSV file, columns in Keras' order: `epoch` (from 0), then the first epoch's keys sorted.
 * A first epoch without validation reserves `val_` columns; what an epoch lacks is `NA`. A training that goes on after an
 * interruption goes on with its file: lines that are not of its epochs so far are cut off. Only in Node.
 */
export class CSVLogger extends Callback {
  readonly path: string;
  readonly separator: string;
  readonly append: boolean;
  #columns: string[] | null = null;
  /** Of this logger's lines and those that it found; 0: the next one begins the file. */
  #bytes = 0;

  /**
   * @param path of the file. Missing folders are made.
   * @throws ArgumentError for an empty path or separator
   */
  constructor(path: string, { separator = ',', append = false }: CSVLoggerOptions = {}) {
    super();
    checkText('CSVLogger', 'path', path);
    checkText('CSVLogger', 'separator', separator);
    this.path = path;
    this.separator = separator;
    this.append = append;
  }

  override async onTrainBegin(): Promise<void> {
    this.#columns = null;
    this.#bytes = 0;
    await makeFolderOf('CSVLogger', this.path, INSTEAD);
    // A file that cannot be written is told of before the first epoch. It is replaced only after it: training may go on.
    await this.#append('');
    if (this.append) await this.#keep(Number.POSITIVE_INFINITY);
  }

  override state(): State {
    return { bytes: this.#bytes };
  }

  override async restore(saved: SavedState): Promise<void> {
    const bytes = saved.whole('bytes');
    if (bytes > 0) await this.#keep(bytes);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    let text = '';
    if (this.#columns === null) {
      this.#columns = ['epoch', ...columnsFor(Object.keys(logs))];
      text = this.#row(this.#columns);
    }
    const values: Logs = { ...logs, epoch };
    text += this.#row(this.#columns.map((key) => (Object.hasOwn(values, key) ? numberText(values[key]) : 'NA')));
    if (this.#bytes === 0) await this.#truncate(0);
    await this.#append(text);
    this.#bytes += new TextEncoder().encode(text).length;
  }

  /** On the disk when it returns. */
  async #append(text: string): Promise<void> {
    const { open } = files('CSVLogger', INSTEAD);
    await onDisk('CSVLogger', this.path, async () => {
      const file = await open(this.path, 'a');
      try {
        await file.writeFile(text);
        await file.sync();
      } finally {
        await file.close();
      }
    });
  }

  async #truncate(bytes: number): Promise<void> {
    const { truncate } = files('CSVLogger', INSTEAD);
    await onDisk('CSVLogger', this.path, () => truncate(this.path, bytes));
  }

  /** Goes on with the whole lines among the first `most` bytes of the file; what is behind them is cut off. */
  async #keep(most: number): Promise<void> {
    const { readFile } = files('CSVLogger', INSTEAD);
    const old = await onDisk('CSVLogger', this.path, () => readFile(this.path));
    if (old.length > 0 && !old.includes(LINE_FEED)) {
      await this.#append('\r\n');
      this.#bytes = old.length + 2;
    } else {
      this.#bytes = old.subarray(0, most).lastIndexOf(LINE_FEED) + 1;
      await this.#truncate(this.#bytes);
    }
    // The old header decides the columns: rows of another order under it would be misread silently.
    const [header] = old.subarray(0, this.#bytes).toString().split(/\r?\n/, 1);
    this.#columns = header === '' ? null : parseRow(header, this.separator);
  }

  #row(fields: readonly string[]): string {
    const special = [this.separator, '"', '\n', '\r'];
    const quoted = fields.map((field) =>
      special.some((mark) => field.includes(mark)) ? `"${field.replaceAll('"', '""')}"` : field,
    );
    return `${quoted.join(this.separator)}\r\n`;
  }
}

function columnsFor(keys: readonly string[]): string[] {
  const sorted = [...keys].sort();
  if (sorted.some((key) => key.startsWith('val_'))) return sorted;
  // wgrad's logs always hold the learning rate, which has no validation twin.
  return [...sorted, ...sorted.filter((key) => key !== 'learning_rate').map((key) => `val_${key}`)];
}

/** As Python and pandas spell numbers. */
function numberText(value: number): string {
  if (Number.isNaN(value)) return 'nan';
  return String(value).replace('Infinity', 'inf');
}

function parseRow(line: string, separator: string): string[] {
  const fields: string[] = [];
  let at = 0;
  while (at <= line.length) {
    const quoted = line.startsWith('"', at) ? /^"((?:[^"]|"")*)"/.exec(line.slice(at)) : null;
    const end = line.indexOf(separator, at + (quoted === null ? 0 : quoted[0].length));
    const stop = end < 0 ? line.length : end;
    fields.push(quoted === null ? line.slice(at, stop) : quoted[1].replaceAll('""', '"'));
    at = stop + separator.length;
  }
  return fields;
}
