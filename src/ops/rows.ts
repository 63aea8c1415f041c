/**
 * Kernels along the rows of a matrix, such as softmax: what all ways to share rows among threads have in common, and the
 * simplest one, a thread a row. GPUs have others: gpu/rows.ts.
 */

import { formatShape } from '../base/shape.ts';
import { inWays, type KernelTemplate, type Lowering, type Node, type RowKernel } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { pickHoles } from '../wgsl/template.ts';
import { isLong } from './longSum.ts';

/** How a kernel along the rows of its first input is lowered. */
export const alongRows = <A>(name: string, kernel: (node: Node<A>) => RowKernel): Lowering<A> => ({
  kind: 'kernel',
  ...inWays(
    ({ inputs }) => `${name} ${inputs.map(({ shape }) => formatShape(shape)).join(' ')}`,
    (node, target) => target.ways.alongRows(kernel(node), target),
  ),
});

interface Rows extends Pick<RowKernel, 'rows' | 'columns' | 'labels' | 'writes'> {
  /** All but the text and how threads share rows. */
  readonly template: Omit<KernelTemplate, 'source' | 'grid'>;
  /** WGSL. */
  readonly text: string;
}

export function rowKernel({ template, text, ...rows }: Rows): RowKernel {
  const after: RowKernel['after'] = (before, terms, holes) => {
    const source = [shaders.long_sum, before, text].join('\n');
    return { ...template, source, holes: pickHoles(source, { ...template.holes, ...holes, LONG: isLong(terms) }) };
  };
  const alone = { ENTER: shaders.row_thread_enter, LEAVE: '', STAGED_LABELS: false, PLACES: 0 };
  return {
    ...rows,
    after,
    byThread: () => ({ ...after(shaders.row_thread, rows.columns, alone), grid: Math.ceil(rows.rows / 64) }),
  };
}
