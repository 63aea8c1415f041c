/** Tensors of evenly spaced numbers, the identity matrix, and tensors in the shape of others. */

import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { oneHot } from '../ops/gather.ts';
import { dataNode, fullNode } from '../ops/leaf.ts';
import { broadcastTo } from '../ops/reduce.ts';
import { nodeOf, numberOf, type TensorOptions, tensorNode } from './operands.ts';
import { Tensor, type TensorLike } from './tensor.ts';

/** The most values that are made: 4 GiB, about what the largest buffers hold. */
const MOST = 2 ** 30;

function checkCount(who: string, what: string, count: number): void {
  if (Number.isInteger(count) && count >= 1 && count <= MOST) return;
  throw new ArgumentError(
    `${who}: expected ${what} to be a whole number from 1 to 2^30, got ${describe(count)}. Tensors are never empty.`,
  );
}

/**
 * The numbers from `start` on, by default 0, up to and without `stop`, `step` apart, by default 1: `arange(3)` is 0, 1, 2. float32, or
 * int32 by the option; computed in float64 and rounded once.
 * @throws ArgumentError where there is no such number
 */
export function arange(stop: number): Tensor;
export function arange(start: number, stop: number, step?: number, options?: TensorOptions): Tensor;
export function arange(first: number, second?: number, step = 1, options: TensorOptions = {}): Tensor {
  const [start, stop] = second === undefined ? [0, first] : [first, second];
  for (const value of [start, stop, step]) numberOf(value, 'arange', 'start, stop and step');
  checkOptions('arange', options, { dtype: true });
  const count = Math.ceil((stop - start) / step);
  if (!(count >= 1 && count <= MOST)) {
    throw new ArgumentError(
      `arange: from ${start} to ${stop} by ${step} there are ${Math.max(count, 0)} numbers, from 1 to 2^30 are possible. Choose another stop or step.`,
    );
  }
  const [all, at] = [{ length: count }, (_: unknown, i: number): number => start + i * step];
  const values = options.dtype === undefined ? Float32Array.from(all, at) : Array.from(all, at);
  return new Tensor(tensorNode(values, 'arange', [count], options));
}

/** `count` numbers from `start` to `stop`, both among them, float32. */
export function linspace(start: number, stop: number, count: number): Tensor {
  for (const value of [start, stop]) numberOf(value, 'linspace', 'start and stop');
  checkCount('linspace', 'count', count);
  const last = count - 1;
  const values = Float32Array.from({ length: count }, (_, i) =>
    i === last && i > 0 ? stop : start + ((stop - start) * i) / Math.max(last, 1),
  );
  return new Tensor(dataNode(values, [count]));
}

/** Ones on the diagonal and zeros elsewhere [rows, columns]; `columns` is `rows` by default. */
export function eye(rows: number, columns: number = rows): Tensor {
  checkCount('eye', 'rows', rows);
  checkCount('eye', 'columns', columns);
  const places = Int32Array.from({ length: rows }, (_, i) => i);
  return new Tensor(oneHot(dataNode(places, [rows]), columns));
}

/** The same number everywhere, in the shape of `x`: int32 where `x` is, else float32. */
export const fullLike = (x: TensorLike, value: number): Tensor => filled(x, value, 'fullLike');
/** All 0, in the shape of `x`: int32 where `x` is, else float32. */
export const zerosLike = (x: TensorLike): Tensor => filled(x, 0, 'zerosLike');
/** All 1, in the shape of `x`: int32 where `x` is, else float32. */
export const onesLike = (x: TensorLike): Tensor => filled(x, 1, 'onesLike');

function filled(x: TensorLike, value: number, who: string): Tensor {
  const { shape, dtype } = nodeOf(x, who);
  numberOf(value, who, 'value');
  if (dtype !== 'int32') return new Tensor(fullNode(value, shape));
  return new Tensor(broadcastTo(tensorNode(value, who, [], { dtype }), shape));
}
