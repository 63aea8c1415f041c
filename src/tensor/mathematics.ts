/** Elementwise functions that few programs use: functions alone, so that others do not load them. */

import type { Node } from '../ir/op.ts';
import { erf as erfNode } from '../ops/errorFunction.ts';
import * as f from '../ops/finiteness.ts';
import * as d from '../ops/floorDivision.ts';
import * as r from '../ops/rounding.ts';
import * as t from '../ops/trigonometry.ts';
import { nodeOf } from './operands.ts';
import { Tensor, type TensorLike } from './tensor.ts';

const unary =
  (name: string, make: (x: Node) => Node) =>
  (x: TensorLike): Tensor =>
    new Tensor(make(nodeOf(x, name)));
const binary =
  (name: string, make: (x: Node, y: Node) => Node) =>
  (x: TensorLike, y: TensorLike): Tensor =>
    new Tensor(make(nodeOf(x, name), nodeOf(y, name)));

/** The largest whole number that is not above x; NaN stays NaN. No gradient flows, here and in `ceil` and `round`. */
export const floor = unary('floor', r.floor);
/** The smallest whole number that is not below x; NaN stays NaN. */
export const ceil = unary('ceil', r.ceil);
/** The nearest whole number, halves to the even one as in NumPy; NaN stays NaN. */
export const round = unary('round', r.round);

/**
 * x / y rounded down, broadcast, as NumPy's `floor_divide`: `floorDivide(1, 0.1)` is 9, since 0.1 is a little more than a tenth. Of
 * int32 and whole numbers it is exact and int32, and 0 where y is 0. No gradient flows.
 */
export const floorDivide = binary('floorDivide', d.floorDivide);
/**
 * What `floorDivide` leaves of x, broadcast: it has the sign of y, and is exact. NaN where y is 0 or |x / y| is 2^24 or more, where no
 * float32 tells the quotient's last digit. Of int32 and whole numbers it is exact and int32, and 0 where y is 0.
 */
export const mod = binary('mod', d.mod);

/** Sine of radians up to ±100,000; NaN beyond, where nothing is left of x's digits after whole turns are taken off. */
export const sin = unary('sin', t.sin);
/** Cosine of radians up to ±100,000; NaN beyond. */
export const cos = unary('cos', t.cos);
/** Tangent of radians up to ±100,000; NaN beyond. */
export const tan = unary('tan', t.tan);
/** The angle from -π/2 to π/2 whose sine x is; NaN outside [-1, 1]. */
export const asin = unary('asin', t.asin);
/** The angle from 0 to π whose cosine x is; NaN outside [-1, 1]. */
export const acos = unary('acos', t.acos);
/** The angle from -π/2 to π/2 whose tangent x is. */
export const atan = unary('atan', t.atan);
/** The angle from -π to π of the point (x, y), broadcast; y comes first, as everywhere. */
export const atan2: (y: TensorLike, x: TensorLike) => Tensor = binary('atan2', t.atan2);
/** Hyperbolic sine. */
export const sinh = unary('sinh', t.sinh);
/** Hyperbolic cosine. */
export const cosh = unary('cosh', t.cosh);
/** The error function, 2/√π times the integral of e^-t² from 0 to x. */
export const erf = unary('erf', erfNode);

/** 1 where x is NaN, else 0. No gradient flows, here and in `isFinite` and `isInf`. */
const nans = unary('isNaN', f.nans);
/** 1 where x is neither NaN nor infinite, else 0. */
const finites = unary('isFinite', f.finites);
/** 1 where x is infinity or -infinity, else 0. */
const infinities = unary('isInf', f.infinities);

// Globals have two of these names, which therefore are none within the library.
export { finites as isFinite, infinities as isInf, nans as isNaN };
