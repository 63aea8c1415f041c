/**
 * Makes the parts of an operation by its own rule (see `PartitionRule`): which rows of its inputs each part takes, the same
 * operation on these, and how the parts make up the whole.
 */

import { bytesOf } from '../../base/dtype.ts';
import { ShapeError } from '../../base/errors.ts';
import { formatShape, type Shape, sizeOf } from '../../base/shape.ts';
import { createNode, type Node, type PartitionRule, type RowCut, rowAxis } from '../../ir/op.ts';
import { OFFSET_ALIGNMENT } from '../../ir/storage.ts';
import { isConstant } from '../../ir/walk.ts';
import { concat } from '../../ops/concat.ts';
import { add, maximum, minimum } from '../../ops/elementwise.ts';
import { stretch } from '../../ops/stretch.ts';
import { slice } from '../../ops/views.ts';

/** A node as pieces that can be computed one by one. */
export interface Split {
  readonly count: number;
  /** Inputs of which a piece takes its own rows, so many; of all others it takes the whole. */
  readonly along: readonly { readonly input: Node; readonly rows: number }[];
  /** Pieces `begin` up to `end` of the result, from these of the inputs `along`. */
  make(parts: readonly Node[], begin: number, end: number, whole: (input: Node) => Node): Node;
  /** Where every piece gives a result of the full shape, or lies elsewhere than along its rows: joins two. */
  readonly combine?: (a: Node, b: Node) => Node;
}

/** The axis of a shape's rows, and how many there are; axis -1 where there is but one element. */
export function rowsOf(shape: Shape): { readonly axis: number; readonly count: number } {
  const axis = rowAxis(shape);
  return { axis, count: axis < 0 ? 1 : shape[axis] };
}

const withExtent = (shape: Shape, axis: number, extent: number): Shape =>
  shape.map((whole, d) => (d === axis ? extent : whole));

const ELEMENTWISE: PartitionRule<unknown> = { cuts: () => ['elementwise'] };

/** What a node's operation says; null where it is only computed whole. */
function ruleOf({ op: { partition = 'whole' } }: Node): PartitionRule<unknown> | null {
  if (partition === 'whole') return null;
  return partition === 'elementwise' ? ELEMENTWISE : partition;
}

/** How a node can be cut; null where its rows mix. */
export function splitOf(node: Node): Split | null {
  const rule = ruleOf(node);
  // Bytes share words.
  if (rule === null || node.dtype === 'uint8' || isEffect(node)) return null;
  const cuts = rule.cuts(node, node.inputs.length === 0 ? -1 : rowAxis(node.inputs[0].shape));
  if (cuts[0] === 'flat') return divisible(flat(node, rule));
  const cut = alongLargest(
    node,
    cuts.map((one) => cutOf(node, one)),
  );
  return cut === undefined ? null : divisible(along(node, rule, cut));
}

const divisible = (split: Split | null): Split | null => (split === null || split.count < 2 ? null : split);

/** What an operation says of a cut, written out. */
function cutOf(node: Node, cut: ReturnType<PartitionRule<unknown>['cuts']>[number]): RowCut {
  if (typeof cut === 'number') return { inputs: [cut], result: cut };
  if (typeof cut === 'string') return elementwise(node);
  const counted = (axis: number, { shape }: Node): number => (axis < 0 ? axis + shape.length : axis);
  const inputs = node.inputs.map((input, at) => {
    const axis = cut.inputs[at] ?? null;
    return axis === null ? null : counted(axis, input);
  });
  return { inputs, result: typeof cut.result === 'number' ? counted(cut.result, node) : cut.result };
}

/** Of several cuts, the one along the rows of the largest operand: the first input where another one is as large. */
function alongLargest(node: Node, cuts: readonly RowCut[]): RowCut | undefined {
  if (cuts.length < 2) return cuts[0];
  const [first, ...others] = node.inputs;
  const operands = [first, node, ...others].sort((a, b) => sizeOf(b.shape) - sizeOf(a.shape));
  const axis = rowAxis(operands[0].shape);
  const at = node.inputs.indexOf(operands[0]);
  return cuts.find(({ inputs, result }) => (at < 0 ? result : inputs[at]) === axis);
}

/** A number in the place of so many others; null for what is no such number. */
export function partOfConstant(node: Node, shape: Shape): Node | null {
  const rule = ruleOf(node);
  return isConstant(node) && rule?.sizes !== undefined ? part(node, [], rule, 0, rowsOf(shape).count) : null;
}

/** The inputs that have the result's rows, the others being broadcast. */
function elementwise({ inputs, shape }: Node): RowCut {
  const { axis, count } = rowsOf(shape);
  const own = (input: Node): number | null => {
    const place = axis - (shape.length - input.shape.length);
    return input.shape[place] === count ? place : null;
  };
  return { inputs: inputs.map(own), result: axis };
}

const COMBINED: Readonly<Record<'add' | 'maximum' | 'minimum', (a: Node, b: Node) => Node>> = { add, maximum, minimum };

