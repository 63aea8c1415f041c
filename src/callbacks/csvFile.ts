/** A CSV file with a row an epoch, which outlives a kill. Loaded when a training writes one. */

import { AppendedFile, endsLine, wholeLines } from '../io/appendedFile.ts';
import type { Logs } from './callback.ts';

export class CsvFile {
  /** Its lines are those that were added and those that it found. */
  readonly #file: AppendedFile;
  readonly #separator: string;
  #columns: readonly string[] | null = null;

  constructor(path: string, separator: string) {
    this.#file = new AppendedFile('CSVLogger', path, 'Use it in Node, or History here.');
    this.#separator = separator;
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  begin(): Promise<void> {
    return this.#file.begin();
  }

  async add(epoch: number, logs: Logs): Promise<void> {
    this.#columns ??= ['epoch', ...columnsFor(Object.keys(logs).filter((key) => key !== 'epoch'))];
    const values: Logs = { ...logs, epoch };
    const row = this.#columns.map((key) => (Object.hasOwn(values, key) ? numberText(values[key]) : 'NA'));
    await this.#file.append(this.#row(row), this.#row(this.#columns));
  }

  /** Goes on with the whole lines among the first `most` bytes of the file; what is behind them is cut off. */
  async keep(most: number): Promise<void> {
    const old = await this.#file.keep((content) => {
      // A header may lack its end.
      return wholeLines(content, content.length) === 0 ? content.length : wholeLines(content, most);
    });
    if (old.length > 0 && !endsLine(old)) await this.#file.append('\r\n');
    // The old header decides the columns: rows of another order under it would be misread silently. A first line that is none
    // names no epoch.
    const header = parseRow(new TextDecoder().decode(old), this.#separator);
    this.#columns = header.includes('epoch') ? header : null;
  }

  #row(fields: readonly string[]): string {
    const special = [this.#separator, '"', '\n', '\r'];
    const quoted = fields.map((field) =>
      special.some((mark) => field.includes(mark)) ? `"${field.replaceAll('"', '""')}"` : field,
    );
    return `${quoted.join(this.#separator)}\r\n`;
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
