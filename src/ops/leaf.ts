/** Leaves of the graph: values given by the host, memory that lives on a device, and plain numbers. */

import type { HostArray } from '../base/dtype.ts';
import { StateError } from '../base/errors.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';

export interface DataAttributes {
  readonly values: HostArray;
  readonly shape: Shape;
}

export const data: BuiltInOp<DataAttributes> = {
  name: 'data',
  infer: (_, { values, shape }) => ({
    shape,
    dtype: values instanceof Float32Array ? 'float32' : values instanceof Int32Array ? 'int32' : 'uint8',
  }),
  gradient: () => [],
  partition: 'whole',
  lowering: { kind: 'leaf', storage: (node) => ({ kind: 'host', values: node.attributes.values }) },
};

/** Host values; uploaded when a plan first needs them. */
export function dataNode(values: HostArray, shape: Shape): Node {
  return createNode(data, [], { values, shape });
}

export interface StoredAttributes {
  readonly storage: Storage;
  readonly shape: Shape;
  readonly dtype: Node['dtype'];
}

export const stored: BuiltInOp<StoredAttributes> = {
  name: 'stored',
  infer: (_, { shape, dtype }) => ({ shape, dtype }),
  gradient: () => [],
  partition: 'whole',
  lowering: {
    kind: 'leaf',
    storage({ attributes: { storage, shape } }) {
      if (storage.freed) {
        throw new StateError(
          `A tensor ${formatShape(shape)} was disposed of, and so cannot be computed with. Call dispose() after its last use, or build it anew.`,
        );
      }
      return { kind: 'device', storage };
    },
  },
};

/** Memory on a device. */
export function storedNode(storage: Storage, shape: Shape, dtype: Node['dtype'] = 'float32'): Node {
  return createNode(stored, [], { storage, shape, dtype });
}

export interface FullAttributes {
  readonly value: number;
  readonly shape: Shape;
}

export const full: BuiltInOp<FullAttributes> = {
  name: 'full',
  infer: (_, { shape }) => ({ shape, dtype: 'float32' }),
  gradient: () => [],
  partition: { cuts: () => ['elementwise'], sizes: ['shape'] },
  lowering: { kind: 'pointwise', expression: (node, _, scope) => scope.constant(node.attributes.value) },
};

/** One number everywhere; it travels in the uniforms of whatever kernel reads it. */
export function fullNode(value: number, shape: Shape = []): Node {
  return createNode(full, [], { value, shape });
}
