/** Rows as text: for each family and network a table of products, and one of the kernels that move memory. */
import { type Column, tableLines } from '../../src/graph.ts';
import { FAMILIES } from './families.ts';
import type { Figures, KernelRow } from './row.ts';

/** A row that was compiled. */
interface CompiledRow extends KernelRow {
  readonly result: Figures;
}

const isCompiled = (row: KernelRow): row is CompiledRow => !('error' in row.result);

/** A kernel's batches, and the plan where the other one has another kernel. */
function batchText({ batches, subgroups }: KernelRow): string {
  const plan = subgroups === 'with' ? ', subgroups' : subgroups === 'without' ? ', no subgroups' : '';
  return `${batches.join(' ')}${plan}`;
}

function rangeText(numbers: readonly number[]): string {
  if (numbers.length === 0) return '';
  const [least, most] = [Math.min(...numbers), Math.max(...numbers)];
  return least === most ? String(least) : `${least}–${most}`;
}

const NAMES: readonly Column[] = [
  { head: 'kernel', most: 34 },
  { head: 'fused into it', most: 24 },
  { head: 'layer', most: 16 },
  { head: 'for', most: 9 },
  { head: 'batches', most: 30 },
  { head: 'workgroups', right: true },
  { head: 'of', right: true },
];
const REGISTERS: readonly Column[] = [
  { head: 'wave', right: true },
  { head: 'vgpr', right: true },
  { head: 'sgpr', right: true },
  { head: 'spills', right: true },
  { head: 'waves', right: true },
  { head: 'LDS', right: true },
  { head: 'code', right: true },
];

const namesOf = (row: CompiledRow): string[] => [
  row.nth === 1 ? row.label : `${row.label} #${row.nth}`,
  row.fused.join(', '),
  row.layer ?? '',
  row.direction ?? '',
  batchText(row),
  rangeText(row.workgroups),
  String(row.result.threads),
];

const registersOf = (figures: Figures): string[] => [
  String(figures.wave),
  String(figures.vectorRegisters),
  String(figures.scalarRegisters),
  figures.spilled + figures.scratchBytes === 0 ? '' : `${figures.spilled} (${figures.scratchBytes} B)`,
  String(figures.waves),
  figures.workgroupMemoryBytes === 0 ? '' : String(figures.workgroupMemoryBytes),
  String(figures.codeBytes),
];

/** A table without the columns that no row fills. */
function filledLines(columns: readonly Column[], rows: readonly (readonly string[])[]): string[] {
  const filled = columns.map((_, at) => rows.some((row) => row[at] !== ''));
  const kept = <T>(all: readonly T[]): T[] => all.filter((_, at) => filled[at]);
  return tableLines(kept(columns), rows.map(kept));
}

function productsTable(rows: readonly CompiledRow[]): string[] {
  const columns: Column[] = [
    ...NAMES,
    ...REGISTERS,
    { head: 'fma', right: true },
    { head: 'vector', right: true },
    { head: 'of LDS', right: true },
    { head: 'loads', right: true },
    { head: 'bytes', right: true },
    { head: 'around', right: true },
    { head: 'of peak', right: true },
    { head: 'bound by' },
    { head: 'next' },
  ];
  const cells = rows.map((row) => {
    const { loop, bound } = row.result;
    return [
      ...namesOf(row),
      ...registersOf(row.result),
      ...[loop?.multiplyAdds, loop?.vector, loop?.workgroupBytes, loop?.loads, loop?.loadBytes].map((value) =>
        String(value ?? ''),
      ),
      row.result.around === 0 ? '' : `+${row.result.around}`,
      bound === null ? '' : bound.share.toFixed(2),
      bound?.by ?? '',
      bound === null ? '' : `${bound.next.share.toFixed(2)} ${bound.next.by}`,
    ];
  });
  return filledLines(columns, cells);
}

function moversTable(rows: readonly CompiledRow[]): string[] {
  const columns: Column[] = [
    ...NAMES,
    ...REGISTERS,
    { head: 'loads', right: true },
    { head: 'bytes', right: true },
    { head: 'stores', right: true },
    { head: 'bytes', right: true },
    { head: 'vector', right: true },
    { head: 'scalar', right: true },
    { head: 'of LDS', right: true },
    { head: 'turn', right: true },
    { head: 'vector', right: true },
  ];
  const cells = rows.map((row) => {
    const { whole, turn } = row.result;
    return [
      ...namesOf(row),
      ...registersOf(row.result),
      String(whole.loads),
      String(whole.loadBytes),
      String(whole.stores),
      String(whole.storeBytes),
      String(whole.vector),
      String(whole.scalar),
      whole.workgroupBytes === 0 ? '' : String(whole.workgroupBytes),
      turn === null ? '' : String(turn.loadBytes + turn.storeBytes),
      turn === null ? '' : String(turn.vector),
    ];
  });
  return filledLines(columns, cells);
}

/** All rows, in tables by family, then by whose they are. */
export function tables(rows: readonly KernelRow[]): string[] {
  const groups = new Map<string, KernelRow[]>();
  for (const row of rows) {
    const { title } = FAMILIES[row.family];
    const head = [`${row.family} (${title})`, row.by, row.network].filter((word) => word !== null).join(' · ');
    const group = groups.get(head) ?? [];
    groups.set(head, group);
    group.push(row);
  }
  return [...groups].flatMap(([head, group]) => {
    const compiled = group.filter(isCompiled);
    const products = compiled.filter(({ result }) => result.loop !== null);
    const movers = compiled.filter(({ result }) => result.loop === null);
    const failed = group.flatMap(({ label, batches, result }) =>
      'error' in result ? [`${[label, ...batches].join(' ')}: ${result.error.split('\n', 1)[0]}`] : [],
    );
    return [
      ...(products.length === 0
        ? []
        : ['', `${head}: sums of products, one turn of the innermost loop`, ...productsTable(products)]),
      ...(movers.length === 0
        ? []
        : [
            '',
            `${head}: the other kernels, what a thread does with loops counted once, and a turn of the loop that reads most`,
            ...moversTable(movers),
          ]),
      ...(failed.length === 0 ? [] : ['', `${head}: not compiled`, ...failed]),
    ];
  });
}