function along(node: Node, rule: PartitionRule<unknown>, { inputs, result }: RowCut): Split | null {
  const axisOf = (at: number): number | null => inputs[at] ?? null;
  const places = [...node.inputs.keys()];
  const cut = places.find((at) => axisOf(at) !== null);
  // Neither an input nor an attribute tells a part how small it is.
  if (cut === undefined && rule.sizes === undefined) return null;
  const axis = cut === undefined ? result : axisOf(cut);
  const { shape } = cut === undefined ? node : node.inputs[cut];
  if (typeof axis !== 'number') return null;
  const inRows = places.filter((at) => axisOf(at) !== null && axisOf(at) === rowAxis(node.inputs[at].shape));
  return {
    count: shape[axis] ?? 1,
    along: inRows.map((at) => ({ input: node.inputs[at], rows: 1 })),
    make(parts, begin, end, whole) {
      const own = node.inputs.map((input, at) => {
        const place = inRows.indexOf(at);
        if (place >= 0) return parts[place];
        const across = axisOf(at);
        return across === null ? whole(input) : between(whole(input), across, begin, end);
      });
      const made = part(node, own, rule, begin, end);
      const expected = typeof result === 'number' ? withExtent(node.shape, result, end - begin) : node.shape;
      if (formatShape(made.shape) !== formatShape(expected)) {
        throw new ShapeError(
          `${node.op.name}: a part of ${end - begin} rows has shape ${formatShape(made.shape)} in the place of ${formatShape(expected)}. ` +
            "The operation's `partition` is wrong: use 'whole'.",
        );
      }
      return made;
    },
    ...(typeof result === 'string' && { combine: COMBINED[result] }),
    ...(typeof result === 'number' && result !== rowAxis(node.shape) && { combine: joined(result) }),
  };
}

const joined =
  (axis: number) =>
  (a: Node, b: Node): Node =>
    concat([a, b], axis);

/** The same elements under another shape: pieces of as many rows each as make up whole rows of both. */
function flat(node: Node, rule: PartitionRule<unknown>): Split {
  const [x] = node.inputs;
  const [from, to] = [rowsOf(x.shape), rowsOf(node.shape)];
  let count = from.count;
  for (let rest = to.count; rest > 0; ) [count, rest] = [rest, count % rest];
  const rows = to.count / count;
  return {
    count,
    along: [{ input: x, rows: from.count / count }],
    make: (parts, begin, end) => part(node, parts, rule, begin * rows, end * rows),
  };
}

/** Elements `begin` up to `end` along an axis. */
function between(x: Node, axis: number, begin: number, end: number): Node {
  return slice(
    x,
    x.shape.map((_, d) => (d === axis ? begin : 0)),
    withExtent(x.shape, axis, end - begin),
  );
}

const attributesOf = ({ attributes }: Node): Record<string, unknown> => Object.assign({}, attributes);

const isList = (value: unknown): value is readonly number[] => Array.isArray(value);

/** The same operation on rows `begin` up to `end`. */
function part(node: Node, inputs: readonly Node[], rule: PartitionRule<unknown>, begin: number, end: number): Node {
  const own = attributesOf(node);
  for (const name of rule.sizes ?? []) {
    const size = own[name];
    own[name] = isList(size) ? withExtent(size, rowAxis(size), end - begin) : end - begin;
  }
  if (rule.start !== undefined) own[rule.start] = Number(own[rule.start] ?? 0) + begin;
  return createNode<unknown>(node.op, inputs, own);
}

/** Shards that one kernel may bind beside its other buffers. */
const MAX_SHARDS = 6;

/** A node that reads stretches of its first input where `limit` bytes do not hold it whole and the operation allows that. */
export function inStretches(node: Node, limit: number): Node {
  const rule = ruleOf(node);
  const [x, ...others] = node.inputs;
  if (rule === null || x === undefined || bytesOf(sizeOf(x.shape), x.dtype) <= limit) return node;
  const { axis, count } = rowsOf(x.shape);
  const row = sizeOf(x.shape) / count;
  const rowBytes = x.dtype === 'uint8' ? row : row * 4;
  // Stretches begin at such multiples.
  let step = 1;
  while ((step * rowBytes) % OFFSET_ALIGNMENT !== 0) step *= 2;
  const rows = (begin: number, end: number): Node => stretch(x, begin * row, withExtent(x.shape, axis, end - begin));
  const own = attributesOf(node);
  if (rule.corner !== undefined) {
    const corner = own[rule.corner];
    if (!isList(corner)) return node;
    const first = Math.floor(corner[axis] / step) * step;
    own[rule.corner] = withExtent(corner, axis, corner[axis] - first);
    return createNode<unknown>(node.op, [rows(first, corner[axis] + node.shape[axis])], own);
  }
  if (rule.rowsPerShard !== undefined && others.length === 1) {
    const most = Math.floor(limit / rowBytes / step) * step;
    if (most === 0 || Math.ceil(count / most) > MAX_SHARDS) return node;
    const shards: Node[] = [];
    for (let begin = 0; begin < count; begin += most) shards.push(rows(begin, Math.min(begin + most, count)));
    own[rule.rowsPerShard] = most;
    return createNode<unknown>(node.op, [...shards, ...others], own);
  }
  return node;
}

export const isEffect = ({ op: { lowering } }: Node): boolean => lowering.kind === 'effect';

/** An effect as several, each on so many elements; null where it cannot be cut. */
export function effectsInParts(
  node: Node,
  elements: number,
  { whole, part }: { whole(input: Node): Node; part(input: Node, begin: number, end: number): Node },
): readonly Node[] | null {
  if (node.op.partition !== 'elementwise') return null;
  const size = sizeOf(node.inputs[0].shape);
  const effects: Node[] = [];
  for (let begin = 0; begin < size; begin += elements) {
    const end = Math.min(begin + elements, size);
    const inputs = node.inputs.map((input) => (sizeOf(input.shape) === size ? part(input, begin, end) : whole(input)));
    effects.push(createNode(node.op, inputs, node.attributes));
  }
  return effects;
}
