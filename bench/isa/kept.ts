/** Files of rows, as JSON Lines. */
import { readFileSync } from 'node:fs';
import { writeFile } from '../../examples/study/files.ts';
import { FAMILY_NAMES } from './families.ts';
import { type Counts, NOTHING } from './machineCode.ts';
import type { KernelRow } from './row.ts';

/** Changes with the meaning of what is kept. */
const FORMAT = 'wgrad-isa-1';

const COUNTED: readonly string[] = ['loop', 'turn', 'whole'];

/** Counts without what there is none of: half of the file. */
function shortened(key: string, value: unknown): unknown {
  if (!COUNTED.includes(key) || typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).filter(([, count]) => count !== 0));
}

const completed = (counts: Counts | null): Counts | null => (counts === null ? null : { ...NOTHING, ...counts });

/** A row a line, so that versions of the file can be compared; the format before them. */
export async function writeRows(path: string, rows: readonly KernelRow[]): Promise<void> {
  const lines = [JSON.stringify({ format: FORMAT }), ...rows.map((row) => JSON.stringify(row, shortened))];
  await writeFile(path, `${lines.join('\n')}\n`);
}

/** Rows that were written. Throws where the file is not one of these. */
export function readRows(path: string): KernelRow[] {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    throw new Error(`${path} cannot be read. Make it with --keep ${path}.`, { cause });
  }
  const [head, ...lines] = text.trimEnd().split('\n');
  if (head !== JSON.stringify({ format: FORMAT })) {
    throw new Error(
      `${path} begins with '${head.slice(0, 40)}', expected format '${FORMAT}'. Make it anew with --keep ${path}.`,
    );
  }
  return lines
    .map((line): KernelRow => JSON.parse(line))
    .filter(({ family }) => FAMILY_NAMES.includes(family))
    .map(restored);
}

function restored(row: KernelRow): KernelRow {
  const { result } = row;
  if ('error' in result) return row;
  const { loop, turn, whole } = result;
  return {
    ...row,
    result: { ...result, loop: completed(loop), turn: completed(turn), whole: { ...NOTHING, ...whole } },
  };
}
