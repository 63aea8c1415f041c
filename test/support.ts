/** What the tests of operations share: seeded inputs, evaluation on the device, and comparison with the float64 oracle. */

import * as assert from 'uvu/assert';
import type { HostArray } from '../src/base/dtype.ts';
import { KERNEL_BLOCKS, pcg4d, permutation, uniform } from '../src/base/random.ts';
import { type Shape, sizeOf } from '../src/base/shape.ts';
import type { Node } from '../src/ir/op.ts';
import { add, copy, mul } from '../src/ops/elementwise.ts';
import { gradients } from '../src/ops/gradients.ts';
import { dataNode } from '../src/ops/leaf.ts';
import { sum } from '../src/ops/reduce.ts';
import { Tensor } from '../src/tensor/index.ts';
import { realise } from '../src/tensor/lazyValue.ts';
import { type Array64, array64, relativeError, sampledDifference, sampleIndices, softmax } from './reference.ts';

/** Relative error of one operation: a few float32 roundings, and what exp and log of the adapters lose. */
export const TOLERANCE = 1e-5;

export interface Input {
  readonly shape: Shape;
  readonly values: HostArray;
}

let seed = 0;

/** Uniform draws, none closer than 0.01 to 0, where many functions have a kink. Every call has a seed of its own. */
export function draw(shape: Shape, low = -2, high = 2): Input {
  const values = uniform(sizeOf(shape), { seed: ++seed, low, high }).map((value) =>
    Math.abs(value) < 0.01 ? value + (value < 0 ? -0.01 : 0.01) : value,
  );
  return { shape, values };
}

/** Values between -2 and 2 that lie 4 / size apart, in random order: no two tie. */
export function distinct(shape: Shape): Input {
  const size = sizeOf(shape);
  const values = Float32Array.from(permutation(size, ++seed), (place) => ((place + 0.5) / size - 0.5) * 4);
  return { shape, values };
}

export const given = (values: readonly number[], shape: Shape = [values.length]): Input => ({
  shape,
  values: Float32Array.from(values),
});
export const ints = (values: readonly number[], shape: Shape = [values.length]): Input => ({
  shape,
  values: Int32Array.from(values),
});
export const bytes = (values: readonly number[], shape: Shape = [values.length]): Input => ({
  shape,
  values: Uint8Array.from(values),
});

/** Rows that add up to one. */
export function distributions(shape: Shape): Input {
  return { shape, values: Float32Array.from(softmax(oracleOf(draw(shape))).data) };
}

/** Element i of what kernels draw in the first step, in units of 2^-24, from the generator that the host shares with them. */
export const drawnAt = (i: number, key: number): number => pcg4d((i >>> 2) ^ KERNEL_BLOCKS, 0, key, 0)[i & 3] >>> 8;

/** The dropout mask, scaled. */
export function maskOf(shape: Shape, rate: number, key: number): Array64 {
  const threshold = Math.round(rate * 2 ** 24);
  const scale = rate < 1 ? 1 / (1 - rate) : 0;
  const keep = (_: unknown, i: number): number => (drawnAt(i, key) >= threshold ? scale : 0);
  return array64(Array.from({ length: sizeOf(shape) }, keep), shape);
}

export const nodeOf = ({ values, shape }: Input): Node => dataNode(values, shape);
export const oracleOf = ({ values, shape }: Input): Array64 => array64(values, shape);

/** The values of nodes, computed in one plan; equal nodes once. */
export async function evaluate(nodes: readonly Node[]): Promise<HostArray[]> {
  const tensors = new Map(nodes.map((node) => [node, new Tensor(node)]));
  await realise([...tensors.values()]);
  const values = new Map<Node, HostArray>();
  for (const [node, one] of tensors) {
    values.set(node, await one.data());
    one.dispose();
  }
  return nodes.map((node) => values.get(node) ?? new Float32Array());
}

export function assertClose(
  actual: ArrayLike<number>,
  expected: ArrayLike<number>,
  what: string,
  tolerance = TOLERANCE,
): void {
  const error = relativeError(actual, expected);
  if (error <= tolerance) return;
  const show = (values: ArrayLike<number>): string => Array.from(values).slice(0, 8).join(', ');
  assert.unreachable(
    `${what}: relative error ${error} > ${tolerance}\n  got      ${show(actual)}\n  expected ${show(expected)}`,
  );
}

