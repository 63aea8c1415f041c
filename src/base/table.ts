/** Tables as text, for terminals and consoles. */

export interface Column {
  readonly head: string;
  /** Numbers stand to the right; default: to the left, as words do. */
  readonly right?: boolean;
  /** Columns of the terminal that it takes at least, where rows come that are not known yet; default: as its head. */
  readonly least?: number;
  /** Longer cells are cut off at so many characters, or at the table's width; default: none is. */
  readonly most?: number | 'rest';
}

/** Most columns of a terminal that a table takes where it can be cut. */
const WIDTH = 100;
/** Columns between two cells. */
const GAP = 2;

/** Columns whose widths are known: lines can be printed one by one. */
export class Table {
  readonly #columns: readonly Column[];
  readonly #widths: number[] = [];

  /** `rows`: those that are known already. */
  constructor(columns: readonly Column[], rows: readonly (readonly string[])[] = []) {
    this.#columns = columns;
    let before = 0;
    for (const [at, { head, least = 0, most = Number.POSITIVE_INFINITY }] of columns.entries()) {
      const narrowest = Math.max(head.length, least);
      const longest = Math.max(narrowest, ...rows.map((row) => row[at].length));
      const width = Math.min(longest, Math.max(narrowest, most === 'rest' ? WIDTH - before : most));
      this.#widths.push(width);
      before += width + GAP;
    }
  }

  get heads(): string {
    return this.line(this.#columns.map(({ head }) => head));
  }

  get rule(): string {
    return '─'.repeat(this.#widths.reduce((sum, width) => sum + width + GAP, -GAP));
  }

  /** A row, as far as it goes. */
  line(row: readonly string[]): string {
    return row
      .map((cell, at) => {
        const { right, most } = this.#columns[at];
        const width = this.#widths[at];
        const shown = most !== undefined && cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
        return right ? shown.padStart(width) : shown.padEnd(width);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  }
}

/** The lines of a table: heads, a rule, and the rows; after each further group of rows a rule again. */
export function tableLines(
  columns: readonly Column[],
  ...groups: readonly (readonly (readonly string[])[])[]
): string[] {
  const table = new Table(columns, groups.flat());
  return [table.heads, ...groups.flatMap((rows) => [table.rule, ...rows.map((row) => table.line(row))])];
}
