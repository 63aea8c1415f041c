/**
 * Kernels along the rows of a matrix, such as softmax: what all ways to share rows among threads have in common, and the
 * simplest one, a thread a row. GPUs have others: gpu/rows.ts.
 */

import type { KernelTemplate, RowKernel } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { type Holes, pickHoles } from '../wgsl/template.ts';
import { isLong } from './longSum.ts';

const TEXTS: Readonly<Record<RowKernel['text'], string>> = {
  softmax: shaders.softmax,
  softmax_cross_entropy: shaders.softmax_cross_entropy,
  standardize: shaders.standardize,
};

/**
 * A kernel along rows, after WGSL of what row_thread.wgsl says that its text can call and know, where a thread adds up `terms` of
 * a row; of the holes those that are in the text.
 */
export function rowKernel(
  { template, text }: RowKernel,
  before: string,
  terms: number,
  holes: Holes,
): Omit<KernelTemplate, 'grid'> {
  const source = [shaders.long_sum, before, TEXTS[text]].join('\n');
  return { ...template, source, holes: pickHoles(source, { ...template.holes, ...holes, LONG: isLong(terms) }) };
}

/** By a thread a row. */
export function rowByThread(kernel: RowKernel): KernelTemplate {
  const holes = { ENTER: shaders.row_thread_enter, LEAVE: '', STAGED_LABELS: false, PLACES: 0 };
  return { ...rowKernel(kernel, shaders.row_thread, kernel.columns, holes), grid: Math.ceil(kernel.rows / 64) };
}
