/**
 * Writes the WGSL of a fused group: the expressions of its pointwise nodes, the reads of what comes from memory, and the
 * stores. Everything works on `V`, a float or a vec4f of four neighbours, so that one text serves both widths.
 */

import { type Shape, sizeOf, stridesOf } from '../base/shape.ts';
import type { Node, Operand } from '../ir/op.ts';
import { type Access, FLAGS, type PointwiseScope, valueType } from '../ir/scope.ts';
import { fitsUniform } from '../ir/target.ts';

/** Operands of a dispatch that are uniform buffers, at most, of the 12 that every adapter binds: there are its numbers and the step's, too. */
const MOST_UNIFORMS = 8;

/** Whether a dispatch may bind the uniform buffers among these, and so many more. */
export const fitsUniforms = (bindings: readonly BoundVariable[], more = 0): boolean =>
  bindings.filter(({ access }) => access === 'uniform').length + more <= MOST_UNIFORMS;

/** A number in a kernel's uniforms. */
export interface UniformField {
  readonly name: string;
  readonly kind: 'u32' | 'f32';
  readonly value: number;
}

/** A buffer that a kernel's text refers to by a name. */
export interface BoundVariable {
  readonly operand: Operand;
  readonly access: Access;
  readonly element: string;
  readonly variable: string;
  /** Elements of a uniform array. */
  readonly length: number;
}

/** The buffers, uniforms and functions that a kernel's text refers to, gathered while it is written. */
export class KernelText {
  readonly bindings: BoundVariable[] = [];
  readonly fields: UniformField[] = [];
  readonly functions: string[] = [];
  usesStep = false;
  usesRandom = false;
  /** A multiple of what the indices of a thread's loads, or of its stores, lie apart, in floats; 0: they may lie anywhere. */
  apart = 0;
  readonly #kept = new Map<string, string>();
  readonly #bound = new Map<Operand, Map<string, string>>();
  #zero: string | undefined;
  /** Bytes up to which what is broadcast along rows is read as a uniform buffer. */
  readonly #broadcastAsUniform: number;

  constructor(broadcastAsUniform = 0) {
    this.#broadcastAsUniform = broadcastAsUniform;
  }

  /** The array of vec4f that a small operand, which is broadcast along rows, is read from. */
  bindRow(operand: Node): string {
    const bytes = sizeOf(operand.shape) * 4;
    const fits = bytes <= this.#broadcastAsUniform && fitsUniform(bytes) && fitsUniforms(this.bindings, 1);
    return fits ? this.bind(operand, 'uniform', 'vec4f', undefined, bytes / 16) : this.bind(operand, 'read', 'vec4f');
  }

  bind(operand: Operand, access: Access, element: string, name?: string, length = 0): string {
    const key = `${access} ${element}`;
    let names = this.#bound.get(operand);
    if (names === undefined) {
      names = new Map();
      this.#bound.set(operand, names);
    }
    const known = names.get(key);
    if (known !== undefined && (name === undefined || name === known)) return known;
    const variable = name ?? `in${this.bindings.length + 1}`;
    this.bindings.push({ operand, access, element, variable, length });
    names.set(key, variable);
    return variable;
  }

  /** The variable that has the value of an expression which is the same for all that a thread loads, or stores. */
  keep(type: string, expression: string): string {
    let name = this.#kept.get(expression);
    if (name === undefined) {
      name = `kept${this.#kept.size}`;
      this.#kept.set(expression, name);
      this.functions.push(`var<private> ${name}: ${type};`);
    }
    return name;
  }

