/** What a person reads whose tensors lie on several devices. */

import { StateError } from '../base/errors.ts';
import { formatShape } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { cellOf } from '../ops/variable.ts';

/** Of a leaf that lies on another device than what it is computed with; `order`: the graph's nodes. */
export function elsewhere(leaf: Node, order: readonly Node[]): StateError {
  const user = order.find(({ inputs }) => inputs.includes(leaf));
  const what = `a ${cellOf(leaf) === null ? 'tensor' : 'variable'} ${formatShape(leaf.shape)}`;
  return new StateError(
    `${user === undefined ? what : `${user.op.name}: argument ${user.inputs.indexOf(leaf)}, ${what},`} lies on another device than ` +
      'what it is computed with. Read it with data() and make a new one from the values.',
  );
}
