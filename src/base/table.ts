/** Tables as text, for terminals and consoles. */

export interface Column {
  readonly head: string;
  /** Numbers stand to the right; default: to the left, as words do. */
  readonly right?: boolean;
  /** Longer cells are cut off at so many characters, or at the table's width; default: none is. */
  readonly most?: number | 'rest';
}

/** Most columns of a terminal that a table takes where it can be cut. */
const WIDTH = 100;
/** Columns between two cells. */
const GAP = 2;

/** The lines of a table: heads, a rule, and the rows; after each further group of rows a rule again. */
export function tableLines(
  columns: readonly Column[],
  ...groups: readonly (readonly (readonly string[])[])[]
): string[] {
  const rows = groups.flat();
  const widths: number[] = [];
  for (const [at, { head, most = Number.POSITIVE_INFINITY }] of columns.entries()) {
    const longest = Math.max(head.length, ...rows.map((row) => row[at].length));
    const before = widths.reduce((sum, width) => sum + width + GAP, 0);
    widths.push(Math.min(longest, Math.max(head.length, most === 'rest' ? WIDTH - before : most)));
  }
  const line = (row: readonly string[]): string =>
    row
      .map((cell, at) => {
        const width = widths[at];
        const shown = cell.length > width ? `${cell.slice(0, width - 1)}…` : cell;
        return columns[at].right ? shown.padStart(width) : shown.padEnd(width);
      })
      .join(' '.repeat(GAP))
      .trimEnd();
  const rule = '─'.repeat(widths.reduce((sum, width) => sum + width + GAP, -GAP));
  return [line(columns.map(({ head }) => head)), ...groups.flatMap((some) => [rule, ...some.map(line)])];
}