export function assertSame(actual: ArrayLike<number>, expected: ArrayLike<number>, what: string): void {
  assert.equal(Array.from(actual), Array.from(expected), what);
}

export interface Comparison {
  readonly inputs: readonly Input[];
  readonly gpu: (...nodes: Node[]) => Node;
  readonly oracle: (...arrays: Array64[]) => Array64;
  /** Inputs whose gradient is compared; default: all of float32. */
  readonly wrt?: readonly number[];
  readonly tolerance?: number;
  /** Elements a gradient is sampled at, default 12. */
  readonly samples?: number;
}

/** Asserts that value and gradient on the device are those of the oracle. */
export async function compare({
  inputs,
  gpu,
  oracle,
  wrt = inputs.flatMap(({ values }, at) => (values instanceof Float32Array ? [at] : [])),
  tolerance = TOLERANCE,
  samples = 12,
}: Comparison): Promise<void> {
  const nodes = inputs.map(nodeOf);
  const arrays = inputs.map(oracleOf);
  const y = gpu(...nodes);
  const expected = oracle(...arrays);
  assert.equal([...y.shape], [...expected.shape], 'shape');
  const weight = draw(y.shape, 0.5, 1.5);
  const targets = wrt.map((at) => nodes[at]);
  const slopes = gradients(sum(mul(y.dtype === 'int32' ? copy(y) : y, nodeOf(weight))), targets);
  const [value, ...actual] = await evaluate([y, ...slopes]);
  assertClose(value, expected.data, 'value', tolerance);
  const scalar = (moved: Array64[]): number => {
    const { data } = oracle(...moved);
    return data.reduce((total, one, i) => total + one * weight.values[i], 0);
  };
  wrt.forEach((which, at) => {
    assert.is(actual[at].length, arrays[which].data.length);
    const indices = sampleIndices(actual[at].length, samples);
    const slope = sampledDifference(scalar, arrays, which, indices);
    const sampled = indices.map((index) => actual[at][index]);
    assertClose(sampled, slope, `gradient of input ${which}`, tolerance);
  });
}

/**
 * Asserts that the gradient of the gradient is the oracle's. With d random directions, the slope of F along d is <∇F, d>;
 * its gradient is compared with the mixed central difference of F, whose error is of order h².
 */
export async function compareSecondOrder(
  inputs: readonly Input[],
  gpu: (...nodes: Node[]) => Node,
  oracle: (...arrays: Array64[]) => number,
  { wrt = inputs.map((_, at) => at), h = 1e-3, tolerance = 1e-4, samples = 10 } = {},
): Promise<void> {
  const nodes = inputs.map(nodeOf);
  const arrays = inputs.map(oracleOf);
  const directions = wrt.map((at) => draw(inputs[at].shape, -1, 1));
  const targets = wrt.map((at) => nodes[at]);
  const first = gradients(gpu(...nodes), targets);
  const slope = first
    .map((gradient, at) => sum(mul(gradient, nodeOf(directions[at]))))
    .reduce((total, one) => add(total, one));
  const second = await evaluate(gradients(slope, targets));
  const along = (step: number): Array64[] => {
    const moved = [...arrays];
    wrt.forEach((which, at) => {
      const direction = directions[at].values;
      moved[which] = { ...arrays[which], data: arrays[which].data.map((value, i) => value + step * direction[i]) };
    });
    return moved;
  };
  const forward = along(h);
  const backward = along(-h);
  wrt.forEach((which, at) => {
    const indices = sampleIndices(arrays[which].data.length, samples);
    const f = (moved: Array64[]): number => oracle(...moved);
    const ahead = sampledDifference(f, forward, which, indices, h);
    const behind = sampledDifference(f, backward, which, indices, h);
    const expected = ahead.map((value, i) => (value - behind[i]) / (2 * h));
    const sampled = indices.map((index) => second[at][index]);
    assertClose(sampled, expected, `second-order gradient of input ${which}`, tolerance);
  });
}
