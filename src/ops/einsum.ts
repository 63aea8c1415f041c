/** Einstein's sums: an equation says which axes of the operands meet, and which are added up. */

import { counted } from '../base/describe.ts';
import { ArgumentError, ShapeError } from '../base/errors.ts';
import { formatShape, sizeOf } from '../base/shape.ts';
import { type Node, refuseInt32 } from '../ir/op.ts';
import { mul } from './elementwise.ts';
import { matmul } from './matmul.ts';
import { sum } from './reduce.ts';
import { reshape } from './reshape.ts';
import { stridedSlice } from './stridedSlice.ts';
import { transpose } from './views.ts';

/** An operand whose axes have labels, each a text of its own. */
interface Labelled {
  readonly node: Node;
  readonly labels: readonly string[];
}

function fault(equation: string, what: string, remedy: string): never {
  throw new ArgumentError(`einsum '${equation}': ${what}. ${remedy}`);
}

/** The labels of a term; what an ellipsis stands for is numbered from the last axis on. */
function labelsOf(equation: string, term: string, axes: number | null, most: number): string[] {
  const [before, after, ...more] = term.split('...');
  if (more.length > 0 || /[^A-Za-z]/.test(before + (after ?? ''))) {
    fault(
      equation,
      `'${term}' is no list of letters`,
      "Write one letter an axis, as in 'ij,jk->ik'; ... stands for all others.",
    );
  }
  const named = before.length + (after ?? '').length;
  const rest = axes === null ? most : axes - named;
  if (axes !== null && (rest < 0 || (after === undefined && rest > 0))) {
    fault(
      equation,
      `'${term}' has ${counted(named, 'letter')} for ${counted(axes, 'axis', 'axes')}`,
      'Write one letter an axis.',
    );
  }
  const others = after === undefined ? [] : Array.from({ length: rest }, (_, at) => `.${rest - at}`);
  return [...before, ...others, ...(after ?? '')];
}

/** What stands twice among the labels stands once: the diagonal, a view, so that nothing beside it is read. */
function diagonal({ node, labels }: Labelled): Labelled {
  const at = labels.findIndex((label, d) => labels.indexOf(label) < d);
  if (at < 0) return { node, labels };
  const label = labels[at];
  const extent = node.shape[at];
  const first = labels.indexOf(label);
  const others = [...labels.keys()].filter((d) => d !== first && d !== at);
  const square = transpose(node, [first, at, ...others]);
  const shape = [extent, ...others.map((d) => node.shape[d])];
  const line = reshape(square, [extent * extent, ...shape.slice(1)]);
  const along = stridedSlice(line, {
    begin: shape.map(() => 0),
    size: shape,
    strides: shape.map((_, d) => (d === 0 ? extent + 1 : 1)),
  });
  return diagonal({ node: along, labels: [label, ...others.map((d) => labels[d])] });
}

/** Adds up what no other has and nobody wants. */
function reduced({ node, labels }: Labelled, wanted: ReadonlySet<string>): Labelled {
  const axes = labels.flatMap((label, d) => (wanted.has(label) ? [] : [d]));
  if (axes.length === 0) return { node, labels };
  return { node: sum(node, axes), labels: labels.filter((label) => wanted.has(label)) };
}

const ordered = ({ node, labels }: Labelled, order: readonly string[]): Node =>
  transpose(
    node,
    order.map((label) => labels.indexOf(label)),
  );

