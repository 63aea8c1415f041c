/**
 * maxPool2d(relu(…)) with 2×2 windows: which position of each window won is kept in a byte, and the ReLU gates the pooled
 * gradient, so what lies before the pooling is not kept for the way back.
 *
 * maxPool2d(relu(conv2d(x, w) + b)) with few input channels and a result that nobody else reads becomes one kernel,
 * conv2dPool. In its gradient only the winning positions count, so the kernel's gradient gathers a quarter of the
 * positions, and the bias's gradient sums the pooled one.
 */

import { sizeOf } from '../../base/shape.ts';
import { createNode, isOf, type Node, type Scratch } from '../../ir/op.ts';
import { rebuild } from '../../ir/rebuild.ts';
import { type Conv2dAttributes, conv2dKernelGradientOp, conv2dOp } from '../../ops/conv2d.ts';
import {
  canFuse,
  conv2dPoolGradientOp,
  conv2dPoolOp,
  maxPoolWinnersOp,
  unpool2dOp,
  winnersOf,
} from '../../ops/conv2dPool.ts';
import { addOp, reluGradient, reluGradientOp, reluOp } from '../../ops/elementwise.ts';
import { maxPool2dGradientOp, maxPool2dOp, type Pool2dAttributes } from '../../ops/pool2d.ts';
import type { ConvPoolAttributes, PooledAttributes } from '../../ops/pooling.ts';
import { sumOp } from '../../ops/reduce.ts';
import { reshape } from '../../ops/reshape.ts';
import { slice } from '../../ops/views.ts';

/** A ReLU with 2×2 max pooling behind it, and the way back. */
interface Match {
  /** The convolution whose result the ReLU takes, where one kernel does it all. */
  readonly conv: {
    readonly x: Node;
    readonly kernel: Node;
    readonly bias: Node;
    readonly attributes: ConvPoolAttributes;
  } | null;
  readonly relu: Node;
  readonly pool: Node;
  readonly pooling: PooledAttributes;
  /** The gradient to the pooled result, and to what the ReLU takes; null in a forward pass. */
  readonly upstream: Node | null;
  readonly gated: Node | null;
}

type UsersOf = (node: Node) => readonly Node[];

function match(pool: Node, usersOf: UsersOf, roots: ReadonlySet<Node>): Match | null {
  if (!isOf<Pool2dAttributes>(pool, maxPool2dOp)) return null;
  const { size, stride, before, input, output } = pool.attributes;
  const square = [...size, ...stride].every((extent) => extent === 2) && before.every((extent) => extent === 0);
  if (!square || output[1] * 2 !== input[1] || output[2] * 2 !== input[2]) return null;
  const [relu] = pool.inputs;
  if (!isOf(relu, reluOp) || roots.has(relu)) return null;
  const back = backOf(relu, pool, usersOf, roots);
  if (back === null) return null;
  const winners = back.gated === null ? null : winnersOf(relu.shape);
  const conv = convolutionOf(relu, winners, usersOf, roots);
  // Forward alone, a pooling that stands by itself is best left as it is; winners lie four channels to a word.
  if (conv === null && (winners === null || relu.shape[3] % 4 !== 0)) return null;
  return { conv, relu, pool, pooling: { output: relu.shape, winners }, ...back };
}

/** The gradient's way through pooling and ReLU, nulls where there is none; null where something else reads the ReLU. */
function backOf(
  relu: Node,
  pool: Node,
  usersOf: UsersOf,
  roots: ReadonlySet<Node>,
): Pick<Match, 'upstream' | 'gated'> | null {
  const others = usersOf(relu).filter((user) => user !== pool);
  if (others.length === 0) return { upstream: null, gated: null };
  const back = others.find((user) => isOf(user, maxPool2dGradientOp));
  const gated = others.find((user) => isOf(user, reluGradientOp));
  if (back === undefined || gated === undefined || others.length !== 2) return null;
  const chained = back.inputs[0] === relu && gated.inputs[0] === back && gated.inputs[1] === relu;
  if (!chained || usersOf(back).length !== 1 || roots.has(back) || roots.has(gated)) return null;
  return { upstream: back.inputs[1], gated };
}

function convolutionOf(relu: Node, winners: Scratch | null, usersOf: UsersOf, roots: ReadonlySet<Node>): Match['conv'] {
  const [sum] = relu.inputs;
  if (!isOf(sum, addOp) || roots.has(sum) || usersOf(sum).length !== 1) return null;
  const [conv, bias] = sum.inputs;
  if (!isOf<Conv2dAttributes>(conv, conv2dOp) || roots.has(conv) || usersOf(conv).length !== 1) return null;
  if (bias.shape.length !== 1 || sizeOf(bias.shape) !== conv.shape[3] || !canFuse(conv.attributes)) return null;
  const [x, kernel] = conv.inputs;
  return { x, kernel, bias, attributes: { ...conv.attributes, winners } };
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
      const { conv } = found;
      return conv === null
        ? createNode(maxPoolWinnersOp, [now(found.relu)], found.pooling)
        : createNode(conv2dPoolOp, [now(conv.x), now(conv.kernel), now(conv.bias)], conv.attributes);
    }
    const backward = byGated.get(node);
    if (backward?.upstream) {
      const gradient = pooledGradient(backward, backward.upstream);
      return createNode(unpool2dOp, [gradient, now(backward.pool)], backward.pooling);
    }
    const source = node.inputs.map((input) => byGated.get(input)).find((match) => match !== undefined);
    if (!source?.upstream) return null;
    const gradient = pooledGradient(source, source.upstream);
    const isBiasGradient = isOf(node, sumOp) && node.attributes.axis === 0 && node.attributes.count === 3;
    const { conv, gated } = source;
    if (conv !== null && gated !== null) {
      const [height, width, inputs, outputs] = conv.attributes.kernel;
      const taps = height * width * inputs;
      const both = (): Node => {
        let found = weights.get(source);
        if (found === undefined) {
          found = createNode(conv2dPoolGradientOp, [now(conv.x), gradient, now(source.pool)], conv.attributes);
          weights.set(source, found);
        }
        return found;
      };
      if (isOf(node, conv2dKernelGradientOp) && node.inputs[1] === gated) {
        return reshape(slice(both(), [0, 0], [taps, outputs]), node.shape);
      }
      if (isBiasGradient && usersOf(gated).some((user) => isOf(user, conv2dKernelGradientOp))) {
        return reshape(slice(both(), [taps, 0], [1, outputs]), node.shape);
      }
    }
    // A sum over all pixels does not care where in its window a gradient went.
    if (isBiasGradient) return createNode(sumOp, [gradient], node.attributes);
    return null;
  });
}
