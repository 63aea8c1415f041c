/**
 * Cuts what no kernel could bind. A tensor larger than a binding is computed in parts along its rows, the first axis that is
 * longer than 1: every operation whose rows do not mix is applied to the parts one by one, so that chains of them fuse as
 * ever; sums over the rows are added up. Where the whole is asked for, the parts lie side by side in one buffer, which may
 * be larger than a binding, and what was in one buffer from the start is read in stretches. What mixes rows otherwise
 * stays whole: limits.ts then refuses it.
 */

import { type Shape, sizeOf } from '../../base/shape.ts';
import { createNode, type Node } from '../../ir/op.ts';
import { OFFSET_ALIGNMENT } from '../../ir/storage.ts';
import { resolve, topologicalOrder } from '../../ir/walk.ts';
import { concat } from '../../ops/concat.ts';
import { NONE } from '../../ops/elementwise.ts';
import { packOp } from '../../ops/pack.ts';
import { stretch } from '../../ops/stretch.ts';
import { copyOf, slice } from '../../ops/views.ts';
import { bytesOfOperand } from '../placement.ts';
import { effectsInParts, inStretches, isEffect, partOfConstant, rowsOf, type Split, splitOf } from './partition.ts';

/** What stands for each root in a graph without tensors of more than `limit` bytes, as far as it can be cut. */
export function cut(roots: readonly Node[], limit: number): (readonly Node[])[] {
  const cutter = new Cutter(roots, limit);
  return roots.map((root) => cutter.rootsOf(root));
}

/** A node computed in parts of so many rows each, the last one of fewer. */
interface Parts {
  readonly rows: number;
  readonly nodes: readonly Node[];
}

const greatestCommonDivisor = (a: number, b: number): number => (b === 0 ? a : greatestCommonDivisor(b, a % b));

/** How many pieces of so many bytes end where a binding may begin. */
const aligned = (bytes: number): number => OFFSET_ALIGNMENT / greatestCommonDivisor(OFFSET_ALIGNMENT, bytes);

class Cutter {
  readonly #limit: number;
  readonly #splits = new Map<Node, Split>();
  /** Bytes of the largest piece, and pieces that lie aligned, by the number of pieces that a tensor can be cut into. */
  readonly #pieces = new Map<number, { bytes: number; step: number }>();
  readonly #parts = new Map<Node, Parts>();
  /** What stands for a node as a whole; made when it is asked for. */
  readonly #whole = new Map<Node, Node>();
  readonly #effects = new Map<Node, readonly Node[]>();

  constructor(roots: readonly Node[], limit: number) {
    this.#limit = limit;
    const order = topologicalOrder(roots);
    for (const node of order) this.#measure(node);
    for (const node of order) this.#visit(node);
  }

  /** What stands for a root: several effects where it is one that was cut. */
  rootsOf(root: Node): readonly Node[] {
    return this.#effects.get(root) ?? [this.whole(root)];
  }

