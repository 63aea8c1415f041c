/**
 * Which operations can be computed row by row, and how: the rows of their inputs that each piece takes, and the same
 * operation on these. Rows lie along the first axis that is longer than 1, so that neighbours in memory stay neighbours.
 */

import { bytesOf } from '../../base/dtype.ts';
import { type Shape, sizeOf } from '../../base/shape.ts';
import { createNode, isOf, type Node } from '../../ir/op.ts';
import { OFFSET_ALIGNMENT } from '../../ir/storage.ts';
import { batchRowsOp } from '../../ops/batchRows.ts';
import { concat, concatOp } from '../../ops/concat.ts';
import { conv2dInputGradientOp, conv2dKernelGradientOp, conv2dOp } from '../../ops/conv2d.ts';
import { add, dropoutOp, maximum, minimum } from '../../ops/elementwise.ts';
import { gatherOp, oneHotOp } from '../../ops/gather.ts';
import { watchOp } from '../../ops/health.ts';
import { full, fullNode } from '../../ops/leaf.ts';
import { matmulOp } from '../../ops/matmul.ts';
import {
  avgPool2dGradientOp,
  avgPool2dOp,
  maxPool2dGradientOp,
  maxPool2dOp,
  maxPool2dPickOp,
  type Pool2dAttributes,
} from '../../ops/pool2d.ts';
import { randomNormalOp, randomUniformOp } from '../../ops/random.ts';
import { argMaxOp, broadcastToOp, maxOp, minOp, sumOp } from '../../ops/reduce.ts';
import { reshape, reshapeOp } from '../../ops/reshape.ts';
import { logSoftmaxOp, softmaxCrossEntropyGradientOp, softmaxCrossEntropyOp, softmaxOp } from '../../ops/softmax.ts';
import { assignOp, optimizerUpdateOp } from '../../ops/update.ts';
import { padOp, slice, sliceOp, transposeOp } from '../../ops/views.ts';
import { window } from '../../ops/window.ts';

/** A node as pieces that can be computed one by one. */
export interface RowSplit {
  readonly count: number;
  /** Inputs of which a piece takes its own rows, so many; of all others it takes the whole. */
  readonly along: readonly { readonly input: Node; readonly rows: number }[];
  /** Pieces `begin` up to `end` of the result, from these of the inputs `along`. */
  make(parts: readonly Node[], begin: number, end: number, whole: (input: Node) => Node): Node;
  /** Where every piece gives a result of the full shape: adds two up. */
  readonly combine?: (a: Node, b: Node) => Node;
}

/** The axis of a shape's rows, and how many there are; axis -1 where there is but one element. */
export function rowsOf(shape: Shape): { readonly axis: number; readonly count: number } {
  const axis = shape.findIndex((extent) => extent > 1);
  return { axis, count: axis < 0 ? 1 : shape[axis] };
}

const withRows = (shape: Shape, axis: number, rows: number): Shape =>
  shape.map((extent, d) => (d === axis ? rows : extent));

/** How a node can be cut; null where its rows mix. */
export function splitByRows(node: Node): RowSplit | null {
  // Bytes share words.
  if (node.dtype === 'uint8') return null;
  const rule = RULES[node.op.name];
  const split = rule !== undefined ? rule(node) : node.op.lowering.kind === 'pointwise' ? pointwise(node) : null;
  return split === null || split.count < 2 ? null : split;
}

/** A number in the place of so many others. */
export const partOfConstant = (node: Node, shape: Shape): Node =>
  isOf(node, full) ? fullNode(node.attributes.value, shape) : node;

type Rule = (node: Node) => RowSplit | null;

/** Inputs whose rows are the result's, the others being broadcast or taken whole. */
function inputsAlong(node: Node): RowSplit['along'] {
  const { axis, count } = rowsOf(node.shape);
  return node.inputs
    .filter(({ shape }) => shape[axis - (node.shape.length - shape.length)] === count)
    .map((input) => ({ input, rows: 1 }));
}

