/**
 * A terminal with a picture below its newest line. Progress bar and messages write as if it were not there: it makes way
 * for what is written and is drawn anew underneath. The cursor waits above it, at the start of the bar's line, so erasing
 * from the cursor on removes all of it, whatever the terminal did to its lines meanwhile.
 */
import type { Print, ProgressStream } from '../../src/index.ts';
import { USUAL_COLUMNS, wrap } from './wrap.ts';

/** Where it all goes; `process.stdout` is one. */
export interface Terminal extends ProgressStream {
  /** Height of the terminal. */
  readonly rows?: number;
}

export interface Size {
  readonly columns: number;
  readonly rows: number;
}

/** Lines narrower than the terminal; none where it is too small for them. */
export type Picture = (size: Size) => readonly string[];

/** Environment variables that programs agree on: no colour where the one is not empty (no-color.org), `TERM=dumb`. */
export interface TerminalVariables {
  readonly NO_COLOR?: string;
  readonly TERM?: string;
}

const ERASE_BELOW = '\x1b[J';
const ERASE_RIGHT = '\x1b[K';

export class Screen implements ProgressStream {
  /** Whether pictures may be coloured. */
  readonly colour: boolean;
  readonly #terminal: Terminal;
  /** Whether the cursor can be moved up. */
  readonly #movable: boolean;
  #picture: Picture | null = null;
  /** What stands below the cursor. */
  #drawn = '';

  constructor(terminal: Terminal, { NO_COLOR = '', TERM }: TerminalVariables) {
    this.#terminal = terminal;
    this.#movable = terminal.isTTY === true && TERM !== 'dumb';
    this.colour = this.#movable && NO_COLOR === '';
  }

  get isTTY(): boolean {
    return this.#terminal.isTTY === true;
  }

  get columns(): number | undefined {
    return this.#terminal.columns;
  }

  /** Columns that a printed line may take. */
  get width(): number {
    return (this.isTTY && this.#terminal.columns) || USUAL_COLUMNS;
  }

  /** Writes a text that ends at a line's start: with a line feed, or with a carriage return. */
  write(text: string): void {
    const lines = this.#lines();
    // Back up to the line that the text ended in.
    const picture = lines.length === 0 ? '' : `\n${lines.join('\n')}\x1b[${lines.length}A\r`;
    // A bar drawn over itself moves nothing, and a picture that is not drawn anew does not flicker.
    const stays = picture === this.#drawn && (picture === '' || !text.includes('\n'));
    this.#drawn = picture;
    this.#terminal.write(stays ? text : `${ERASE_BELOW}${text}${picture}`);
  }

  /** Prints a line, in a terminal broken between its words where it is too long. It replaces the bar, whose rest is erased. */
  readonly print: Print = (line) => {
    if (!this.isTTY) return this.write(`${line}\n`);
    const lines = line.split('\n').flatMap((one) => wrap(one, this.width));
    this.write(lines.map((one) => `${one}${ERASE_RIGHT}\n`).join(''));
  };

  /** Puts a picture below from the next text on; it is asked for anew at each. */
  show(picture: Picture): void {
    if (this.#movable) this.#picture = picture;
  }

  /** Leaves the picture where it is, as text among the others. */
  keep(): void {
    const lines = this.#lines();
    this.remove();
    if (lines.length > 0) this.#terminal.write(`${lines.join('\n')}\n`);
  }

  /** Takes the picture away. */
  remove(): void {
    this.#picture = null;
    if (this.#drawn !== '') this.#terminal.write(ERASE_BELOW);
    this.#drawn = '';
  }

  #lines(): readonly string[] {
    // A terminal that does not know its size says 0.
    return this.#picture?.({ columns: this.#terminal.columns || 80, rows: this.#terminal.rows || 24 }) ?? [];
  }
}
