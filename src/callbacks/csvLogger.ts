import { Callback, type Logs } from './callback.ts';
import { makeFolderOf, nodeFiles } from './nodeFiles.ts';
import { checkText } from './options.ts';

export interface CSVLoggerOptions {
  /** Between two values. Default `,`. */
  separator?: string;
  /** Whether to go on with an existing file instead of replacing it. Default false. */
  append?: boolean;
}

/**
 * Writes one line an epoch to a CSV file, columns in Keras' order: `epoch` (from 0), then the first epoch's keys sorted.
 * A first epoch without validation reserves `val_` columns; what an epoch lacks is `NA`. Only in Node.
 */
export class CSVLogger extends Callback {
  readonly path: string;
  readonly separator: string;
  readonly append: boolean;
  #columns: string[] | null = null;

  /** @throws ArgumentError for an empty path or separator. */
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
    const files = await nodeFiles('CSVLogger');
    await makeFolderOf('CSVLogger', this.path);
    if (!this.append) return files.writeFile(this.path, '');
    const old = await files.readFile(this.path, 'utf8').catch(() => '');
    if (old === '') return;
    // The old header decides the columns: rows of another order under it would be misread silently.
    this.#columns = parseRow(old.split(/\r?\n/, 1)[0], this.separator);
    if (!old.endsWith('\n')) await files.appendFile(this.path, '\r\n');
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    const { appendFile } = await nodeFiles('CSVLogger');
    let text = '';
    if (this.#columns === null) {
      this.#columns = ['epoch', ...columnsFor(Object.keys(logs))];
      text = this.#row(this.#columns);
    }
    const values: Logs = { ...logs, epoch };
    text += this.#row(this.#columns.map((key) => (Object.hasOwn(values, key) ? numberText(values[key]) : 'NA')));
    await appendFile(this.path, text);
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