  #isLarge(node: Node): boolean {
    return bytesOfOperand(node) > this.#limit;
  }

  /** Notes how a node can be cut, and the largest pieces that this would make. */
  #measure(node: Node): void {
    const split = splitOf(node);
    if (split === null) return;
    this.#splits.set(node, split);
    const cut = split.along.map(({ input }) => input);
    if (split.combine === undefined) cut.push(node);
    let { bytes, step } = this.#pieces.get(split.count) ?? { bytes: 0, step: 1 };
    for (const one of cut) {
      const size = bytesOfExact(one) / split.count;
      bytes = Math.max(bytes, size);
      // Powers of two: the largest is a multiple of the others. What is small can be copied to where it is aligned.
      if (this.#isLarge(one)) step = Math.max(step, aligned(size));
    }
    this.#pieces.set(split.count, { bytes, step });
  }

  #visit(node: Node): void {
    if (isEffect(node)) {
      const parts = this.#cutEffect(node);
      if (parts !== null) this.#effects.set(node, parts);
      return;
    }
    const split = this.#splits.get(node);
    const pieces = split === undefined ? 0 : this.#piecesOfPart(split.count);
    const affected = split?.along.some(({ input }) => this.#parts.has(input) || this.#isLarge(input)) === true;
    if (split === undefined || pieces === 0 || !(affected || this.#isLarge(node))) {
      // In order, so that no chain is too deep for the stack.
      this.whole(node);
      return;
    }
    const nodes: Node[] = [];
    for (let begin = 0; begin < split.count; begin += pieces) {
      const end = Math.min(begin + pieces, split.count);
      const parts = split.along.map(({ input, rows }) => this.#part(input, begin * rows, end * rows));
      const made = split.make(parts, begin, end, (input) => this.whole(input));
      nodes.push(inStretches(made, this.#limit));
    }
    const { combine } = split;
    if (combine === undefined)
      this.#parts.set(node, { rows: pieces * (rowsOf(node.shape).count / split.count), nodes });
    else
      this.#whole.set(
        node,
        nodes.reduce((sum, part) => combine(sum, part)),
      );
  }

  /** Pieces that one part takes; 0 where not even the fewest that lie aligned fit. */
  #piecesOfPart(count: number): number {
    const { bytes, step } = this.#pieces.get(count) ?? { bytes: 0, step: 1 };
    return Math.floor(this.#limit / bytes / step) * step;
  }

  #cutEffect(node: Node): readonly Node[] | null {
    if (!node.inputs.some((input) => this.#isLarge(input) || this.#parts.has(resolve(input)))) return null;
    const rows = Math.floor(this.#limit / OFFSET_ALIGNMENT) * (OFFSET_ALIGNMENT / 4);
    return effectsInParts(node, rows, {
      whole: (input) => this.whole(input),
      part: (input, begin, end) => this.#stretch(input, begin, [end - begin]),
    });
  }

  /** Rows of a node. */
  #part(node: Node, begin: number, end: number): Node {
    const { axis, count } = rowsOf(node.shape);
    const shape = node.shape.map((extent, d) => (d === axis ? end - begin : extent));
    const constant = partOfConstant(node, shape);
    if (constant !== null) return constant;
    const parts = this.#parts.get(node);
    if (parts !== undefined && begin % parts.rows === 0 && end === Math.min(begin + parts.rows, count)) {
      return parts.nodes[begin / parts.rows];
    }
    const row = sizeOf(node.shape) / count;
    if (((begin * bytesOfExact(node)) / count) % OFFSET_ALIGNMENT === 0) return this.#stretch(node, begin * row, shape);
    return slice(
      this.whole(node),
      shape.map((_, d) => (d === axis ? begin : 0)),
      shape,
    );
  }

  /** Elements of a node from `start` on, where they lie. */
  #stretch(node: Node, start: number, shape: Shape): Node {
    const whole = resolve(this.whole(node));
    return stretch(whole, start, shape);
  }

  /** The node that stands for another one, in one piece. */
  whole(node: Node): Node {
    const known = this.#whole.get(node);
    if (known !== undefined) return known;
    const made = this.#makeWhole(node);
    this.#whole.set(node, made);
    return made;
  }

  #makeWhole(node: Node): Node {
    const parts = this.#parts.get(node);
    if (parts !== undefined) {
      const { axis, count } = rowsOf(node.shape);
      if (((parts.rows * bytesOfExact(node)) / count) % OFFSET_ALIGNMENT !== 0) return concat(parts.nodes, axis);
      return stretch(createNode(packOp, parts.nodes.map(copyOf), NONE), 0, node.shape);
    }
    if (node.op.lowering.kind === 'pack') {
      const inputs = node.inputs.flatMap((input) => this.#parts.get(input)?.nodes.map(copyOf) ?? [this.whole(input)]);
      return createNode(node.op, inputs, node.attributes);
    }
    const read = inStretches(node, this.#limit);
    const inputs = read.inputs.map((input) => this.whole(input));
    if (read === node && inputs.every((input, at) => input === node.inputs[at])) return node;
    return createNode(read.op, inputs, read.attributes);
  }
}

function bytesOfExact(node: Node): number {
  return sizeOf(node.shape) * (node.dtype === 'uint8' ? 1 : 4);
}
