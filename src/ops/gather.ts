/** Picking rows by index: gather and its transpose, and one-hot rows. */

import { describe } from '../base/describe.ts';
import { ArgumentError } from '../base/errors.ts';
import { normalizeAxis, sizeOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, expectDtype, type Node, rowAxis } from '../ir/op.ts';
import * as shaders from '../wgsl/shaders.generated.ts';
import { isLong, withLongSum } from './longSum.ts';

export interface GatherAttributes {
  readonly axis: number;
}

export const gatherOp: BuiltInOp<GatherAttributes> = {
  name: 'gather',
  infer([x, ids], { axis }) {
    expectDtype(ids, 'int32', 'gather (ids)');
    return {
      shape: [...x.shape.slice(0, axis), ...ids.shape, ...x.shape.slice(axis + 1)],
      dtype: x.dtype === 'uint8' ? 'float32' : x.dtype,
    };
  },
  gradient: ({ inputs: [x, ids], attributes: { axis } }, g) => [
    createNode(scatterAddOp, [g, ids], { axis, rows: x.shape[axis] }),
    null,
  ],
  partition: {
    // Along axes before the ids', or along the ids.
    cuts({ inputs: [, ids], attributes: { axis } }, row) {
      const first = rowAxis(ids.shape);
      return row >= 0 && row < axis ? [row] : [{ inputs: [null, first], result: axis + first }];
    },
  },
  lowering: {
    kind: 'view',
    body({ inputs: [x, ids], attributes: { axis }, dtype }, scope) {
      const inner = sizeOf(x.shape.slice(axis + 1));
      const rows = x.shape[axis];
      const count = sizeOf(ids.shape);
      const nothing = scope.constant(dtype === 'int32' ? 0 : Number.NaN);
      return (
        `let row = ${scope.readOne(1, `e / ${inner}u % ${count}u`)}; ` +
        `if (row < 0 || row >= ${rows}) { return ${nothing}; } ` +
        `return ${scope.read(0, `(e / ${inner * count}u * ${rows}u + u32(row)) * ${inner}u + e % ${inner}u`)};`
      );
    },
    keepsRows: ({ inputs: [x], attributes: { axis } }) => sizeOf(x.shape.slice(axis + 1)),
  },
};

/** Rows of `x` along `axis`, in the order of `ids` (int32). An id out of range gives NaN. */
export function gather(x: Node, ids: Node, axis = 0): Node<GatherAttributes> {
  const normalized = normalizeAxis(axis, x.shape.length, 'gather');
  return createNode(gatherOp, [x, ids], { axis: normalized });
}

export interface ScatterAttributes extends GatherAttributes {
  readonly rows: number;
}

/** Inputs: g with the ids' dimensions in the place of `axis`, ids. Adds the rows of g into `rows` rows. */
export const scatterAddOp: BuiltInOp<ScatterAttributes> = {
  name: 'scatterAdd',
  infer: ([g, ids], { axis, rows }) => ({
    shape: [...g.shape.slice(0, axis), rows, ...g.shape.slice(axis + ids.shape.length)],
    dtype: 'float32',
  }),
  gradient: ({ inputs: [, ids], attributes: { axis } }, g) => [gather(g, ids, axis), null],
  partition: 'whole',
  lowering: {
    kind: 'kernel',
    kernels({ inputs: [g, ids], attributes: { axis, rows }, shape }) {
      const count = sizeOf(shape);
      return [
        {
          label: 'scatterAdd',
          source: withLongSum(shaders.scatter_add),
          holes: { LONG: isLong(sizeOf(ids.shape)) },
          reads: [
            { name: 'g', operand: g, element: 'f32' },
            { name: 'ids', operand: ids, element: 'i32' },
          ],
          uniforms: { count, rows, ids: sizeOf(ids.shape), inner: sizeOf(shape.slice(axis + 1)) },
          grid: Math.ceil(count / 64),
        },
      ];
    },
  },
};

export interface OneHotAttributes {
  readonly classes: number;
}

export const oneHotOp: BuiltInOp<OneHotAttributes> = {
  name: 'oneHot',
  infer([ids], { classes }) {
    expectDtype(ids, 'int32', 'oneHot');
    if (!Number.isInteger(classes) || classes < 1) {
      throw new ArgumentError(
        `oneHot: expected a whole number of classes of at least 1, got ${describe(classes)}. Give the number of classes.`,
      );
    }
    return { shape: [...ids.shape, classes], dtype: 'float32' };
  },
  gradient: () => 'none',
  partition: { cuts: (_, axis) => [axis] },
  lowering: {
    kind: 'view',
    body: (node, scope) =>
      `return select(0.0, 1.0, ${scope.read(0, `e / ${node.attributes.classes}u`)} == i32(e % ${node.attributes.classes}u));`,
  },
};

/** Rows of zeros with a one at the id; an id out of range gives zeros. */
export const oneHot = (ids: Node, classes: number): Node => createNode(oneHotOp, [ids], { classes });
