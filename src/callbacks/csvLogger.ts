import { checkText, flagOf, refuse } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { SavedState, State } from '../io/state.ts';
import { Callback, type Logs } from './callback.ts';
import type { CsvFile } from './csvFile.ts';

/** Options of `CSVLogger`. */
export interface CSVLoggerOptions {
  /** Between two values. Default `,`. */
  separator?: string;
  /** Whether to go on with an existing file, a torn last line left out, instead of replacing it. Default false. */
  append?: boolean;
}

/**
 * Writes one line an epoch to a CSV file, columns in Keras' order: `epoch` (from 0), then the first epoch's keys sorted.
 * A first epoch without validation reserves `val_` columns; what an epoch lacks is `NA`. A training that goes on after an
 * interruption goes on with its file: lines that are not of its epochs so far are cut off. A file that was removed or emptied
 * meanwhile, as where logs are rotated, begins anew with the header. Names of metrics are written as they are: a spreadsheet
 * takes one that begins with `=`, `+`, `-` or `@` for a formula. Only in Node.
 */
export class CSVLogger extends Callback {
  /** @internal */
  static override readonly name: string = 'CSVLogger';
  readonly path: string;
  readonly separator: string;
  readonly append: boolean;
  #file: CsvFile | null = null;

  /**
   * @param path of the file. Missing folders are made.
   * @throws ArgumentError for an empty path or separator, or a separator with quotes or line breaks
   */
  constructor(path: string, options: CSVLoggerOptions = {}) {
    super();
    const { separator, append } = takeOptions('CSVLogger', options, { separator: ',', append: false });
    checkText('CSVLogger', 'path', path);
    checkText('CSVLogger', 'separator', separator);
    if (/["\r\n]/.test(separator)) {
      refuse('CSVLogger', 'separator', 'without quotes and line breaks', separator, "Pass ',' or ';'.");
    }
    this.path = path;
    this.separator = separator;
    this.append = flagOf(append, 'CSVLogger', 'append');
  }

  override async onTrainBegin(): Promise<void> {
    const { CsvFile } = await import('./onDemand.ts');
    this.#file = new CsvFile(this.path, this.separator);
    await this.#file.begin();
    if (this.append) await this.#file.keep(Number.POSITIVE_INFINITY);
  }

  override state(): State {
    return { bytes: this.#file?.bytes ?? 0 };
  }

  override async restore(saved: SavedState): Promise<void> {
    const bytes = saved.whole('bytes');
    if (bytes > 0 || this.append) await this.#file?.keep(bytes);
  }

  override async onEpochEnd(epoch: number, logs: Logs): Promise<void> {
    await this.#file?.add(epoch, logs);
  }
}
