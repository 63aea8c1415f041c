/**
 * A ReLU before a dropout: where the dropout's mask lets nothing through, no gradient comes back either. So the gradient
 * may be gated by the dropout's result instead of the ReLU's, and the ReLU's need not be kept for the way back.
 */

import { isOf, type Node } from '../../ir/op.ts';
import { rebuild } from '../../ir/rebuild.ts';
import { type DropoutAttributes, dropoutOp, reluGradient, reluGradientOp } from '../../ops/elementwise.ts';

export function gateByDropout(roots: readonly Node[]): Map<Node, Node> {
  return rebuild(roots, (node, { usersOf, now }) => {
    if (!isOf(node, reluGradientOp)) return null;
    const [upstream, gate] = node.inputs;
    if (!isOf<DropoutAttributes>(upstream, dropoutOp)) return null;
    const { rate, key } = upstream.attributes;
    const dropped = usersOf(gate).find(
      (user) =>
        isOf<DropoutAttributes>(user, dropoutOp) && user.attributes.key === key && user.attributes.rate === rate,
    );
    return dropped === undefined ? null : reluGradient(now(upstream), now(dropped));
  });
}
