/** Random small graphs as two computations side by side: nodes for the device, and the oracle's float64 arrays. */

import { randomBits } from '../src/base/random.ts';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import type { Node } from '../src/ir/op.ts';
import { concat } from '../src/ops/concat.ts';
import { conv2d } from '../src/ops/conv2d.ts';
import * as e from '../src/ops/elementwise.ts';
import { gather, oneHot } from '../src/ops/gather.ts';
import { dataNode, fullNode } from '../src/ops/leaf.ts';
import { matmul } from '../src/ops/matmul.ts';
import { avgPool2d, maxPool2d } from '../src/ops/pool2d.ts';
import { broadcastTo, max, mean, min, sum } from '../src/ops/reduce.ts';
import { reshape } from '../src/ops/reshape.ts';
import { logSoftmax, softmax } from '../src/ops/softmax.ts';
import { pad, slice, transpose } from '../src/ops/views.ts';
import * as o from './reference.ts';

/** One value, computed in both ways. */
export interface Pair {
  readonly node: Node;
  readonly oracle: o.Array64;
}

/** Whole numbers below `limit`, drawn one after the other. */
export function dice(seed: number): (limit: number) => number {
  let index = 0;
  return (limit) => randomBits(seed, 0, index++) % limit;
}

export interface GraphOptions {
  /** Operations. */
  readonly size: number;
  /** Most elements of a value. */
  readonly most: number;
}

/** Extents that are and are not multiples of four, and of the 64 threads of a workgroup. */
const EXTENTS = [1, 2, 3, 4, 5, 7, 8, 12, 16, 33, 64, 65];

/**
 * Values of a random graph, inputs included; the last one hangs on most of the others. All values stay within about
 * [-4, 4], and nothing jumps where float32 and float64 may fall on different sides.
 */
