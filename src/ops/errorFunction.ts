/** The error function: see error_function.wgsl. */

import * as shaders from '../wgsl/shaders.generated.ts';
import { builder, elementwise, exp, mul, neg, square } from './elementwise.ts';
import { fullNode } from './leaf.ts';

export const erfOp = elementwise('erf', {
  expression([x], _, scope) {
    scope.functions(shaders.error_function);
    return `error_function(${x})`;
  },
  gradient: ([x], _, g) => [() => mul(g, mul(fullNode(2 / Math.sqrt(Math.PI)), exp(neg(square(x)))))],
});
export const erf = builder(erfOp);
