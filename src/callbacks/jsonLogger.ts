import { AppendedFile, endsLine, wholeLines } from '../io/appendedFile.ts';
import type { SavedState, State } from '../io/state.ts';
import { Callback, type Logs } from './callback.ts';
import { checkText } from './options.ts';

/** Options of `JSONLogger`. */
export interface JSONLoggerOptions {
  /** Whether to go on with an existing file, a torn last line left out, instead of replacing it. Default false. */
  append?: boolean;
}

const INSTEAD = 'Use it in Node, or History here.';

/**
 * Writes one JSON object a line an epoch (JSON Lines): `epoch` (from 0), then all logs of that epoch. JSON has no NaN:
 * numbers that are not finite are the strings `"NaN"`, `"Infinity"` and `"-Infinity"`, as protocol buffers have them in JSON;
 * JavaScript's `Number`, Python's `float` and pandas' `read_json` take both forms. A training that goes on after an
 * interruption goes on with its file: lines that are not of its epochs so far are cut off. Only in Node.
 */
export class JSONLogger extends Callback {
  readonly path: string;
  readonly append: boolean;
  /** Its lines are this logger's and those that it found. */
  readonly #file: AppendedFile;

  /**
   * @param path of the file. Missing folders are made.
   * @throws ArgumentError for an empty path
   */
  constructor(path: string, { append = false }: JSONLoggerOptions = {}) {
    super();
    checkText('JSONLogger', 'path', path);
    this.path = path;
    this.append = append;
    this.#file = new AppendedFile('JSONLogger', path, INSTEAD);
  }

  override async onTrainBegin(): Promise<void> {
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
    const others = Object.entries(logs).filter(([key]) => key !== 'epoch');
    const fields = [['epoch', epoch] as const, ...others].map(
      ([key, value]) => `${JSON.stringify(key)}:${text(value)}`,
    );
    await this.#file.append(`{${fields.join(',')}}\n`);
  }

  /** Goes on with the whole lines among the first `most` bytes of the file; what is behind them is cut off. */
  async #keep(most: number): Promise<void> {
    const old = await this.#file.keep((content) => {
      const whole = wholeLines(content, most);
      // A line that another program wrote may lack its end and yet be whole.
      return isJson(content.subarray(whole, most)) ? Math.min(most, content.length) : whole;
    });
    if (old.length > 0 && !endsLine(old)) await this.#file.append('\n');
  }
}

const text = (value: number): string => (Number.isFinite(value) ? String(value) : `"${value}"`);

/** An object of which a part is missing is none. */
function isJson(line: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder().decode(line));
    return true;
  } catch {
    return false;
  }
}
