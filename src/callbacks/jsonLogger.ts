import { checkText, flagOf } from '../base/checks.ts';
import { takeOptions } from '../base/optionNames.ts';
import type { SavedState, State } from '../io/state.ts';
import { Callback, type Logs } from './callback.ts';
import type { JsonFile } from './jsonFile.ts';

/** Options of `JSONLogger`. */
export interface JSONLoggerOptions {
  /** Whether to go on with an existing file, a torn last line left out, instead of replacing it. Default false. */
  append?: boolean;
}

/**
 * Writes one JSON object a line an epoch (JSON Lines): `epoch` (from 0), then all logs of that epoch, and for one that was
 * cut short `interrupted` with the `batches` that were trained `of` all. JSON has no NaN:
 * numbers that are not finite are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, as protocol buffers have them in JSON;
 * JavaScript's `Number`, Python's `float` and pandas' `read_json` take both forms. A training that goes on after an
 * interruption goes on with its file: lines that are not of its epochs so far are cut off. Only in Node.
 */
export class JSONLogger extends Callback {
  /** @internal */
  static override readonly name: string = 'JSONLogger';
  readonly path: string;
  readonly append: boolean;
  #file: JsonFile | null = null;

  /**
   * @param path of the file. Missing folders are made.
   * @throws ArgumentError for an empty path
   */
  constructor(path: string, options: JSONLoggerOptions = {}) {
    super();
    const { append } = takeOptions('JSONLogger', options, { append: false });
    checkText('JSONLogger', 'path', path);
    this.path = path;
    this.append = flagOf(append, 'JSONLogger', 'append');
  }

  override async onTrainBegin(): Promise<void> {
    const { JsonFile } = await import('./onDemand.ts');
    this.#file = new JsonFile(this.path);
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
    await this.#file?.add(epoch, logs, this.interruptionOf(epoch));
  }
}