/** Of two the products, with what both have and nobody wants added up: a matrix product of axes that are put together. */
function contracted(one: Labelled, other: Labelled, wanted: ReadonlySet<string>): Labelled {
  const a = reduced(one, new Set([...wanted, ...other.labels]));
  const b = reduced(other, new Set([...wanted, ...one.labels]));
  const shared = a.labels.filter((label) => b.labels.includes(label));
  const batch = shared.filter((label) => wanted.has(label));
  const inner = shared.filter((label) => !wanted.has(label));
  const rows = a.labels.filter((label) => !shared.includes(label));
  const columns = b.labels.filter((label) => !shared.includes(label));
  const extents = (labels: readonly string[]): number[] =>
    labels.map((label) => a.node.shape[a.labels.indexOf(label)] ?? b.node.shape[b.labels.indexOf(label)]);
  const labels = [...batch, ...rows, ...columns];
  const left = ordered(a, [...batch, ...rows, ...inner]);
  if (inner.length === 0) {
    const right = ordered(b, [...batch, ...columns]);
    const ones = (list: readonly string[]): number[] => list.map(() => 1);
    const product = mul(
      reshape(left, [...extents(batch), ...extents(rows), ...ones(columns)]),
      reshape(right, [...extents(batch), ...ones(rows), ...extents(columns)]),
    );
    return { node: product, labels };
  }
  refuseInt32([left, b.node], 'einsum');
  const right = ordered(b, [...batch, ...inner, ...columns]);
  const [m, k, n] = [rows, inner, columns].map((list) => sizeOf(extents(list)));
  const product = matmul(reshape(left, [...extents(batch), m, k]), reshape(right, [...extents(batch), k, n]));
  return { node: reshape(product, extents(labels)), labels };
}

/** Axes of extent 1 that meet longer ones are left out: they are broadcast. */
function withoutOnes({ node, labels }: Labelled, extents: ReadonlyMap<string, number>): Labelled {
  const stays = labels.map((label, d) => node.shape[d] === extents.get(label));
  return {
    node: reshape(
      node,
      node.shape.filter((_, d) => stays[d]),
    ),
    labels: labels.filter((_, d) => stays[d]),
  };
}

/** `equation`: the operands' axes by letters, and after an arrow the result's; without it those that stand once, in order. */
export function einsum(equation: string, operands: readonly Node[]): Node {
  const [inputs, output, ...more] = equation.replaceAll(' ', '').split('->');
  const terms = inputs.split(',');
  if (more.length > 0 || terms.length !== operands.length) {
    fault(
      equation,
      `it names ${counted(terms.length, 'operand')}, got ${operands.length}`,
      'Write one term an operand, with commas.',
    );
  }
  const listed = terms.map((term, at) => labelsOf(equation, term, operands[at].shape.length, 0));
  const extents = new Map<string, number>();
  listed.forEach((labels, at) => {
    labels.forEach((label, d) => {
      const extent = operands[at].shape[d];
      const known = extents.get(label) ?? 1;
      if (known !== 1 && extent !== 1 && known !== extent) {
        throw new ShapeError(
          `einsum '${equation}': ${operands.map(({ shape }) => formatShape(shape)).join(' and ')} have extents ${known} and ${extent} ` +
            `for '${label}'. Make them equal or 1.`,
        );
      }
      extents.set(label, Math.max(known, extent));
    });
  });
  const dots = [...extents.keys()]
    .filter((label) => label.startsWith('.'))
    .sort((a, b) => Number(b.slice(1)) - Number(a.slice(1)));
  const all = listed.flat();
  const once = [...new Set(all)].filter(
    (label) => !label.startsWith('.') && all.indexOf(label) === all.lastIndexOf(label),
  );
  const result = output === undefined ? [...dots, ...once.sort()] : labelsOf(equation, output, null, dots.length);
  const unknown = result.find((label, at) => !extents.has(label) || result.indexOf(label) < at);
  if (unknown !== undefined) {
    fault(
      equation,
      `'${unknown}' of the result stands in no operand, or twice in the result`,
      'Name each axis of the result once.',
    );
  }
  const parts = listed.map((labels, at) => withoutOnes(diagonal({ node: operands[at], labels }), extents));
  const wantedAfter = (at: number): Set<string> =>
    new Set([...result, ...parts.slice(at + 1).flatMap(({ labels }) => labels)]);
  const [first, ...rest] = parts;
  const product = rest.reduce((done, part, at) => contracted(done, part, wantedAfter(at + 1)), first);
  return ordered(reduced(product, new Set(result)), result);
}
