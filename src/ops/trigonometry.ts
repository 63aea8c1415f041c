/** Trigonometric and hyperbolic functions of radians, and their inverses: see trigonometry.wgsl. */

import type { Node } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { add, builder, div, elementwise, mul, neg, sqrt, square, sub } from './elementwise.ts';
import { fullNode } from './leaf.ts';

/** `slope`: of the result y at the inputs, one an input. */
const angular = (name: string, wgsl: string, slopes: (inputs: readonly Node[], y: Node) => readonly (() => Node)[]) =>
  elementwise(name, {
    expression(inputs, _, scope) {
      scope.functions(shaders.trigonometry);
      return `${wgsl}(${inputs.join(', ')})`;
    },
    gradient: (inputs, y, g) => slopes(inputs, y).map((slope) => () => mul(g, slope())),
  });

/** 1 / sqrt(1 - x²), by factors that lose no digit near 1. */
const overCircle = (sign: number, x: Node): Node =>
  div(fullNode(sign), sqrt(mul(sub(fullNode(1), x), add(fullNode(1), x))));

export const sinOp = angular('sin', 'sine', ([x]) => [() => cos(x)]);
export const sin = builder(sinOp);

export const cosOp = angular('cos', 'cosine', ([x]) => [() => neg(sin(x))]);
export const cos = builder(cosOp);

export const tanOp = angular('tan', 'tangent', (_, y) => [() => add(fullNode(1), square(y))]);
export const tan = builder(tanOp);

export const asinOp = angular('asin', 'arc_sine', ([x]) => [() => overCircle(1, x)]);
export const asin = builder(asinOp);

export const acosOp = angular('acos', 'arc_cosine', ([x]) => [() => overCircle(-1, x)]);
export const acos = builder(acosOp);

export const atanOp = angular('atan', 'arc_tangent', ([x]) => [() => div(fullNode(1), add(fullNode(1), square(x)))]);
export const atan = builder(atanOp);

export const atan2Op = angular('atan2', 'angle_of', ([y, x]) => [
  () => div(x, add(square(x), square(y))),
  () => neg(div(y, add(square(x), square(y)))),
]);
export const atan2 = builder(atan2Op);

export const sinhOp = angular('sinh', 'hyperbolic_sine', ([x]) => [() => cosh(x)]);
export const sinh = builder(sinhOp);

export const coshOp = angular('cosh', 'hyperbolic_cosine', ([x]) => [() => sinh(x)]);
export const cosh = builder(coshOp);
