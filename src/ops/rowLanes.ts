/**
 * How softmax and cross-entropy go along the rows of a matrix: a thread a row on the CPU; on a GPU several threads a row, so
 * that threads side by side read addresses side by side, and short rows by way of the workgroup's memory (row_lanes.wgsl).
 */

import type { KernelTemplate } from '../ir/op.ts';
import type { Target } from '../ir/target.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import type { Holes } from '../wgsl/template.ts';
import { isLong } from './longSum.ts';
import { SUBGROUP_VALUES } from './reduceTiles.ts';

/** How threads share rows. */
export interface RowWay {
  readonly name: string;
  /** Of a workgroup. */
  readonly threads: number;
  /** Of them a row's; 1: what the CPU does. */
  readonly lanes: number;
  /** Elements of the workgroup's memory for staged rows; 0: they are not. */
  readonly places: number;
}

const THREAD: RowWay = { name: 'thread', threads: 64, lanes: 1, places: 0 };
const HALF: RowWay = { name: '32 lanes', threads: 64, lanes: 32, places: 0 };
const WHOLE: RowWay = { name: '256 lanes', threads: 256, lanes: 256, places: 0 };

/** Which ways stage rows up to `columns`: 928 places are 32 of 29, 8 of 113 or 4 of 229; 4 KB leave room for as many labels. */
const STAGED: readonly (RowWay & { readonly columns: number })[] = [
  { columns: 16, name: '2 lanes, staged', threads: 64, lanes: 2, places: 544 },
  { columns: 28, name: '2 lanes, staged', threads: 64, lanes: 2, places: 928 },
  { columns: 112, name: '8 lanes, staged', threads: 64, lanes: 8, places: 928 },
  { columns: 228, name: '16 lanes, staged', threads: 64, lanes: 16, places: 928 },
  { columns: 1024, name: '256 lanes, staged', threads: 256, lanes: 256, places: 1025 },
];

/** The ways that a target can take along rows of `columns`, the default first. */
export function rowWays(columns: number, { software }: Target): readonly RowWay[] {
  if (software) return [THREAD];
  const staged = STAGED.find((way) => columns <= way.columns);
  return staged === undefined ? [WHOLE, HALF, THREAD] : [staged, HALF, WHOLE, THREAD];
}

type RowKernel = Pick<KernelTemplate, 'workgroup' | 'builtins' | 'enables' | 'memory' | 'grid'> & {
  readonly source: string;
  readonly holes: Holes;
};

/**
 * What a kernel along `rows` of `columns` is made of around its own text. `labels`: whether it reads a second matrix, which is
 * staged as well; `writes`: whether it writes one.
 */
export function rowKernel(
  text: string,
  { rows, columns, labels, writes }: { rows: number; columns: number; labels: boolean; writes: boolean },
  { threads, lanes, places }: RowWay,
  target: Target,
): RowKernel {
  const source = (...before: string[]): string => [shaders.long_sum, ...before, text].join('\n');
  if (lanes === 1) {
    return {
      source: source(shaders.row_thread),
      holes: { LONG: isLong(columns), ENTER: shaders.row_thread_enter, LEAVE: '' },
      grid: Math.ceil(rows / threads),
    };
  }
  const staged = places > 0;
  const subgroups = target.subgroups !== null;
  const known = subgroups
    ? 'let place = subgroup_invocation_id;\nlet reach = subgroup_size;'
    : 'let place = 0u;\nlet reach = 0u;';
  const enter = staged ? shaders.row_staged_enter : shaders.row_lanes_enter;
  return {
    source: source(`alias N = f32;\n${shaders.of_thread}`, shaders.row_lanes),
    workgroup: threads,
    builtins: ['workgroup_index', 'local_invocation_index', ...(subgroups ? SUBGROUP_VALUES : [])],
    enables: subgroups ? ['subgroups'] : [],
    memory: 4 * (threads + (staged ? places * (labels ? 2 : 1) : 0)),
    holes: {
      LONG: isLong(Math.ceil(columns / lanes)),
      ENTER: `let thread = local_invocation_index;\n${known}\n${enter}`,
      LEAVE: staged && writes ? shaders.row_staged_leave : '',
      STAGED: staged,
      PLACES: places,
      LANES: lanes,
      THREADS: threads,
      SUBGROUPS: subgroups,
    },
    grid: Math.ceil(rows / (threads / lanes)),
  };
}
