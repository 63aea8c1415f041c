/** Tensors made from values, and from one number. */

import type { HostArray } from '../base/dtype.ts';
import { checkNoMore } from '../base/optionNames.ts';
import { checkShape, type Shape } from '../base/shape.ts';
import { fullNode } from '../ops/leaf.ts';
import { type NestedRows, nodeOf, numberOf, type TensorOptions, tensorNode } from './operands.ts';
import { Tensor, type TensorLike } from './tensor.ts';

/**
 * A tensor of the given values, copied. `data` is a number, nested arrays, whose rows may be typed arrays of any kind of
 * number, or a typed array of one of the dtypes; `shape` defaults to theirs.
 * @throws ShapeError when the values do not fill the shape or rows differ in length
 * @throws ArgumentError when something is no number
 * @throws DtypeError when a value is none of the dtype, or a typed array of another type than the three
 */
export function tensor(data: NestedRows | HostArray, shape?: Shape, options: TensorOptions = {}): Tensor {
  return new Tensor(tensorNode(data, 'tensor', shape, options));
}

/** The tensor that `value` is or stands for; `who` asks for it. @internal */
export const asTensor = (value: TensorLike, who: string): Tensor =>
  value instanceof Tensor ? value : new Tensor(nodeOf(value, who));

/** The same number everywhere; takes no memory until it is read. */
export const full: (shape: Shape, value: number) => Tensor = (shape, value, ...extra: readonly unknown[]) => {
  checkNoMore('full', extra);
  return filled('full', shape, value);
};
/** All 0, float32. */
export const zeros: (shape: Shape) => Tensor = (shape, ...extra: readonly unknown[]) => {
  checkNoMore('zeros', extra);
  return filled('zeros', shape, 0);
};
/** All 1, float32. */
export const ones: (shape: Shape) => Tensor = (shape, ...extra: readonly unknown[]) => {
  checkNoMore('ones', extra);
  return filled('ones', shape, 1);
};

function filled(who: string, shape: Shape, value: number): Tensor {
  checkShape(shape, who);
  return new Tensor(fullNode(numberOf(value, who, 'value'), [...shape]));
}