  /** Writes `fn keep(i: u32)`, which a kernel calls with one of its indices before the first `load` or `store`. */
  writeKeep(): void {
    const lines = [...this.#kept].map(([expression, name]) => `  ${name} = ${expression};`);
    this.functions.push(`fn keep(i: u32) {\n${lines.join('\n')}\n}`);
  }

  /** Adds functions, once however often they are asked for. */
  include(source: string): void {
    if (!this.functions.includes(source)) this.functions.push(source);
  }

  uniform(kind: 'u32' | 'f32', value: number, name = `p${this.fields.length}`): string {
    this.fields.push({ name, kind, value });
    return `params.${name}`;
  }

  /**
   * The same float32 bits, in an expression that the driver cannot look through. WGSL lets it simplify as if numbers were
   * real and always finite (x - x is 0, (a + b) - b is a, √a √a is |a|), and some drivers do; so no operation may see how
   * another one's result was computed. A zero that only the uniforms know hides it; two ways to do so, `^` and `+`, are
   * never the same expression.
   */
  opaque(value: string, by: '^' | '+'): string {
    this.#zero ??= this.uniform('u32', 0);
    return `bitcast<V>(bitcast<U>(${value}) ${by} U(${this.#zero}))`;
  }
}

/** An expression that reads element(s) `index` (in units of `width`) of an operand, whatever its dtype. */
function readAt(text: KernelText, node: Node, width: 1 | 4, index: string): string {
  if (node.dtype === 'uint8') {
    const words = text.bind(node, 'read', 'u32');
    if (width === 4) return `unpack_bytes(${words}[${index}])`;
    return `f32((${words}[(${index}) / 4u] >> (((${index}) % 4u) * 8u)) & 255u)`;
  }
  return `${text.bind(node, 'read', valueType(node.dtype, width))}[${index}]`;
}

/** A run of neighbouring dimensions that an input walks with one stride; 0 where it is broadcast. */
interface Segment {
  size: number;
  stride: number;
}

/** Dimensions of `to` merged into as few segments as the strides of `from` allow. */
export function broadcastSegments(from: Shape, to: Shape): Segment[] {
  const lead = to.length - from.length;
  const strides = stridesOf(from);
  const segments: Segment[] = [];
  to.forEach((size, d) => {
    if (size === 1) return;
    const stride = d < lead || from[d - lead] === 1 ? 0 : strides[d - lead];
    const last = segments.at(-1);
    if (last !== undefined && last.stride === stride * size) {
      last.size *= size;
      last.stride = stride;
    } else {
      segments.push({ size, stride });
    }
  });
  return segments;
}

/** WGSL for the flat offset that element `e` of the broadcast result has in the input. */
function offsetOf(segments: readonly Segment[], e: string): string {
  const terms: string[] = [];
  let inner = 1;
  for (let s = segments.length - 1; s >= 0; s--) {
    const { size, stride } = segments[s];
    if (stride !== 0) {
      let term = inner === 1 ? e : `(${e} / ${inner}u)`;
      if (s > 0) term = `(${term} % ${size}u)`;
      terms.push(stride === 1 ? term : `${term} * ${stride}u`);
    }
    inner *= size;
  }
  return terms.length === 0 ? '0u' : terms.join(' + ');
}

/**
 * The elements of the `i`-th four of `size`. Bytes are stored four at a time whatever their number, so the last four may reach past
 * the end: they then have the last element again, and nothing is read beyond it.
 */
function lanesOf(text: KernelText, size: number): string[] {
  const lanes = [0, 1, 2, 3].map((lane) => `i * 4u + ${lane}u`);
  if (size % 4 === 0) return lanes;
  const last = text.uniform('u32', size - 1);
  return lanes.map((lane) => `min(${lane}, ${last})`);
}

/** Reads the input that meets element `i` (in units of V) of a result of shape `to`. */
function readBroadcast(text: KernelText, node: Node, from: Shape, to: Shape, width: 1 | 4): string {
  if (sizeOf(from) === sizeOf(to)) return readAt(text, node, width, 'i');
  const segments = broadcastSegments(from, to);
  if (width === 1) return readAt(text, node, 1, offsetOf(segments, 'i'));
  const inner = segments.at(-1);
  if (inner === undefined || inner.size % 4 !== 0) {
    const lanes = lanesOf(text, sizeOf(to)).map((lane) => readAt(text, node, 1, offsetOf(segments, `(${lane})`)));
    return `${valueType(node.dtype, 4)}(${lanes.join(', ')})`;
  }
  const offset = offsetOf(segments, '(i * 4u)');
  if (inner.stride === 1 && node.dtype === 'float32') {
    const row = `${text.bindRow(node)}[(${offset}) / 4u]`;
    const same = text.apart > 0 && text.apart % inner.size === 0 && inner.size === sizeOf(from);
    return same ? text.keep('vec4f', row) : row;
  }
  if (inner.stride === 1) return readAt(text, node, 4, `(${offset}) / 4u`);
  return `${valueType(node.dtype, 4)}(${readAt(text, node, 1, offset)})`;
}

function coordinateLines(shape: Shape): string {
  const strides = stridesOf(shape);
  return shape
    .map((size, d) => {
      const quotient = strides[d] === 1 ? 'e' : `e / ${strides[d]}u`;
      return `let c${d} = ${d === 0 ? quotient : `(${quotient}) % ${size}u`};`;
    })
    .join(' ');
}

function stepField(text: KernelText, field: string): string {
  text.usesStep = true;
  return `step.${field}`;
}

/** A view as a function of the element's index, and how `i` calls it. */
function emitView(text: KernelText, node: Node, width: 1 | 4, resolve: (node: Node) => Node): string {
  const { lowering } = node.op;
  if (lowering.kind !== 'view') throw new Error(`${node.op.name} is not a view.`);
  // Where four neighbours of the result are four neighbours of the input, one function call reads all four.
  const whole = width === 4 && isContiguousView(node);
  const lanes = whole ? 4 : 1;
  const name = `view${text.functions.length}`;
  const body = lowering.body(node, {
    // A float would round whole numbers beyond 2^24.
    constant: (value) =>
      node.dtype === 'int32'
        ? `${valueType('int32', lanes)}(i32(${text.uniform('u32', value >>> 0)}))`
        : `${valueType(node.dtype, lanes)}(${text.uniform('f32', value)})`,
    word: (value) => text.uniform('u32', value),
    coordinates: coordinateLines,
    read: (input, index) => readAt(text, resolve(node.inputs[input]), lanes, whole ? `(${index}) / 4u` : index),
    readOne: (input, index) => readAt(text, resolve(node.inputs[input]), 1, index),
    step: (field) => stepField(text, field),
  });
  text.functions.push(`fn ${name}(e: u32) -> ${valueType(node.dtype, lanes)} { ${body} }`);
  if (whole) return `${name}(i * 4u)`;
  if (width === 1) return `${name}(i)`;
  const calls = lanesOf(text, sizeOf(node.shape)).map((lane) => `${name}(${lane})`);
  return `${valueType(node.dtype, 4)}(${calls.join(', ')})`;
}

/**
 * True where four aligned neighbours of the result are four aligned neighbours of one input. Every view that keeps the
 * last axis whole is so when that axis is a multiple of four.
 */
export function isContiguousView(node: Node): boolean {
  const { lowering } = node.op;
  return lowering.kind === 'view' && lowering.keepsRows !== undefined && lowering.keepsRows(node) % 4 === 0;
}

/**
 * The statements that compute `members` at index `i`. `known` maps nodes to variables that already hold their value; what
 * `returned` names is read by the kernel itself. Afterwards `known` holds every member.
 */
export function emitMembers(
  text: KernelText,
  members: readonly Node[],
  known: Map<Node, string>,
  width: 1 | 4,
  resolve: (node: Node) => Node,
  returned: Node | null = null,
): string {
  const lines: string[] = [];
  let named = 0;
  /** Names of float32 results of this chain, and of the kernel that it follows. */
  const computed = new Set<string>();
  const read = new Set(members.flatMap(({ inputs }) => inputs.map(resolve)));
  if (returned !== null) read.add(returned);
  /** A result as those who go on computing with it may see it. */
  const sealed = (node: Node, expression: string): string =>
    node.dtype === 'float32' && read.has(node) ? text.opaque(expression, '^') : expression;
  const fresh = (node: Node, expression: string): void => {
    const name = `v${named++}`;
    lines.push(`  let ${name} = ${sealed(node, expression)};`);
    known.set(node, name);
    if (node.dtype === 'float32') computed.add(name);
  };
  for (const [node, value] of [...known]) if (read.has(node)) fresh(node, value);
  const scope: PointwiseScope = {
    constant: (value) => `V(${text.uniform('f32', value)})`,
    word: (value) => text.uniform('u32', value),
    random: () => {
      text.usesRandom = true;
      return 'random_bits';
    },
    functions: (source) => text.include(source),
    statement: (line) => lines.push(`  ${line}`),
    step: (field) => stepField(text, field),
    index: 'i',
  };
  const reads = new Map<string, string>();
  for (const node of members) {
    const { lowering } = node.op;
    if (lowering.kind === 'view') {
      fresh(node, emitView(text, node, width, resolve));
      continue;
    }
    if (lowering.kind !== 'pointwise') throw new Error(`${node.op.name} cannot be fused as an expression.`);
    const whole = lowering.keepsInt32?.(node) === true;
    const isWhole = ({ dtype }: Node): boolean => whole && dtype === 'int32';
    const asTaken = (value: string, source: Node): string =>
      source.dtype === 'float32' || isWhole(source) ? value : `V(${value})`;
    const inputs = node.inputs.map((input, at) => {
      const source = resolve(input);
      if (at === lowering.flags) return text.bind(source, 'read_write', FLAGS);
      const held = sizeOf(input.shape) === sizeOf(node.shape) ? known.get(source) : undefined;
      if (held !== undefined) return asTaken(held, source);
      if (source.op.lowering.kind === 'pointwise' && source.inputs.length === 0) {
        return asTaken(source.op.lowering.expression(source, [], scope), source);
      }
      const key = readBroadcast(text, source, input.shape, node.shape, width);
      let name = reads.get(key);
      if (name === undefined) {
        name = `r${reads.size}`;
        lines.push(`  let ${name} = ${key};`);
        reads.set(key, name);
      }
      return asTaken(name, source);
    });
    // The driver may find that two operands are the same value, read twice or computed alike: x - x is NaN where x is.
    const apart = inputs.map((input, at) => {
      if (at === lowering.flags || isWhole(node.inputs[at])) return input;
      return at > 0 && (computed.has(input) || inputs.indexOf(input) < at) ? text.opaque(input, '+') : input;
    });
    fresh(node, lowering.expression(node, apart, scope));
  }
  return lines.join('\n');
}

/** Writes `fn load(i: u32) -> …`: a reduction's input, computed from memory through its fused prologue, in its result's dtype. */
export function emitLoad(
  text: KernelText,
  reduction: Node,
  members: readonly Node[],
  width: 1 | 4,
  resolve: (node: Node) => Node,
): void {
  const source = resolve(reduction.inputs[0]);
  const known = new Map<Node, string>();
  const lines = emitMembers(text, members, known, width, resolve, source);
  const value = known.get(source) ?? readAt(text, source, width, 'i');
  const type = valueType(reduction.dtype, width);
  text.functions.push(`fn load(i: u32) -> ${type} {\n${lines}\n  return ${type}(${value});\n}`);
}

/**
 * Writes `fn store(i: u32, value: …)`: the fused epilogue of `anchor`, and the stores of every output. After a packed
 * output's last element follow zeros up to the next one, `gapAfter` of them.
 */
export function emitStore(
  text: KernelText,
  anchor: Node | null,
  members: readonly Node[],
  outputs: readonly Node[],
  width: 1 | 4,
  resolve: (node: Node) => Node,
  gapAfter: (node: Node) => number,
): void {
  const known = new Map<Node, string>();
  if (anchor !== null) known.set(anchor, 'value');
  const lines = emitMembers(text, members, known, width, resolve);
  const stores = outputs.map((node, at) => {
    if (node.dtype === 'uint8') {
      return `  ${text.bind(node, 'read_write', 'u32', `out${at}`)}[i] = pack_bytes(${known.get(node)});`;
    }
    const target = text.bind(node, 'read_write', valueType(node.dtype, width), `out${at}`);
    const store = `  ${target}[i] = ${known.get(node)};`;
    const gap = gapAfter(node) / width;
    if (gap === 0) return store;
    // Bounds in the uniforms: a driver would unroll a loop between constants, and every store costs compile time.
    const count = text.uniform('u32', sizeOf(node.shape) / width);
    const end = text.uniform('u32', sizeOf(node.shape) / width + gap);
    const zero = `${valueType(node.dtype, width)}()`;
    return `${store}\n  if (i == ${count} - 1u) { for (var g = ${count}; g < ${end}; g++) { ${target}[g] = ${zero}; } }`;
  });
  const parameter = anchor === null ? '' : `, value: ${valueType(anchor.dtype, width)}`;
  text.functions.push(`fn store(i: u32${parameter}) {\n${lines}\n${stores.join('\n')}\n}`);
}
