/** Sums that one thread adds up term by term: see long_sum.wgsl. */

import * as shaders from '../wgsl/shaders.generated.ts';

/** Whether so many terms are added in levels, the hole LONG. */
export const isLong = (terms: number): boolean => terms > 64;

/** A kernel's text after that of its sums. */
export const withLongSum = (source: string): string => `${shaders.long_sum}\n${source}`;
