/** Tables whose rows are printed as results come, and their numbers. */
import { type Column, Table } from '../src/graph.ts';

export class PrintedTable {
  readonly #table: Table;
  readonly #print: (line: string) => void;

  /** Prints the heads. */
  constructor(print: (line: string) => void, columns: readonly Column[]) {
    this.#table = new Table(columns);
    this.#print = print;
    print(this.#table.heads);
    print(this.#table.rule);
  }

  row(cells: readonly string[]): void {
    this.#print(this.#table.line(cells));
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
