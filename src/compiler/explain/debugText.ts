/** What WGRAD_DEBUG prints of a plan: its kernels as a table, and their WGSL. */

import { counted } from '../../base/describe.ts';
import { formatBytes } from '../../base/dtype.ts';
import { type Column, tableLines } from '../../base/table.ts';
import { isScratch, type Operand } from '../../ir/op.ts';
import { homeOf } from '../../ir/walk.ts';
import type { LayerOf, ScheduledKernel } from '../kernelText.ts';
import { bytesOfOperand } from '../placement.ts';
import type { Schedule } from '../schedule.ts';
import { fusedInto, mainOf, nameOf } from './kernelParts.ts';
import { readable } from './readable.ts';

/**
 * The kernels of a plan. Bytes are those of what a kernel binds: a gather reads only part of them. The slot is the buffer of the
 * plan that holds the result; what is written elsewhere outlives the plan. Kernels that share a dispatch stand together.
 */
export function planTable(planned: Schedule, layerOf?: LayerOf): string[] {
  const { kernels, placement } = planned;
  /** A cell that only a plan with layers has. */
  const layer = <T>(cell: T): T[] => (layerOf === undefined ? [] : [cell]);
  const columns: Column[] = [
    { head: '#', right: true },
    { head: 'kernel', most: 30 },
    ...layer<Column>({ head: 'layer', most: 16 }),
    { head: 'grid', right: true },
    { head: 'reads', right: true },
    { head: 'writes', right: true },
    { head: 'slot' },
    { head: 'fused into it', most: 'rest' },
  ];
  let [reads, writes] = [0, 0];
  const rows = kernels.flatMap((kernel, at) => {
    const [read, written] = [bytesBound(kernel, false), bytesBound(kernel, true)];
    reads += read;
    writes += written;
    const whole = [kernel.grid.join('×'), sizeText(read), sizeText(written), slotsOf(kernel, planned)];
    return kernel.parts.map((part, which) => {
      const main = mainOf(part);
      const name = nameOf(part, main);
      return [
        which === 0 ? String(at) : '',
        which === 0 ? name : `| ${name}`,
        ...layer(layerOf?.(part) ?? ''),
        ...(which === 0 ? whole : whole.map(() => '')),
        fusedInto(part, main)
          .map(({ op }) => op.name)
          .join(', '),
      ];
    });
  });
  const { slots, bytes, aliveBytes } = placement;
  const dispatches = counted(kernels.length, 'dispatch', 'dispatches');
  return [
    ...tableLines(columns, rows, [['', dispatches, ...layer(''), '', sizeText(reads), sizeText(writes), '', '']]),
    `${counted(slots.length, 'slot')} of ${sizeText(bytes)} in all; ${sizeText(aliveBytes)} are alive at once`,
  ];
}

/** Bytes as text; of kernels many are few. */
const sizeText = (bytes: number): string => (bytes < 1024 ? `${bytes} B` : formatBytes(bytes));

/** Bytes of what a kernel writes, or of what it only reads. */
function bytesBound({ bindings }: ScheduledKernel, written: boolean): number {
  const operands = new Set<Operand>();
  for (const { operand, access } of bindings) if ((access === 'read_write') === written) operands.add(operand);
  return [...operands].reduce((sum, operand) => sum + bytesOfOperand(operand), 0);
}

/** The slots that a kernel writes to; a dash for memory that outlives the plan. */
function slotsOf({ bindings }: ScheduledKernel, { placement: { places } }: Schedule): string {
  const slots = new Set<string>();
  for (const { operand, access } of bindings) {
    if (access !== 'read_write') continue;
    const place = places.get(operand) ?? (isScratch(operand) ? undefined : places.get(homeOf(operand).home));
    slots.add(place === undefined ? '–' : String(place.slot));
  }
  return [...slots].join(' ');
}

/** The text of a kernel, laid out, without the functions of the library that it does not call. */
export function readableWgsl({ source }: ScheduledKernel): string {
  return readable(withoutUncalled(declarationsOf(source)).join('\n'));
}

/** The text cut where a declaration ends: at the end of a line outside of all brackets. */
function declarationsOf(source: string): string[] {
  const declarations: string[] = [];
  let lines: string[] = [];
  let depth = 0;
  for (const line of source.split('\n')) {
    if (line.trim() === '') continue;
    lines.push(line.trim());
    depth += depthOf(line);
    // An attribute belongs to what follows it.
    if (depth > 0 || /^@\w+( @\w+\(.*\))*$/.test(line.trim()) || /^@compute\b[^{]*$/.test(line.trim())) continue;
    declarations.push(lines.join('\n'));
    lines = [];
  }
  if (lines.length > 0) declarations.push(lines.join('\n'));
  return declarations;
}

const count = (text: string, bracket: RegExp): number => text.match(bracket)?.length ?? 0;
const depthOf = (line: string): number => count(line, /[({]/g) - count(line, /[)}]/g);

const FUNCTION = /^fn (\w+)/;

function withoutUncalled(declarations: readonly string[]): string[] {
  const called = new Set<string>();
  const waiting = declarations.filter((text) => !FUNCTION.test(text));
  const functions = new Map(declarations.map((text) => [FUNCTION.exec(text)?.[1] ?? '', text]));
  for (let text = waiting.pop(); text !== undefined; text = waiting.pop()) {
    for (const [, name] of text.matchAll(/\b(\w+)\(/g)) {
      const callee = functions.get(name);
      if (callee === undefined || called.has(name)) continue;
      called.add(name);
      waiting.push(callee);
    }
  }
  return declarations.filter((text) => called.has(FUNCTION.exec(text)?.[1] ?? '') || !FUNCTION.test(text));
}
