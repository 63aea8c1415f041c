/** Joining tensors along an axis: a view like those of views.ts. */

import { ArgumentError, ShapeError } from '../base/errors.ts';
import { formatShape, normalizeAxis, stridesOf } from '../base/shape.ts';
import { type BuiltInOp, createNode, type Node } from '../ir/op.ts';
import { lastOf, runOf, slice } from './views.ts';

export interface ConcatAttributes {
  readonly axis: number;
}

export const concatOp: BuiltInOp<ConcatAttributes> = {
  name: 'concat',
  infer(inputs, { axis }) {
    const [first] = inputs;
    for (const input of inputs) {
      const fits =
        input.dtype === first.dtype &&
        input.shape.length === first.shape.length &&
        input.shape.every((extent, d) => d === axis || extent === first.shape[d]);
      if (!fits) {
        throw new ShapeError(
          `concat: ${inputs.map((one) => `${one.dtype} ${formatShape(one.shape)}`).join(', ')} differ elsewhere than on axis ${axis}. ` +
            'Make all other extents and the dtypes equal.',
        );
      }
    }
    const total = inputs.reduce((sum, input) => sum + input.shape[axis], 0);
    return { shape: first.shape.map((extent, d) => (d === axis ? total : extent)), dtype: first.dtype };
  },
  gradient(node, upstream) {
    const { axis } = node.attributes;
    let start = 0;
    return node.inputs.map((input) => {
      const begin = input.shape.map((_, d) => (d === axis ? start : 0));
      start += input.shape[axis];
      return slice(upstream, begin, input.shape);
    });
  },
  partition: {
    cuts: ({ inputs, attributes }, axis) =>
      axis < attributes.axis ? [{ inputs: inputs.map(() => axis), result: axis }] : [],
  },
  lowering: {
    kind: 'view',
    body(node, scope) {
      const { axis } = node.attributes;
      let start = 0;
      const cases = node.inputs.map((input, at) => {
        const strides = stridesOf(input.shape);
        const index = strides
          .map((stride, d) => (d === axis ? `(c${d} - ${start}u) * ${stride}u` : `c${d} * ${stride}u`))
          .join(' + ');
        start += input.shape[axis];
        const value = `return ${scope.read(at, index)};`;
        return at === node.inputs.length - 1 ? value : `if (c${axis} < ${start}u) { ${value} }`;
      });
      return `${scope.coordinates(node.shape)} ${cases.join(' ')}`;
    },
    keepsRows: ({ inputs }) => runOf(...inputs.map(({ shape }) => lastOf(shape))),
  },
};

/** Joins tensors along an axis; at most seven at once reach one kernel, more are joined in a tree. */
export function concat(inputs: readonly Node[], axis = -1): Node {
  if (inputs.length === 0) throw new ArgumentError('concat: got no tensors. Give at least one.');
  const normalized = normalizeAxis(axis, inputs[0].shape.length, 'concat');
  let list = inputs;
  while (list.length > 1) {
    const next: Node[] = [];
    for (let i = 0; i < list.length; i += 7) {
      const part = list.slice(i, i + 7);
      next.push(part.length === 1 ? part[0] : createNode(concatOp, part, { axis: normalized }));
    }
    list = next;
  }
  return list[0];
}
