/**
 * How softmax and cross-entropy go along the rows of a matrix on a GPU: by several threads a row, so that threads side by side
 * read addresses side by side, and short rows by way of the workgroup's memory (row_lanes.wgsl).
 */

import type { KernelTemplate, KernelVariant, RowKernel, Target } from '../../ir/op.ts';
import { SUBGROUP_VALUES } from '../../ir/target.ts';
import * as shaders from '../../wgsl/shaders.generated.ts';
import { rowByThread, rowKernel } from '../rows.ts';

/** Floats of a line of memory. */
const LINE = 32;

/** How threads share rows. */
interface Sharing {
  readonly name: string;
  /** Of a workgroup. */
  readonly threads: number;
  /** Of them a row's. */
  readonly lanes: number;
  /** Elements of the workgroup's memory for staged rows; 0: they are not. */
  readonly places: number;
}

const HALF: Sharing = { name: '32 lanes', threads: 64, lanes: 32, places: 0 };
const WHOLE: Sharing = { name: '256 lanes', threads: 256, lanes: 256, places: 0 };

/** Which ways stage rows up to `columns`: 928 places are 32 of 29, 8 of 113 or 4 of 229; 4 KB leave room for as many labels. */
const STAGED: readonly (Sharing & { readonly columns: number })[] = [
  { columns: 16, name: '2 lanes, staged', threads: 64, lanes: 2, places: 544 },
  { columns: 28, name: '2 lanes, staged', threads: 64, lanes: 2, places: 928 },
  { columns: 112, name: '8 lanes, staged', threads: 64, lanes: 8, places: 928 },
  { columns: 228, name: '16 lanes, staged', threads: 64, lanes: 16, places: 928 },
  { columns: 1024, name: '256 lanes, staged', threads: 256, lanes: 256, places: 1025 },
];

export function alongRows(kernel: RowKernel, target: Target): KernelVariant[] {
  const staged = STAGED.find((way) => kernel.columns <= way.columns);
  const shared = staged === undefined ? [WHOLE, HALF] : [staged, HALF, WHOLE];
  return [
    ...shared.map((way) => ({ name: way.name, kernels: () => [rowByLanes(kernel, way, target)] })),
    { name: 'thread', kernels: () => [rowByThread(kernel)] },
  ];
}

function rowByLanes(kernel: RowKernel, { threads, lanes, places }: Sharing, target: Target): KernelTemplate {
  const { rows, columns, labels, writes } = kernel;
  const staged = places > 0;
  const subgroups = target.subgroups !== null;
  const known = subgroups
    ? 'let place = subgroup_invocation_id;\nlet reach = subgroup_size;'
    : 'let place = 0u;\nlet reach = 0u;';
  const enter = staged ? shaders.row_staged_enter : shaders.row_lanes_enter;
  return {
    ...rowKernel(kernel, `alias N = f32;\n${shaders.of_thread}\n${shaders.row_lanes}`, Math.ceil(columns / lanes), {
      ENTER: `let thread = local_invocation_index;\n${known}\n${enter}`,
      LEAVE: staged && writes ? shaders.row_staged_leave : '',
      STAGED: staged,
      // Where a line's threads are all of a row's, they would touch two lines either way.
      TURNED: !staged && lanes > LINE && columns % LINE > 0,
      STAGED_LABELS: staged && labels,
      PLACES: places,
      LANES: lanes,
      THREADS: threads,
      SUBGROUPS: subgroups,
    }),
    workgroup: threads,
    builtins: ['workgroup_index', 'local_invocation_index', ...(subgroups ? SUBGROUP_VALUES : [])],
    enables: subgroups ? ['subgroups'] : [],
    memory: 4 * (threads + (staged ? places * (labels ? 2 : 1) : 0)),
    grid: Math.ceil(rows / (threads / lanes)),
  };
}
