/** Aligned text for the terminal, printed line by line as results come. */

export interface Column {
  readonly head: string;
  readonly width: number;
  /** Words to the left, numbers to the right. */
  readonly left?: boolean;
}

function line(columns: readonly Column[], cells: readonly string[]): string {
  return cells
    .map((cell, at) => (columns[at].left ? cell.padEnd(columns[at].width) : cell.padStart(columns[at].width)))
    .join('  ')
    .trimEnd();
}

export class Table {
  readonly #columns: readonly Column[];
  readonly #print: (line: string) => void;

  /** Prints the header; columns are at least as wide as it. */
  constructor(print: (line: string) => void, columns: readonly Column[]) {
    this.#print = print;
    this.#columns = columns.map((column) => ({ ...column, width: Math.max(column.width, column.head.length) }));
    const heads = this.#columns.map((column) => column.head);
    print(line(this.#columns, heads));
    print('─'.repeat(this.#columns.reduce((sum, column) => sum + column.width + 2, -2)));
  }

  row(cells: readonly string[]): void {
    this.#print(line(this.#columns, cells));
  }
}

/** About three significant digits, without exponents. */
export function short(value: number): string {
  if (!Number.isFinite(value)) return '–';
  if (value >= 100) return Math.round(value).toLocaleString('en-US');
  return value.toFixed(value >= 10 ? 1 : value >= 1 ? 2 : 3);
}

/** From where to where the middle half of the measurements lies. */
export const range = (low: number, high: number): string => `${short(low)}–${short(high)}`;

export const percent = (share: number): string => `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`;
