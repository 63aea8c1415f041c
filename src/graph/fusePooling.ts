/**
 * maxPool2d(relu(conv2d(x, w) + b)) with 2×2 windows, few input channels and a result that nobody else reads becomes
 * conv2dPool. In its gradient only a window's winning position counts, so the kernel's gradient gathers a quarter of the
 * positions, and the bias's gradient sums the pooled one.
 */

import { type Conv2dAttributes, conv2dKernelGradientOp, conv2dOp } from '../ops/conv2d.ts';
import {
  type ConvPoolAttributes,
  canFuse,
  conv2dPoolGradientOp,
  conv2dPoolOp,
  unpool2dOp,
  winnersOf,
} from '../ops/conv2dPool.ts';
import { addOp, reluGradient, reluGradientOp, reluOp } from '../ops/elementwise.ts';
import { maxPool2dGradientOp, maxPool2dOp, type Pool2dAttributes } from '../ops/pool2d.ts';
import { sumOp } from '../ops/reduce.ts';
import { reshape } from '../ops/reshape.ts';
import { slice } from '../ops/views.ts';
import { sizeOf } from '../shape.ts';
import { createNode, isOf, type Node } from './node.ts';
import { rebuild } from './rebuild.ts';

/** A convolution with what follows it, up to the pooling and back. */
interface Match {
  readonly x: Node;
  readonly kernel: Node;
  readonly bias: Node;
  readonly attributes: ConvPoolAttributes;
  readonly pool: Node;
  /** The gradient to the pooled result, and to the convolution's result; null in a forward pass. */
  readonly upstream: Node | null;
  readonly gated: Node | null;
}

function match(pool: Node, usersOf: (node: Node) => readonly Node[], roots: ReadonlySet<Node>): Match | null {
  if (!isOf<Pool2dAttributes>(pool, maxPool2dOp)) return null;
  const { size, stride, before, input, output } = pool.attributes;
  const square = [...size, ...stride].every((extent) => extent === 2) && before.every((extent) => extent === 0);
  if (!square || output[1] * 2 !== input[1] || output[2] * 2 !== input[2]) return null;
  const [relu] = pool.inputs;
  if (!isOf(relu, reluOp) || roots.has(relu)) return null;
  const [sum] = relu.inputs;
  if (!isOf(sum, addOp) || roots.has(sum) || usersOf(sum).length !== 1) return null;
  const [conv, bias] = sum.inputs;
  if (!isOf<Conv2dAttributes>(conv, conv2dOp) || roots.has(conv) || usersOf(conv).length !== 1) return null;
  if (bias.shape.length !== 1 || sizeOf(bias.shape) !== conv.shape[3] || !canFuse(conv.attributes)) return null;

  const others = usersOf(relu).filter((user) => user !== pool);
  const [x, kernel] = conv.inputs;
  const base = { x, kernel, bias, pool };
  if (others.length === 0) {
    return { ...base, attributes: { ...conv.attributes, winners: null }, upstream: null, gated: null };
  }
  const back = others.find((user) => isOf(user, maxPool2dGradientOp));
  const gated = others.find((user) => isOf(user, reluGradientOp));
  if (back === undefined || gated === undefined || others.length !== 2) return null;
  const chained = back.inputs[0] === relu && gated.inputs[0] === back && gated.inputs[1] === relu;
  if (!chained || usersOf(back).length !== 1 || roots.has(back) || roots.has(gated)) return null;
  const attributes = { ...conv.attributes, winners: winnersOf(conv.attributes) };
  return { ...base, attributes, upstream: back.inputs[1], gated };
}

/** The graph of `roots` with convolutions and their pooling fused. */
export function fusePooling(roots: readonly Node[]): Map<Node, Node> {
  const rootSet = new Set(roots);
  const byPool = new Map<Node, Match>();
  const byGated = new Map<Node, Match>();
  /** The pooled gradient behind the ReLU, for a matched gradient. */
  const pooled = new Map<Match, Node>();
  /** The gradients to its kernel and bias, computed together. */
  const weights = new Map<Match, Node>();
  return rebuild(roots, (node, { usersOf, now }) => {
    const pooledGradient = (found: Match, upstream: Node): Node => {
      let gradient = pooled.get(found);
      if (gradient === undefined) {
        gradient = reluGradient(now(upstream), now(found.pool));
        pooled.set(found, gradient);
      }
      return gradient;
    };
    const found = match(node, usersOf, rootSet);
    if (found !== null) {
      byPool.set(node, found);
      if (found.gated !== null) byGated.set(found.gated, found);
      return createNode(conv2dPoolOp, [now(found.x), now(found.kernel), now(found.bias)], found.attributes);
    }
    const backward = byGated.get(node);
    if (backward?.upstream) {
      const gradient = pooledGradient(backward, backward.upstream);
      return createNode(unpool2dOp, [gradient, now(backward.pool)], backward.attributes);
    }
    const source = node.inputs.map((input) => byGated.get(input)).find((match) => match !== undefined);
    if (!source?.upstream) return null;
    const gradient = pooledGradient(source, source.upstream);
    const [height, width, inputs, outputs] = source.attributes.kernel;
    const taps = height * width * inputs;
    const both = (): Node => {
      let found = weights.get(source);
      if (found === undefined) {
        found = createNode(conv2dPoolGradientOp, [now(source.x), gradient, now(source.pool)], source.attributes);
        weights.set(source, found);
      }
      return found;
    };
    if (isOf(node, conv2dKernelGradientOp) && byGated.has(node.inputs[1])) {
      return reshape(slice(both(), [0, 0], [taps, outputs]), node.shape);
    }
    // A sum over all pixels does not care where in its window a gradient went.
    if (isOf(node, sumOp) && node.attributes.axis === 0 && node.attributes.count === 3) {
      const wanted = source.gated !== null && usersOf(source.gated).some((user) => isOf(user, conv2dKernelGradientOp));
      return wanted
        ? reshape(slice(both(), [taps, 0], [1, outputs]), node.shape)
        : createNode(sumOp, [gradient], node.attributes);
    }
    return null;
  });
}
