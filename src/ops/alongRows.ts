/** Operations along the rows of a matrix: they say what becomes of a row, and their class of adapters how threads share the rows. */

import { formatShape } from '../base/shape.ts';
import { inLayerWays, type Lowering, type Node, type RowKernel } from '../ir/op.ts';

/** How one is lowered, along the rows of its first input. */
export const alongRows = <A>(name: string, kernel: (node: Node<A>) => RowKernel): Lowering<A> => ({
  kind: 'kernel',
  ...inLayerWays<A>(
    ({ inputs }) => `${name} ${inputs.map(({ shape }) => formatShape(shape)).join(' ')}`,
    (node, layers, target) => layers.alongRows(kernel(node), target),
  ),
});