export function randomGraph(seed: number, { size, most }: GraphOptions): Pair[] {
  const roll = dice(seed);
  const pick = <T>(list: readonly T[]): T => list[roll(list.length)];

  const leaf = (shape: Shape): Pair => {
    const count = sizeOf(shape);
    const kind = roll(8);
    const values =
      kind === 0
        ? Uint8Array.from({ length: count }, () => roll(4))
        : kind === 1
          ? Int32Array.from({ length: count }, () => roll(7) - 3)
          : Float32Array.from({ length: count }, () => (roll(4001) - 2000) / 1000);
    const node = dataNode(values, shape);
    // Beside float32 they would have to be asked for.
    return { node: kind === 1 ? e.copy(node) : node, oracle: o.array64(values, shape) };
  };
  const number = (value: number): Pair => ({ node: fullNode(value), oracle: o.scalar64(Math.fround(value)) });
  /** A shape that broadcasts to this one. */
  const narrower = (shape: Shape): Shape => shape.slice(roll(shape.length + 1)).map((n) => (roll(3) === 0 ? 1 : n));
  const randomShape = (): Shape => {
    for (;;) {
      const shape = Array.from({ length: roll(5) }, () => pick(EXTENTS));
      if (sizeOf(shape) <= most) return shape;
    }
  };
  const axesOf = (shape: Shape): number[] => shape.map((_, d) => d).filter(() => roll(2) === 0);
  const calm = ({ node, oracle }: Pair): Pair => ({ node: e.tanh(node), oracle: o.tanh(oracle) });

  const unary: ((x: Pair) => Pair)[] = [
    calm,
    ({ node, oracle }) => ({ node: e.relu(node), oracle: o.relu(oracle) }),
    ({ node, oracle }) => ({ node: e.sigmoid(node), oracle: o.sigmoid(oracle) }),
    ({ node, oracle }) => ({ node: e.abs(node), oracle: o.abs(oracle) }),
    ({ node, oracle }) => ({ node: e.neg(node), oracle: o.neg(oracle) }),
    ({ node, oracle }) => ({ node: e.softplus(node), oracle: o.softplus(oracle) }),
    ({ node, oracle }) => ({ node: e.silu(node), oracle: o.silu(oracle) }),
    ({ node, oracle }) => ({ node: e.leakyRelu(node, 0.25), oracle: o.leakyRelu(oracle, 0.25) }),
    ({ node, oracle }) => ({ node: e.clip(node, -1, 1.5), oracle: o.clip(oracle, -1, 1.5) }),
    ({ node, oracle }) => ({
      node: e.exp(e.neg(e.square(node))),
      oracle: o.exp(o.neg(o.square(oracle))),
    }),
    ({ node, oracle }) => ({
      node: e.sqrt(e.add(e.square(node), fullNode(0.5))),
      oracle: o.sqrt(o.add(o.square(oracle), o.scalar64(0.5))),
    }),
  ];
  const binary: ((a: Pair, b: Pair) => Pair)[] = [
    (a, b) => calm({ node: e.add(a.node, b.node), oracle: o.add(a.oracle, b.oracle) }),
    (a, b) => calm({ node: e.sub(a.node, b.node), oracle: o.sub(a.oracle, b.oracle) }),
    (a, b) => calm({ node: e.mul(a.node, b.node), oracle: o.mul(a.oracle, b.oracle) }),
    (a, b) => ({ node: e.maximum(a.node, b.node), oracle: o.maximum(a.oracle, b.oracle) }),
    (a, b) => ({ node: e.minimum(a.node, b.node), oracle: o.minimum(a.oracle, b.oracle) }),
    (a, b) => ({
      node: e.div(a.node, e.add(e.square(b.node), fullNode(1))),
      oracle: o.div(a.oracle, o.add(o.square(b.oracle), o.scalar64(1))),
    }),
  ];
  const other: ((x: Pair) => Pair | null)[] = [
    ({ node, oracle }) => {
      const condition = leaf(node.shape);
      const fallback = leaf(narrower(node.shape));
      return {
        node: e.where(e.greater(condition.node, fullNode(0)), node, fallback.node),
        oracle: o.where(o.greater(condition.oracle, o.scalar64(0)), oracle, fallback.oracle),
      };
    },
    ({ node, oracle }) => {
      const axes = axesOf(node.shape);
      const keep = roll(2) === 0;
      return { node: mean(node, axes, keep), oracle: o.mean(oracle, axes, keep) };
    },
    ({ node, oracle }) => {
      const axes = axesOf(node.shape);
      return calm({ node: sum(node, axes), oracle: o.sum(oracle, axes) });
    },
    ({ node, oracle }) => {
      if (node.dtype !== 'float32') return null;
      const axes = axesOf(node.shape);
      const keep = roll(2) === 0;
      return roll(2) === 0
        ? { node: max(node, axes, keep), oracle: o.max(oracle, axes, keep) }
        : { node: min(node, axes, keep), oracle: o.min(oracle, axes, keep) };
    },
    ({ node, oracle }) => {
      if (node.dtype !== 'float32' || node.shape.length === 0) return null;
      if (roll(2) === 0) return { node: softmax(node), oracle: o.softmax(oracle) };
      return calm({ node: logSoftmax(node), oracle: o.logSoftmax(oracle) });
    },
    ({ node, oracle }) => {
      const order = node.shape.map((_, d) => d);
      for (let d = order.length - 1; d > 0; d--) {
        const at = roll(d + 1);
        [order[d], order[at]] = [order[at], order[d]];
      }
      return { node: transpose(node, order), oracle: o.transpose(oracle, order) };
    },
    ({ node, oracle }) => {
      const count = sizeOf(node.shape);
      const shape: number[] = [];
      let rest = count;
      while (rest > 1 && shape.length < 3) {
        const divisors = EXTENTS.filter((n) => rest % n === 0);
        const extent = pick(divisors);
        shape.push(extent);
        rest /= extent;
      }
      shape.splice(roll(shape.length + 1), 0, rest);
      return { node: reshape(node, shape), oracle: o.reshape(oracle, shape) };
    },
    ({ node, oracle }) => {
      const begin = node.shape.map((n) => roll(n));
      const extents = node.shape.map((n, d) => 1 + roll(n - begin[d]));
      return { node: slice(node, begin, extents), oracle: o.slice(oracle, begin, extents) };
    },
    ({ node, oracle }) => {
      const padding = node.shape.map(() => [roll(3), roll(2)] as const);
      const value = node.dtype === 'float32' ? 0.5 : 2;
      return { node: pad(node, padding, value), oracle: o.pad(oracle, padding, value) };
    },
    (x) => {
      if (x.node.shape.length === 0 || x.node.dtype !== 'float32') return null;
      const axis = roll(x.node.shape.length);
      const parts = [x, unary[roll(5)](x), ...(roll(2) === 0 ? [calm(leaf(x.node.shape))] : [])];
      return {
        node: concat(
          parts.map(({ node }) => node),
          axis,
        ),
        oracle: o.concat(
          parts.map(({ oracle }) => oracle),
          axis,
        ),
      };
    },
    ({ node, oracle }) => {
      if (node.shape.length === 0) return null;
      const axis = roll(node.shape.length);
      const ids = Int32Array.from({ length: 1 + roll(6) }, () => roll(node.shape[axis]));
      const shape = [ids.length];
      return { node: gather(node, dataNode(ids, shape), axis), oracle: o.gather(oracle, o.array64(ids, shape), axis) };
    },
    ({ node, oracle }) => {
      const shape = [pick(EXTENTS), ...node.shape];
      return { node: broadcastTo(node, shape), oracle: o.broadcastTo(oracle, shape) };
    },
    ({ node, oracle }) => {
      if (node.dtype !== 'float32' || node.shape.length < 2) return null;
      const k = node.shape.at(-1) ?? 1;
      const n = pick(EXTENTS);
      const lead = roll(2) === 0 ? [] : node.shape.slice(0, -2);
      const turned = roll(2) === 0;
      const weights = calm(leaf([...lead, ...(turned ? [n, k] : [k, n])]));
      const swap = [...lead.map((_, d) => d), lead.length + 1, lead.length];
      const right = turned ? o.transpose(weights.oracle, swap) : weights.oracle;
      return calm({ node: matmul(node, weights.node, false, turned), oracle: o.matmul(oracle, right) });
    },
    ({ node, oracle }) => {
      if (node.dtype !== 'float32' || node.shape.length < 2) return null;
      // Aᵀ B with A [k, m]: the product's rows are this one's columns.
      const right = calm(leaf([node.shape.at(-2) ?? 1, pick(EXTENTS)]));
      const swap = node.shape.map((_, d) => d);
      [swap[swap.length - 2], swap[swap.length - 1]] = [swap.length - 1, swap.length - 2];
      return calm({
        node: matmul(node, right.node, true, false),
        oracle: o.matmul(o.transpose(oracle, swap), right.oracle),
      });
    },
    ({ node, oracle }) => {
      if (node.dtype !== 'float32' || node.shape.length !== 4) return null;
      const [, height, width, channels] = node.shape;
      const kernel = calm(leaf([1 + roll(Math.min(3, height)), 1 + roll(Math.min(3, width)), channels, 1 + roll(5)]));
      const strides = 1 + roll(2);
      const padding = roll(2) === 0 ? 'same' : 'valid';
      return calm({
        node: conv2d(node, kernel.node, { strides, padding }),
        oracle: o.conv2d(oracle, kernel.oracle, { strides, padding }),
      });
    },
    ({ node, oracle }) => {
      if (node.dtype !== 'float32' || node.shape.length !== 4) return null;
      const options = { poolSize: 1 + roll(Math.min(3, node.shape[1], node.shape[2])), strides: 1 + roll(2) };
      return roll(2) === 0
        ? { node: maxPool2d(node, options), oracle: o.maxPool2d(oracle, options) }
        : { node: avgPool2d(node, options), oracle: o.avgPool2d(oracle, options) };
    },
    ({ node }) => {
      const classes = 2 + roll(4);
      const ids = Int32Array.from({ length: sizeOf(node.shape) }, () => roll(classes + 1));
      return {
        node: oneHot(dataNode(ids, node.shape), classes),
        oracle: o.oneHot(o.array64(ids, node.shape), classes),
      };
    },
  ];

  const values: Pair[] = [leaf(randomShape()), leaf(randomShape())];
  while (values.length < size + 2) {
    // Mostly recent values, so that graphs grow deep as well as wide.
    const x = roll(4) > 0 ? values[Math.max(0, values.length - 1 - roll(3))] : pick(values);
    const choice = roll(10);
    let next: Pair | null;
    if (choice < 3) next = pick(unary)(x);
    else if (choice < 6) {
      const fitting = values.filter(
        ({ node: { shape } }) =>
          shape.length <= x.node.shape.length &&
          shape.every((n, d) => n === 1 || n === x.node.shape[d + x.node.shape.length - shape.length]),
      );
      const y =
        roll(3) === 0 ? leaf(narrower(x.node.shape)) : roll(6) === 0 ? number((roll(9) - 4) / 2) : pick(fitting);
      next = roll(2) === 0 ? pick(binary)(x, y) : pick(binary)(y, x);
    } else next = pick(other)(x);
    if (next !== null && sizeOf(next.node.shape) <= most) values.push(next);
  }
  return values;
}