/** The same operation on rows of some inputs; `attributes` are those of a piece of so many rows. */
function alike(
  node: Node,
  along: RowSplit['along'],
  attributes: (rows: number, begin: number) => unknown = () => node.attributes,
): RowSplit {
  const cut = new Map(along.map(({ input }, at) => [input, at]));
  return {
    count: rowsOf(node.shape).count,
    along,
    make(parts, begin, end, whole) {
      const inputs = node.inputs.map((input) => {
        const at = cut.get(input);
        return at === undefined ? whole(input) : parts[at];
      });
      return createNode(node.op, inputs, attributes(end - begin, begin));
    },
  };
}

function pointwise(node: Node): RowSplit {
  const { axis } = rowsOf(node.shape);
  if (isOf(node, full)) {
    const { count } = rowsOf(node.shape);
    return { count, along: [], make: (_, begin, end) => partOfConstant(node, withRows(node.shape, axis, end - begin)) };
  }
  return alike(node, inputsAlong(node));
}

/** The result's rows are those of its first input, whose other rows it does not read. */
const ofFirst =
  (fits: (node: Node, axis: number) => boolean): Rule =>
  (node) => {
    const [x] = node.inputs;
    const { axis } = rowsOf(x.shape);
    return axis >= 0 && fits(node, axis) ? alike(node, [{ input: x, rows: 1 }]) : null;
  };

/** Sums over the rows of several inputs, piece by piece. */
function summed(node: Node, inputs: readonly Node[], count: number, combine: (a: Node, b: Node) => Node): RowSplit {
  const split = alike(
    node,
    inputs.map((input) => ({ input, rows: 1 })),
  );
  return { ...split, count, combine };
}

function reduction(combine: (a: Node, b: Node) => Node): Rule {
  return (node) => {
    if (!isOf(node, sumOp) && !isOf(node, maxOp) && !isOf(node, minOp)) return null;
    const [x] = node.inputs;
    const rows = rowsOf(x.shape);
    const { axis, count } = node.attributes;
    if (rows.axis < 0) return null;
    if (rows.axis >= axis && rows.axis < axis + count) return summed(node, [x], rows.count, combine);
    return alike(node, [{ input: x, rows: 1 }]);
  };
}

function images(node: Node, inputs: readonly Node[]): RowSplit | null {
  const { attributes } = node as Node<Pool2dAttributes>;
  const { input, output } = attributes;
  if (input[0] < 2) return null;
  return alike(
    node,
    inputs.map((one) => ({ input: one, rows: 1 })),
    (rows) => ({
      ...attributes,
      input: withRows(input, 0, rows),
      output: withRows(output, 0, rows),
    }),
  );
}

const allImages: Rule = (node) => images(node, node.inputs);

function product(node: Node): RowSplit | null {
  if (!isOf(node, matmulOp)) return null;
  const [a, b] = node.inputs;
  const { transposeA, transposeB } = node.attributes;
  const rank = node.shape.length;
  const { axis } = rowsOf(node.shape);
  const [sizeOfA, sizeOfB, size] = [a, b, node].map(({ shape }) => sizeOf(shape));
  if (b.shape.length === 2 && !transposeA && sizeOfB > Math.max(sizeOfA, size)) return byRowsOfSecond(node, transposeB);
  if (transposeA && !transposeB && a.shape.length === 2 && b.shape.length === 2) {
    if (size > Math.max(sizeOfA, sizeOfB)) return byColumnsOfFirst(node);
    return a.shape[0] > 1 ? summed(node, [a, b], a.shape[0], add) : null;
  }
  if (axis >= 0 && axis < rank - 2) return alike(node, inputsAlong(node));
  if (axis !== rank - 2 || transposeA) return null;
  return alike(node, [{ input: a, rows: 1 }]);
}

/** Elements `begin` up to `end` along the last axis. */
function columns(x: Node, begin: number, end: number): Node {
  const last = x.shape.length - 1;
  return slice(
    x,
    x.shape.map((_, d) => (d === last ? begin : 0)),
    x.shape.map((extent, d) => (d === last ? end - begin : extent)),
  );
}

