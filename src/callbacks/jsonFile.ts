/** A file of JSON Lines with an object an epoch, which outlives a kill. Loaded when a training writes one. */

import { AppendedFile, endsLine, wholeLines } from '../io/appendedFile.ts';
import type { Logs } from './callback.ts';
import type { Interruption } from './trainingRecord.ts';

export class JsonFile {
  /** Its lines are those that were added and those that it found. */
  readonly #file: AppendedFile;

  constructor(path: string) {
    this.#file = new AppendedFile('JSONLogger', path, 'Use it in Node, or History here.');
  }

  get bytes(): number {
    return this.#file.bytes;
  }

  begin(): Promise<void> {
    return this.#file.begin();
  }

  /** `cut`: where the epoch was cut short. */
  async add(epoch: number, logs: Logs, cut: Interruption | null): Promise<void> {
    const others = Object.entries(logs).filter(([key]) => key !== 'epoch');
    const fields = [['epoch', epoch] as const, ...others].map(
      ([key, value]) => `${JSON.stringify(key)}:${text(value)}`,
    );
    if (cut !== null) fields.push(`"interrupted":{"batches":${cut.batches},"of":${cut.of}}`);
    await this.#file.append(`{${fields.join(',')}}\n`);
  }

  /** Goes on with the whole lines among the first `most` bytes of the file; what is behind them is cut off. */
  async keep(most: number): Promise<void> {
    const old = await this.#file.keep((content) => {
      const whole = wholeLines(content, most);
      // A line that another program wrote may lack its end and yet be whole.
      return isJson(content.subarray(whole, most)) ? Math.min(most, content.length) : whole;
    });
    if (old.length > 0 && !endsLine(old)) await this.#file.append('\n');
  }
}

const text = (value: number): string => (Number.isFinite(value) ? String(value) : `"${value}"`);

/** Whether a line is complete: JSON that was cut off does not parse. */
function isJson(line: Uint8Array): boolean {
  try {
    JSON.parse(new TextDecoder().decode(line));
    return true;
  } catch {
    return false;
  }
}
