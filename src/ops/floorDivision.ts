/** Division that rounds down, and its remainder, which has the divisor's sign. Of int32 both are exact, and int32. */

import { createNode, type Node } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { alike, exact, mul, NONE, neg } from './elementwise.ts';

export const floorDivideOp = exact('floorDivide', {
  expression([x, y], _, scope) {
    scope.functions(shaders.floor_division);
    return `floor_quotient(${x}, ${y})`;
  },
  ofInt32([x, y], scope) {
    scope.functions(shaders.floor_division);
    return `whole_floor_quotient(${x}, ${y})`;
  },
  picks: true,
  gradient: 'none',
});
export const floorDivide = (x: Node, y: Node): Node => createNode(floorDivideOp, alike([x, y]), NONE);

export const modOp = exact('mod', {
  expression([x, y], _, scope) {
    scope.functions(shaders.floor_division);
    return `floor_rest(${x}, ${y})`;
  },
  ofInt32([x, y], scope) {
    scope.functions(shaders.floor_division);
    return `whole_floor_rest(${x}, ${y})`;
  },
  picks: true,
  gradient: ([x, y], _, g) => [() => g, () => neg(mul(g, floorDivide(x, y)))],
});
export const mod = (x: Node, y: Node): Node => createNode(modOp, alike([x, y]), NONE);