/** A kernel larger than all else: AB is the sum of products of columns and rows; ABᵀ has a column for each row of B. */
function byRowsOfSecond(node: Node, transposeB: boolean): RowSplit {
  const [a, b] = node.inputs;
  return {
    count: b.shape[0],
    along: [{ input: b, rows: 1 }],
    make([part], begin, end, whole) {
      const first = transposeB ? whole(a) : columns(whole(a), begin, end);
      return createNode(node.op, [first, part], node.attributes);
    },
    combine: transposeB ? (left, right) => concat([left, right], -1) : add,
  };
}

/** A kernel's gradient AᵀB that is larger than both: its rows belong to columns of A. */
function byColumnsOfFirst(node: Node): RowSplit {
  const [a, b] = node.inputs;
  return {
    count: node.shape[0],
    along: [],
    make: (_, begin, end, whole) => createNode(node.op, [columns(whole(a), begin, end), whole(b)], node.attributes),
  };
}

const RULES: Readonly<Record<string, Rule>> = {
  // The health words are not rows.
  [watchOp.name]: (node) => alike(node, [{ input: node.inputs[0], rows: 1 }]),
  // These draw by index.
  [dropoutOp.name]: () => null,
  [randomUniformOp.name]: () => null,
  [randomNormalOp.name]: () => null,
  [broadcastToOp.name]: (node) => {
    const { axis } = rowsOf(node.shape);
    return alike(node, inputsAlong(node), (rows) => ({ shape: withRows(node.shape, axis, rows) }));
  },
  [reshapeOp.name](node) {
    const [x] = node.inputs;
    const [from, to] = [rowsOf(x.shape), rowsOf(node.shape)];
    let count = from.count;
    for (let rest = to.count; rest > 0; ) [count, rest] = [rest, count % rest];
    return {
      count,
      along: [{ input: x, rows: from.count / count }],
      make: ([part], begin, end) => reshape(part, withRows(node.shape, to.axis, (end - begin) * (to.count / count))),
    };
  },
  [sumOp.name]: reduction(add),
  [maxOp.name]: reduction(maximum),
  [minOp.name]: reduction(minimum),
  [argMaxOp.name]: ofFirst((node, axis) => isOf(node, argMaxOp) && axis !== node.attributes.axis),
  [softmaxOp.name]: ofFirst(({ shape }, axis) => axis < shape.length - 1),
  [logSoftmaxOp.name]: ofFirst(({ shape }, axis) => axis < shape.length - 1),
  [softmaxCrossEntropyOp.name]: (node) => (node.shape[0] > 1 ? alike(node, firsts(node)) : null),
  [softmaxCrossEntropyGradientOp.name]: (node) => (node.shape[0] > 1 ? alike(node, firsts(node)) : null),
  [matmulOp.name]: product,
  [conv2dOp.name]: (node) => images(node, [node.inputs[0]]),
  [conv2dInputGradientOp.name]: (node) => images(node, [node.inputs[0]]),
  [conv2dKernelGradientOp.name](node) {
    const split = images(node, node.inputs);
    return split === null ? null : { ...split, count: node.inputs[0].shape[0], combine: add };
  },
  [maxPool2dOp.name]: allImages,
  [maxPool2dGradientOp.name]: allImages,
  [maxPool2dPickOp.name]: allImages,
  [avgPool2dOp.name]: allImages,
  [avgPool2dGradientOp.name]: allImages,
  [sliceOp.name](node) {
    if (!isOf(node, sliceOp)) return null;
    const [x] = node.inputs;
    const { begin, size } = node.attributes;
    const { axis, count } = rowsOf(x.shape);
    if (axis < 0 || begin[axis] !== 0 || size[axis] !== count) return null;
    return alike(node, [{ input: x, rows: 1 }], (rows) => ({ begin, size: withRows(size, axis, rows) }));
  },
  [padOp.name]: ofFirst(
    (node, axis) =>
      isOf(node, padOp) && node.attributes.padding.slice(0, axis + 1).every(([before, after]) => before + after === 0),
  ),
  [concatOp.name](node) {
    const { axis } = rowsOf(node.shape);
    if (!isOf(node, concatOp) || axis === node.attributes.axis || axis < 0) return null;
    return node.inputs.every(({ shape }) => rowsOf(shape).axis === axis) ? alike(node, firsts(node)) : null;
  },
  [transposeOp.name]: ofFirst(
    (node, axis) =>
      isOf(node, transposeOp) && node.attributes.permutation.slice(0, axis + 1).every((from, d) => from === d),
  ),
  [gatherOp.name](node) {
    if (!isOf(node, gatherOp)) return null;
    const [x, ids] = node.inputs;
    const [ofX, ofIds] = [rowsOf(x.shape), rowsOf(ids.shape)];
    if (ofX.axis >= 0 && ofX.axis < node.attributes.axis) return alike(node, [{ input: x, rows: 1 }]);
    if (ofIds.axis < 0 || sizeOf(x.shape.slice(0, node.attributes.axis)) > 1) return null;
    return alike(node, [{ input: ids, rows: 1 }]);
  },
  [oneHotOp.name]: ofFirst(() => true),
  [batchRowsOp.name](node) {
    if (!isOf(node, batchRowsOp)) return null;
    const { attributes } = node;
    const { from = 0 } = attributes;
    return node.shape[0] < 2
      ? null
      : alike(node, [], (rows, begin) => ({ ...attributes, batch: rows, from: from + begin }));
  },
};

