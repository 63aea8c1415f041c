/** What a number's bits say of it: 1 or 0. */

import { builder, elementwise } from './elementwise.ts';

const told = (name: string, test: (x: string) => string) =>
  elementwise(name, {
    expression: ([x]) => `select(V(0.0), V(1.0), ${test(x)})`,
    takesInt32: true,
    gradient: 'none',
  });

export const isNaNOp = told('isNaN', (x) => `is_nan(${x})`);
export const nans = builder(isNaNOp);

export const isFiniteOp = told('isFinite', (x) => `is_finite(${x})`);
export const finites = builder(isFiniteOp);

export const isInfOp = told('isInf', (x) => `(bitcast<U>(${x}) & U(0x7fffffffu)) == U(0x7f800000u)`);
export const infinities = builder(isInfOp);
