/**
 * The graph: a node is one operation on the values of its inputs. Nodes are immutable data and know no device; nothing
 * runs until a plan is made of them.
 */

import { DtypeError, ShapeError } from '../errors.ts';
import { formatShape, type Shape } from '../shape.ts';
import type { KernelTemplate, KernelVariant, Target } from './kernel.ts';
import type { PointwiseScope, ViewScope } from './pointwise.ts';
import type { Storage } from './storage.ts';

/**
 * Element types. Arithmetic is done in float32; int32 holds class ids, indices and labels; uint8 holds images, four
 * pixels a word, and turns into float32 when it is read.
 */
export type Dtype = 'float32' | 'int32' | 'uint8';

/** Values on the host, row-major: of float32, int32 and uint8. */
export type HostArray = Float32Array | Int32Array | Uint8Array;

/** One operation on the values of its inputs; `new Tensor(node)` wraps it, `tensor.node` takes it out again. */
export interface Node<A = unknown> {
  /** Which operation. */
  readonly op: Op<A>;
  /** What it is computed from. */
  readonly inputs: readonly Node[];
  /** What the operation needs to know beside its inputs: an axis, a stride. */
  readonly attributes: A;
  /** Of the result. */
  readonly shape: Shape;
  /** Of the result. */
  readonly dtype: Dtype;
}

/** How an operation becomes kernels. */
export type Lowering<A> =
  /** Memory that exists before the plan runs. */
  | { readonly kind: 'leaf'; storage(node: Node<A>): LeafSource }
  /** The same elements in the same order under another shape: costs nothing. */
  | { readonly kind: 'alias' }
  /** Neighbouring elements of its input, from element `start` on, where they lie: costs nothing. */
  | { readonly kind: 'window'; start(node: Node<A>): number }
  /** One output element depends on the broadcast input elements at its own place: an expression, fused freely. */
  | {
      readonly kind: 'pointwise';
      /** WGSL of type `V`, f32 or vec4f; `inputs` are the names of the inputs' values. */
      expression(node: Node<A>, inputs: readonly string[], scope: PointwiseScope): string;
      /** Whether int32 inputs are given as they are, of WGSL type `I`; default: they are converted to `V`, which rounds. */
      keepsInt32?(node: Node<A>): boolean;
      /** The input whose words the expression sets by atomics: it is given the name of their array. */
      readonly flags?: number;
    }
  /** One output element is picked from the inputs by index: a function of the element's index, fused with what follows. */
  | {
      readonly kind: 'view';
      /** Body of a WGSL function that returns the element of flat index `e`. */
      body(node: Node<A>, scope: ViewScope): string;
      /** Length of the innermost runs that stay whole, so that they may be read four at a time; absent: none do. */
      keepsRows?(node: Node<A>): number;
    }
  /** A kernel of its own, whose last step takes a fused epilogue. */
  | {
      readonly kind: 'kernel';
      /** Run one after the other; the last one stores the result. */
      kernels(node: Node<A>, target: Target): readonly KernelTemplate[];
      /** The ways to compute it where there are several; `kernels` then gives the default. */
      readonly variants?: KernelVariants<A>;
      /** The input that must have been computed before, but whose value is not read. */
      readonly after?: number;
    }
  /** A reduction: a kernel whose loads take a fused prologue and whose stores take a fused epilogue. */
  | { readonly kind: 'reduce'; kernels(node: Node<A>, target: Target): readonly KernelTemplate[] }
  /** Writes into the storage of its first `writes` inputs and has no value. */
  | {
      readonly kind: 'effect';
      readonly writes: number;
      kernels(node: Node<A>, target: Target): readonly KernelTemplate[];
    }
  /** Lays its inputs side by side in one buffer: their kernels write there directly. */
  | { readonly kind: 'pack'; offsets(node: Node<A>): readonly number[] };

/** Several ways to compute an operation, of which an adapter's `choices` pick one. */
export interface KernelVariants<A> {
  /** Names the operation with all that decides which way is fastest: shapes, storage orders, strides. */
  key(node: Node<A>): string;
  /** The ways that the adapter can run, the default first. */
  offered(node: Node<A>, target: Target): readonly KernelVariant[];
}

/** Where a leaf's values come from. */
export type LeafSource =
  | { readonly kind: 'host'; readonly values: HostArray }
  | { readonly kind: 'device'; readonly storage: Storage };

/** An operation: everything that the library knows of it. */
export interface Op<A = unknown> {
  /** Unique: compiled plans are found by names, attributes, shapes and dtypes alone. */
  readonly name: string;
  /** The result's shape and dtype; throws when the inputs do not fit. */
  infer(inputs: readonly Node[], attributes: A): { readonly shape: Shape; readonly dtype: Dtype };
  /**
   * The vector-Jacobian product: one node an input, or null where none is needed or none flows. Broadcasting is undone by
   * the caller. `none` where the result does not depend smoothly on any input.
   */
  gradient(node: Node<A>, upstream: Node, needs: readonly boolean[]): readonly (Node | null)[] | 'none';
  /** How it becomes kernels. */
  readonly lowering: Lowering<A>;
}

/**
 * Applies an operation: checks the inputs by its shape rule and makes the node. Nothing is computed. The node outlives the
 * call, so it keeps copies of the lists and of the attributes, if these are a plain object, with the arrays in them: what was
 * given may be changed.
 */
export function createNode<A>(op: Op<A>, inputs: readonly Node[], attributes: A): Node<A> {
  const own = ownFields(attributes);
  const { shape, dtype } = op.infer(inputs, own);
  return { op, inputs: [...inputs], attributes: own, shape: [...shape], dtype };
}

/** A copy of a plain object and of the arrays in it; anything else as it is. */
function ownFields<A>(value: A): A {
  if (typeof value !== 'object' || value === null || Object.getPrototypeOf(value) !== Object.prototype) return value;
  const own = { ...value };
  for (const name in own) own[name] = ownArrays(own[name]);
  return own;
}

/** A copy of an array and of the arrays in it; anything else as it is. */
function ownArrays<T>(value: T): T;
function ownArrays(value: unknown): unknown {
  return Array.isArray(value) ? value.map(ownArrays) : value;
}

/** Whether a node is of an operation; its attributes are then known. */
export function isOf<A>(node: Node, op: Op<A>): node is Node<A> {
  return node.op.name === op.name;
}

/** Throws a ShapeError unless a node has a rank; `layout` says in words what is expected. */
export function expectRank(node: Node, rank: number, who: string, layout: string): void {
  if (node.shape.length === rank) return;
  throw new ShapeError(
    `${who}: expected ${layout}, a tensor of rank ${rank}, got shape ${formatShape(node.shape)}. Reshape it first.`,
  );
}

/** Throws a DtypeError unless a node has a dtype. */
export function expectDtype(node: Node, dtype: Dtype, who: string): void {
  if (node.dtype === dtype) return;
  throw new DtypeError(`${who}: expected ${dtype}, got ${node.dtype}. Convert it with cast('${dtype}').`);
}
