/** How large a tensor may be. */

import { formatBytes } from '../base/dtype.ts';
import { OutOfMemoryError } from '../base/errors.ts';
import { formatShape, sizeOf } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { topologicalOrder } from '../ir/walk.ts';

/** Refuses graphs whose elements 32-bit indices cannot count, also where no kernel would keep them in memory. */
export function checkSizes(roots: readonly Node[]): void {
  for (const node of topologicalOrder(roots)) {
    const size = sizeOf(node.shape);
    if (size <= MAX_ELEMENTS) continue;
    throw new OutOfMemoryError(
      `'${node.op.name}' ${formatShape(node.shape)} has ${size} elements (${formatBytes(size * 4)} as float32); kernels count with 32 bits, ` +
        `up to ${MAX_ELEMENTS}. Compute it in parts, for example with slice().`,
    );
  }
}

/** Elements that 32 bits count, less what a grid may overshoot. */
export const MAX_ELEMENTS = 2 ** 32 - 2 ** 23;
