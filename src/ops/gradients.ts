/**
 * Reverse-mode differentiation as a graph transformation: from the nodes of a computation to the nodes of its gradients.
 * One iterative walk from the output back; each operation's rule gives its vector-Jacobian product, and everything that
 * rules share is done here: broadcasting is undone, contributions are added, shapes are checked.
 */

import { GradientError, ShapeError } from '../base/errors.ts';
import { broadcastAxes, formatShape, sameShape, sizeOf } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { topologicalOrder } from '../ir/walk.ts';
import { add } from './elementwise.ts';
import { fullNode } from './leaf.ts';
import { broadcastTo, sum } from './reduce.ts';
import { reshape } from './reshape.ts';

/** Sums a gradient over the axes along which its input was broadcast. */
function undoBroadcast(gradient: Node, input: Node): Node {
  if (sameShape(gradient.shape, input.shape)) return gradient;
  const axes = broadcastAxes(input.shape, gradient.shape);
  const summed = axes.length === 0 ? gradient : sum(gradient, axes);
  return reshape(summed, input.shape);
}

/** Told of each gradient as it is made, and of the node whose rule made it, or to which it is the sum of several. */
export type GradientTrace = (of: Node, gradient: Node) => void;

/**
 * Gradients of a scalar `output` to each of `targets`, as nodes. A target that the output does not depend on has a
 * gradient of zeros.
 * @throws GradientError unless `output` is a scalar
 */
export function gradients(output: Node, targets: readonly Node[], trace?: GradientTrace): Node[] {
  if (sizeOf(output.shape) !== 1) {
    throw new GradientError(
      `grad: expected a function that returns a scalar, got shape ${formatShape(output.shape)}. Reduce it with sum() or mean().`,
    );
  }
  const order = topologicalOrder([output]);
  // Only nodes between a target and the output matter; none reaches through int32, which have no slope.
  const active = new Set<Node>(targets);
  for (const node of order) {
    if (node.dtype !== 'int32' && node.inputs.some((input) => active.has(input))) active.add(node);
  }
  const upstream = new Map<Node, Node>();
  upstream.set(output, fullNode(1, output.shape));
  for (let at = order.length - 1; at >= 0; at--) {
    const node = order[at];
    const arriving = upstream.get(node);
    if (arriving === undefined || node.inputs.length === 0) continue;
    const needs = node.inputs.map((input) => active.has(input));
    if (!needs.includes(true)) continue;
    const products = node.op.gradient(node, arriving, needs);
    if (products === 'none') continue;
    node.inputs.forEach((input, i) => {
      const product = products[i];
      if (!needs[i] || product === null || product === undefined) return;
      const contribution = undoBroadcast(product, input);
      if (!sameShape(contribution.shape, input.shape)) {
        throw new ShapeError(
          `gradient of ${node.op.name}: input ${i} has shape ${formatShape(input.shape)}, its gradient ${formatShape(contribution.shape)}. ` +
            "This is a fault of the operation: if it is one of wgrad's, please report it.",
        );
      }
      trace?.(node, contribution);
      const known = upstream.get(input);
      if (known === undefined) upstream.set(input, contribution);
      else {
        const total = add(known, contribution);
        trace?.(input, total);
        upstream.set(input, total);
      }
    });
  }
  return targets.map((target) => {
    const gradient = upstream.get(target);
    if (gradient === undefined) return fullNode(0, target.shape);
    return sameShape(gradient.shape, target.shape) ? gradient : broadcastTo(gradient, target.shape);
  });
}
