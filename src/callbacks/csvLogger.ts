import { AppendedFile, endsLine, wholeLines } from '../io/appendedFile.ts';
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
  /** Its lines are this logger's and those that it found. */
  readonly #file: AppendedFile;
  #columns: string[] | null = null;

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
    this.#file = new AppendedFile('CSVLogger', path, INSTEAD);
  }

  override async onTrainBegin(): Promise<void> {
    this.#columns = null;
    await this.#file.begin();
    if (this.append) await this.#keep(Number.POSITIVE_INFINITY);
  }

  override state(): State {
    return { bytes: this.#file.bytes };
  }

  override async restore(saved: SavedState): Promise<void> {
    const bytes = saved.whole('bytes');
    if (bytes > 0 || this.append) await this.#keep(bytes);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    let text = '';
    if (this.#columns === null) {
      this.#columns = ['epoch', ...columnsFor(Object.keys(logs))];
      text = this.#row(this.#columns);
    }
    const values: Logs = { ...logs, epoch };
    text += this.#row(this.#columns.map((key) => (Object.hasOwn(values, key) ? numberText(values[key]) : 'NA')));
    await this.#file.append(text);
  }

  /** Goes on with the whole lines among the first `most` bytes of the file; what is behind them is cut off. */
  async #keep(most: number): Promise<void> {
    const old = await this.#file.keep((content) => {
      // A header may lack its end.
      return wholeLines(content, content.length) === 0 ? content.length : wholeLines(content, most);
    });
    if (old.length > 0 && !endsLine(old)) await this.#file.append('\r\n');
    // The old header decides the columns: rows of another order under it would be misread silently.
    const [header] = new TextDecoder().decode(old).split(/\r?\n/, 1);
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