const firsts = ({ inputs }: Node): RowSplit['along'] => inputs.map((input) => ({ input, rows: 1 }));

/** Shards that one kernel may bind beside its other buffers. */
const MAX_SHARDS = 6;

/** The rows of a data set, or a box of a tensor, read through windows where `limit` bytes do not hold the input. */
export function withShards(node: Node, limit: number): Node {
  const [x] = node.inputs;
  if (x === undefined || bytesOf(sizeOf(x.shape), x.dtype) <= limit) return node;
  const { axis, count } = rowsOf(x.shape);
  const row = sizeOf(x.shape) / count;
  const rowBytes = x.dtype === 'uint8' ? row : row * 4;
  let step = 1;
  while ((step * rowBytes) % OFFSET_ALIGNMENT !== 0) step *= 2;
  const rows = (begin: number, end: number): Node => window(x, begin * row, withRows(x.shape, axis, end - begin));
  if (isOf(node, sliceOp)) {
    const { begin, size } = node.attributes;
    const first = Math.floor(begin[axis] / step) * step;
    const moved = begin.map((start, d) => (d === axis ? start - first : start));
    return createNode(sliceOp, [rows(first, begin[axis] + size[axis])], { begin: moved, size });
  }
  if (isOf(node, batchRowsOp) && node.inputs.length === 2) {
    const rowsPerShard = Math.floor(limit / rowBytes / step) * step;
    if (rowsPerShard === 0 || Math.ceil(count / rowsPerShard) > MAX_SHARDS) return node;
    const shards: Node[] = [];
    for (let begin = 0; begin < count; begin += rowsPerShard) {
      shards.push(rows(begin, Math.min(begin + rowsPerShard, count)));
    }
    return createNode(batchRowsOp, [...shards, node.inputs[1]], { ...node.attributes, rowsPerShard });
  }
  return node;
}

export const isEffect = ({ op: { lowering } }: Node): boolean => lowering.kind === 'effect';

/** An effect as several, each on so many elements; null where it cannot be cut. */
export function effectsByRows(
  node: Node,
  elements: number,
  { whole, part }: { whole(input: Node): Node; part(input: Node, begin: number, end: number): Node },
): readonly Node[] | null {
  if (!isOf(node, assignOp) && !isOf(node, optimizerUpdateOp)) return null;
  const size = sizeOf(node.inputs[0].shape);
  const effects: Node[] = [];
  for (let begin = 0; begin < size; begin += elements) {
    const end = Math.min(begin + elements, size);
    // The health words are not the weights'.
    const inputs = node.inputs.map((input) => (sizeOf(input.shape) === size ? part(input, begin, end) : whole(input)));
    effects.push(createNode<unknown>(node.op, inputs, node.attributes));
  }
  return effects;
}
