/** Arguments that stand for tensors: numbers, nested arrays and typed arrays become nodes of the graph. */

import { counted, describe } from '../base/describe.ts';
import type { Dtype, HostArray } from '../base/dtype.ts';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors.ts';
import { checkOptions } from '../base/optionNames.ts';
import { checkShape, formatShape, type Shape, sizeOf } from '../base/shape.ts';
import type { Node } from '../ir/op.ts';
import { toInt32 } from '../ops/elementwise.ts';
import { dataNode, fullNode } from '../ops/leaf.ts';
import { LazyValue, type NestedArray } from './lazyValue.ts';

/** Numbers nested as deep as the tensor's rank, where the rows may be typed arrays. */
export type NestedRows = NestedArray | readonly (NumberArray | NestedRows)[];

/** Arrays of numbers with a type of their own. */
export type NumberArray =
  | HostArray
  | Float64Array
  | Int8Array
  | Int16Array
  | Uint16Array
  | Uint32Array
  | Uint8ClampedArray;

/** Whatever has a node, or numbers of which one can be made. */
export type Operand = LazyValue | NestedRows | HostArray;

/** Options of `tensor`. */
export interface TensorOptions {
  /** Default: that of a typed array, else float32. */
  readonly dtype?: Dtype;
}

/** Deeper than any kernel counts: such an array holds itself. */
const MAX_RANK = 32;

/** The shape that the first element of each level tells. */
function shapeOfNested(value: unknown, who: string): number[] {
  const shape: number[] = [];
  for (let level = value; isRow(level); level = level[0]) {
    shape.push(level.length);
    if (shape.length > MAX_RANK) {
      throw new ShapeError(`${who}: arrays are nested more than ${MAX_RANK} deep. Give fewer dimensions.`);
    }
  }
  return shape;
}

/** An array, or a typed one whose elements are numbers. */
const isRow = (value: unknown): value is ArrayLike<unknown> =>
  Array.isArray(value) || (ArrayBuffer.isView(value) && 'length' in value && typeof Reflect.get(value, 0) !== 'bigint');

/** Appends the numbers of `value`, which lies `depth` arrays deep at `path` and is of `shape`, to `into`. */
function flatten(value: unknown, shape: Shape, into: number[], who: string, path: number[] = [], depth = 0): void {
  if (typeof value === 'number' && depth === shape.length) {
    into.push(value);
    return;
  }
  const at = depth === 0 ? '' : ` at [${path.slice(0, depth).join('][')}]`;
  if (typeof value !== 'number' && !isRow(value)) {
    throw new ArgumentError(`${who}: expected numbers, got ${describe(value)}${at}. ${remedyFor(value)}`);
  }
  if (typeof value === 'number' || depth >= shape.length) {
    const expected = depth < shape.length ? `an array of ${shape[depth]}` : 'a number';
    throw new ShapeError(
      `${who}: nested arrays differ in depth: expected ${expected}, got ${describe(value)}${at}. Give numbers at one depth only.`,
    );
  }
  if (value.length !== shape[depth]) {
    throw new ShapeError(
      `${who}: nested arrays differ in length: expected ${counted(shape[depth], 'element')}, got ${value.length}${at}. Make all rows equally long.`,
    );
  }
  // Not forEach: it passes over what a sparse array leaves out.
  for (let i = 0; i < value.length; i++) {
    path[depth] = i;
    flatten(value[i], shape, into, who, path, depth + 1);
  }
}

/** What to do about something that is no number. */
function remedyFor(value: unknown): string {
  if (value === undefined) return 'Fill in what is missing.';
  if (typeof value === 'boolean') return 'Write 1 for true and 0 for false.';
  if (typeof value === 'string' || typeof value === 'bigint') return 'Convert with Number(…).';
  if (value instanceof Promise) return 'Await the promise first.';
  if (value instanceof LazyValue) return 'Join tensors with concat: a model, too, has one input and one output.';
  if (value instanceof ArrayBuffer || value instanceof DataView)
    return `Give new Float32Array(values${value instanceof DataView ? '.buffer' : ''}), or what else its bytes are.`;
  if (value instanceof Uint8ClampedArray) return 'Give new Uint8Array(values).';
  if (ArrayBuffer.isView(value))
    return 'Give a Float32Array, Int32Array or Uint8Array, for example Float32Array.from(values, Number).';
  const batches = 'batches go to trainOnBatch one by one.';
  if (Symbol.iterator in Object(value)) return `Collect the values with Array.from(values); ${batches}`;
  if (Symbol.asyncIterator in Object(value)) return `Collect the values with for await; ${batches}`;
  return 'Give a number, nested arrays of numbers, or a Float32Array, Int32Array or Uint8Array.';
}

