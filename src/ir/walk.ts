/** Ways through a graph. */

import type { Node } from './op.ts';

/** Every node that the roots depend on, inputs before users. Iterative: graphs may be deeper than the call stack. */
export function topologicalOrder(roots: readonly Node[]): Node[] {
  const order: Node[] = [];
  const state = new Map<Node, 'open' | 'done'>();
  const stack: Node[] = [...roots].reverse();
  while (stack.length > 0) {
    const node = stack[stack.length - 1];
    const seen = state.get(node);
    if (seen === undefined) {
      state.set(node, 'open');
      for (let i = node.inputs.length - 1; i >= 0; i--) {
        if (!state.has(node.inputs[i])) stack.push(node.inputs[i]);
      }
    } else {
      stack.pop();
      if (seen === 'open') {
        state.set(node, 'done');
        order.push(node);
      }
    }
  }
  return order;
}

/** The node whose memory holds this node's elements: reshapes share their input's. */
export function resolve(node: Node): Node {
  let source = node;
  while (source.op.lowering.kind === 'alias') source = source.inputs[0];
  return source;
}

/** Where a node's memory lies: the node that owns it, and the byte at which this one begins. */
export function homeOf(node: Node): { readonly home: Node; readonly offset: number } {
  let home = resolve(node);
  let offset = 0;
  for (let { lowering } = home.op; lowering.kind === 'stretch'; { lowering } = home.op) {
    offset += lowering.start(home) * (home.dtype === 'uint8' ? 1 : 4);
    home = resolve(home.inputs[0]);
  }
  return { home, offset };
}

/** Whether a node has no kernel of its own, but lies in memory that others write: in the inputs of a pack, or in a stretch of it. */
export const isComposed = ({ op: { lowering } }: Node): boolean =>
  lowering.kind === 'pack' || lowering.kind === 'stretch';

/** A number that is written into the kernel's uniforms instead of memory. */
export function isConstant(node: Node): boolean {
  return node.op.lowering.kind === 'pointwise' && node.inputs.length === 0;
}
