/** Division that rounds down, and its remainder, which has the divisor's sign. Of int32 both are exact, and int32. */

import { createNode, type Node } from '../ir/op.ts';
import type { PointwiseScope } from '../ir/scope.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { alike, exact, mul, NONE, neg } from './elementwise.ts';

/** By a function of floor_division.wgsl: its name, or that for int32. */
const call =
  (name: string) =>
  ([x, y]: readonly string[], scope: PointwiseScope): string => {
    scope.functions(shaders.floor_division);
    return `${name}(${x}, ${y})`;
  };

export const floorDivideOp = exact('floorDivide', {
  expression: (inputs, _, scope) => call('floor_quotient')(inputs, scope),
  ofInt32: call('whole_floor_quotient'),
  gradient: 'none',
});
export const floorDivide = (x: Node, y: Node): Node => createNode(floorDivideOp, alike([x, y]), NONE);

export const modOp = exact('mod', {
  expression: (inputs, _, scope) => call('floor_rest')(inputs, scope),
  ofInt32: call('whole_floor_rest'),
  gradient: ([x, y], _, g) => [() => g, () => neg(mul(g, floorDivide(x, y)))],
});
export const mod = (x: Node, y: Node): Node => createNode(modOp, alike([x, y]), NONE);
