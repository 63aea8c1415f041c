/** Sorting along the last axis: the order of the elements, and what lies in that order. */

import { sizeOf } from '../base/shape.ts';
import { type Binding, type BuiltInOp, createNode, type KernelTemplate, type Node, type Scratch } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { copy, NONE, type None } from './elementwise.ts';
import { lastOf } from './views.ts';

export interface OrderAttributes {
  readonly descending: boolean;
  /** Whether NaN come first; else they come last. */
  readonly nanFirst: boolean;
}

/** Elements that the first pass sorts by counting. */
const BLOCK = 32;

/** Along any axis but the last, of all inputs. */
const rowsOf = (inputs: number) => ({
  cuts: ({ shape }: Node, axis: number) =>
    axis < shape.length - 1 ? [{ inputs: new Array<number>(inputs).fill(axis), result: axis }] : [],
});

/** Which element of its row stands at each place, int32; of equal ones the first stands first. */
export const sortOrderOp: BuiltInOp<OrderAttributes> = {
  name: 'sortOrder',
  infer: ([x]) => ({ shape: x.shape, dtype: 'int32' }),
  gradient: () => 'none',
  partition: rowsOf(1),
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [x], attributes: { descending, nanFirst }, shape }) {
      const size = sizeOf(shape);
      const columns = lastOf(shape);
      const integers = x.dtype === 'int32';
      const read: Binding = { name: 'x', operand: x, element: integers ? 'i32' : 'f32' };
      const kernels: KernelTemplate[] = [];
      let order: Scratch | null = null;
      for (let width = BLOCK, first = true; first || width < columns; first = false) {
        const next: Scratch | null = (first ? width : 2 * width) < columns ? { bytes: size * 4 } : null;
        kernels.push({
          label: next === null ? 'sort' : first ? 'sort (blocks)' : 'sort (merge)',
          source: shaders.sort_merge,
          holes: {
            INTEGERS: integers,
            DESCENDING: descending,
            NAN_FIRST: nanFirst,
            FIRST: first,
            LAST: next === null,
          },
          reads: [read, ...(order === null ? [] : [{ name: 'order', operand: order, element: 'u32' }])],
          writes: next === null ? [] : [{ name: 'next', operand: next, element: 'u32' }],
          uniforms: { size, columns, width },
          grid: Math.ceil(size / 64),
        });
        order = next;
        if (!first) width *= 2;
      }
      return kernels;
    },
  },
};

/** The order of the last axis; NaN come last, or first. */
export const sortOrder = (x: Node, descending: boolean, nanFirst: boolean): Node =>
  createNode(sortOrderOp, [x.dtype === 'uint8' ? copy(x) : x], { descending, nanFirst });

/** Where each element of a row stands in an order. */
export const invertOrderOp: BuiltInOp<None> = {
  name: 'invertOrder',
  infer: ([order]) => ({ shape: order.shape, dtype: 'int32' }),
  gradient: () => 'none',
  partition: rowsOf(1),
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [order], shape }) {
      const size = sizeOf(shape);
      return [
        {
          label: 'invertOrder',
          source: shaders.invert_order,
          reads: [{ name: 'order', operand: order, element: 'i32' }],
          uniforms: { size, columns: lastOf(shape) },
          grid: Math.ceil(size / 64),
        },
      ];
    },
  },
};
export const invertOrder = (order: Node): Node => createNode(invertOrderOp, [order], NONE);

export interface CountAttributes {
  readonly count: number;
}

/** The first `count` elements of each row in an order of it. Inputs: values, order. */
export const inOrderOp: BuiltInOp<CountAttributes> = {
  name: 'inOrder',
  infer: ([x], { count }) => ({ shape: x.shape.with(-1, count), dtype: x.dtype }),
  gradient: ({ inputs: [x, order] }, g) => [
    createNode(outOfOrderOp, [g, invertOrder(order)], { count: lastOf(x.shape) }),
    null,
  ],
  partition: rowsOf(2),
  lowering: {
    kind: 'view',
    body({ inputs: [x], attributes: { count } }, scope) {
      const row = `e / ${count}u * ${lastOf(x.shape)}u`;
      return `return ${scope.read(0, `${row} + u32(${scope.readOne(1, `${row} + e % ${count}u`)})`)};`;
    },
  },
};
export const inOrder = (x: Node, order: Node, count: number): Node => createNode(inOrderOp, [x, order], { count });

/** Its transpose: the elements back at their places in rows of `count`, zeros elsewhere. Inputs: values, places. */
export const outOfOrderOp: BuiltInOp<CountAttributes> = {
  name: 'outOfOrder',
  infer: ([g], { count }) => ({ shape: g.shape.with(-1, count), dtype: 'float32' }),
  gradient: ({ inputs: [g, places] }, upstream) => [inOrder(upstream, invertOrder(places), lastOf(g.shape)), null],
  partition: rowsOf(2),
  lowering: {
    kind: 'view',
    body({ inputs: [g], attributes: { count } }, scope) {
      const kept = lastOf(g.shape);
      return (
        `let place = u32(${scope.readOne(1, 'e')}); ` +
        `if (place >= ${kept}u) { return ${scope.constant(0)}; } ` +
        `return ${scope.read(0, `e / ${count}u * ${kept}u + place`)};`
      );
    },
  },
};