const isHostArray = (value: unknown): value is HostArray =>
  value instanceof Float32Array || value instanceof Int32Array || value instanceof Uint8Array;

/** A leaf of the given values, copied; `who` asks for it. */
export function tensorNode(
  data: NestedRows | HostArray,
  who: string,
  shape?: Shape,
  options: TensorOptions = {},
): Node {
  checkOptions(who, options, { dtype: true });
  const { dtype } = options;
  let values: readonly number[] | HostArray;
  let extents: Shape;
  if (isHostArray(data)) {
    values = data;
    extents = shape ?? [data.length];
  } else {
    if (ArrayBuffer.isView(data)) {
      throw new DtypeError(
        `${who}: expected float32, int32 or uint8 values, got ${describe(data)}. ${remedyFor(data)}`,
      );
    }
    const nested = shapeOfNested(data, who);
    const flat: number[] = [];
    flatten(data, nested, flat, who);
    values = flat;
    extents = shape ?? nested;
  }
  checkShape(extents, who);
  if (sizeOf(extents) !== values.length) {
    throw new ShapeError(
      `${who}: shape ${formatShape(extents)} holds ${counted(sizeOf(extents), 'element')}, got ${counted(values.length, 'value')}. Make the two agree.`,
    );
  }
  const own = data instanceof Int32Array ? 'int32' : data instanceof Uint8Array ? 'uint8' : 'float32';
  return dataNode(convert(values, dtype ?? own, who), [...extents]);
}

function convert(values: readonly number[] | HostArray, dtype: Dtype, who: string): HostArray {
  // What an array of the dtype's own type holds fits: a data set is copied as it lies, no value of it looked at.
  if (dtype === 'float32' && values instanceof Float32Array) return new Float32Array(values);
  if (dtype === 'int32' && values instanceof Int32Array) return new Int32Array(values);
  if (dtype === 'uint8' && values instanceof Uint8Array) return new Uint8Array(values);
  if (dtype === 'float32') return Float32Array.from(values);
  if (dtype !== 'int32' && dtype !== 'uint8') {
    throw new DtypeError(
      `${who}: expected dtype 'float32', 'int32' or 'uint8', got ${describe(dtype)}. Name one of the three.`,
    );
  }
  const [low, high] = dtype === 'int32' ? [-(2 ** 31), 2 ** 31 - 1] : [0, 255];
  for (const value of values) {
    if (!Number.isInteger(value) || value < low || value > high) {
      throw new DtypeError(
        `${who}: ${value} is no ${dtype} (a whole number from ${low} to ${high}). Use dtype 'float32'.`,
      );
    }
  }
  return dtype === 'int32' ? Int32Array.from(values) : Uint8Array.from(values);
}

/** An argument that has to be a number. */
export function numberOf(value: number, who: string, name: string): number {
  if (typeof value === 'number') return value;
  throw new ArgumentError(`${who}: expected a number as ${name}, got ${describe(value)}. Give a plain number.`);
}

/** The node of whatever stands for a tensor; `who` asks for it. */
export function nodeOf(value: Operand, who = 'tensor'): Node {
  if (value instanceof LazyValue) return value.node;
  if (typeof value === 'number') return fullNode(value);
  if (isHostArray(value) || Array.isArray(value) || ArrayBuffer.isView(value)) return tensorNode(value, who);
  throw new ArgumentError(`${who}: expected a tensor or numbers, got ${describe(value)}. ${remedyFor(value)}`);
}

/** The nodes of a list of these. */
export function nodesOf(values: readonly Operand[], who: string): Node[] {
  if (Array.isArray(values)) return values.map((value) => nodeOf(value, who));
  throw new ArgumentError(`${who}: expected an array of tensors, got ${describe(values)}. Write ${who}([a, b]).`);
}

/** The same for ids: plain numbers become int32. */
export function idsOf(value: Operand, who: string): Node {
  const dtype = value instanceof LazyValue ? value.dtype : value instanceof Float32Array ? 'float32' : null;
  if (dtype === 'float32') {
    throw new DtypeError(`${who}: expected int32 ids, got float32. Convert them with cast('int32').`);
  }
  if (value instanceof LazyValue) return dtype === 'uint8' ? toInt32(value.node) : value.node;
  return tensorNode(value, who, undefined, { dtype: 'int32' });
}
