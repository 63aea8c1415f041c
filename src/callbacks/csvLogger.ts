import { ArgumentError } from '../errors.ts';
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
 * interruption goes on with its file: lines that are not of its epochs so far are cut off. A file that was removed or emptied
 * meanwhile, as where logs are rotated, begins anew with the header. Names of metrics are written as they are: a spreadsheet
 * takes one that begins with `=`, `+`, `-` or `@` for a formula. Only in Node.
 */
export class CSVLogger extends Callback {
  readonly path: string;
  readonly separator: string;
  readonly append: boolean;
  /** Its lines are this logger's and those that it found. */
  readonly #file: AppendedFile;
  #columns: readonly string[] | null = null;

  /**
   * @param path of the file. Missing folders are made.
   * @throws ArgumentError for an empty path or separator, or a separator with quotes or line breaks
   */
  constructor(path: string, { separator = ',', append = false }: CSVLoggerOptions = {}) {
    super();
    checkText('CSVLogger', 'path', path);
    checkText('CSVLogger', 'separator', separator);
    if (/["\r\n]/.test(separator)) {
      throw new ArgumentError(
        `CSVLogger: separator must hold no quote and no line break, got ${JSON.stringify(separator)}: pass ',' or ';'`,
      );
    }
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
    this.#columns ??= ['epoch', ...columnsFor(Object.keys(logs).filter((key) => key !== 'epoch'))];
    const values: Logs = { ...logs, epoch };
    const row = this.#columns.map((key) => (Object.hasOwn(values, key) ? numberText(values[key]) : 'NA'));
    await this.#file.append(this.#row(row), this.#row(this.#columns));
  }

  /** Goes on with the whole lines among the first `most` bytes of the file; what is behind them is cut off. */
  async #keep(most: number): Promise<void> {
    const old = await this.#file.keep((content) => {
      // A header may lack its end.
      return wholeLines(content, content.length) === 0 ? content.length : wholeLines(content, most);
    });
    if (old.length > 0 && !endsLine(old)) await this.#file.append('\r\n');
    // The old header decides the columns: rows of another order under it would be misread silently. A first line that is none
    // names no epoch.
    const header = parseRow(new TextDecoder().decode(old), this.separator);
    this.#columns = header.includes('epoch') ? header : null;
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

/** The first row of a text. Only quoted fields go on over the end of a line. */
function parseRow(text: string, separator: string): string[] {
  const fields: string[] = [];
  for (let at = 0; ; ) {
    const quoted = /"((?:[^"]|"")*)"/y;
    quoted.lastIndex = at;
    const [whole, inner] = quoted.exec(text) ?? [];
    const from = at + (whole?.length ?? 0);
    const lineEnd = text.slice(from).search(/\r?\n|$/) + from;
    const end = text.indexOf(separator, from);
    const stop = end < 0 ? lineEnd : Math.min(end, lineEnd);
    fields.push(inner === undefined ? text.slice(at, stop) : inner.replaceAll('""', '"'));
    if (stop === lineEnd) return fields;
    at = stop + separator.length;
  }
}
