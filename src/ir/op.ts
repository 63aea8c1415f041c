/**
 * The graph: a node is one operation on the values of its inputs. Nodes are immutable data and know no device; nothing
 * runs until a plan is made of them. At the end, what becomes of an operation: kernels, and the ways in which each class of
 * adapters computes what has several.
 */

import { describe } from '../base/describe.ts';
import type { Dtype, HostArray } from '../base/dtype.ts';
import { ArgumentError, DtypeError, ShapeError } from '../base/errors.ts';
import { formatShape, type Shape } from '../base/shape.ts';
import type { Holes } from '../wgsl/template.ts';
import type { PointwiseScope, ViewScope } from './scope.ts';
import type { Storage } from './storage.ts';
import type { Capabilities, Grid } from './target.ts';

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
  | { readonly kind: 'stretch'; start(node: Node<A>): number }
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
      /**
       * Where a view begins a kernel: one that computes it, for what `body` would read far apart. Null where it would not, or where
       * the adapter does not mind; absent: it never does.
       */
      tiles?(node: Node<A>, target: Target): KernelTemplate | null;
      /** Set where `tiles` are those of `Ways.layers`, which are then loaded first. @internal */
      readonly ofLayers?: true;
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
      /** Set where the kernels are those of `Ways.layers`, which are then loaded first. @internal */
      readonly ofLayers?: true;
    }
  /** A reduction: a kernel whose loads take a fused prologue and whose stores take a fused epilogue. */
  | {
      readonly kind: 'reduce';
      kernels(node: Node<A>, target: Target): readonly KernelTemplate[];
      /** As those of a kernel. */
      readonly variants?: KernelVariants<A>;
    }
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
  /** The ways that the adapter can run, at least one, the default first. */
  offered(node: Node<A>, target: Target): readonly KernelVariant[];
}

/** The ways to compute a node where its operation knows several, else null. */
export function variantsOf({ op: { lowering } }: Node): KernelVariants<unknown> | null {
  return lowering.kind === 'kernel' || lowering.kind === 'reduce' ? (lowering.variants ?? null) : null;
}

/** Where a leaf's values come from. */
export type LeafSource =
  | { readonly kind: 'host'; readonly values: HostArray }
  | { readonly kind: 'device'; readonly storage: Storage };

/**
 * Which rows of the inputs a part of a result is computed from, and what becomes of the part. Negative axes count from the
 * end.
 */
export interface RowCut {
  /** The axis along which each input is cut, by its place; null or left out: every part takes the whole input. */
  readonly inputs: readonly (number | null)[];
  /** The result's axis along which the parts lie side by side; or how results of the whole shape are combined. */
  readonly result: number | 'add' | 'maximum' | 'minimum';
}

/** The axis of a tensor's rows, the first that is longer than 1; -1 where it has but one element. */
export const rowAxis = (shape: Shape): number => shape.findIndex((extent) => extent > 1);

/**
 * How an operation is computed in parts, for tensors that are larger than an adapter can bind. A tensor's rows lie along its
 * first axis that is longer than 1: what a part holds are neighbours in memory.
 */
export interface PartitionRule<A, Name extends string = string> {
  /**
   * The ways in which a node can be cut: of several, the first that is along the rows of its largest operand is taken. None:
   * its rows mix. A number: along this axis of the first input and of the result. `elementwise`: an element depends on the
   * broadcast input elements at its own place; `flat`: the elements of its input in the same order. `axis` is that of the
   * first input's rows.
   */
  cuts(node: Node<A>, axis: number): readonly (RowCut | number | 'elementwise' | 'flat')[];
  /** Attributes that tell how many rows there are: shapes that have them, or their number. */
  readonly sizes?: readonly Name[];
  /** The attribute to which the number of rows before the part is added; absent in a node, it is 0. */
  readonly start?: Name;
  /** Set where a result is a box of the first input, which may then be read in part: the attribute that tells the corner. */
  readonly corner?: Name;
  /**
   * Set where the first input may come as several that lie side by side, followed by one more input: the attribute that
   * tells how many rows each has, the last one aside.
   */
  readonly rowsPerShard?: Name;
}

/**
 * Whether an operation can be computed in parts. `whole`: it cannot, because its rows mix or because it asks for the index
 * of an element. `elementwise`: an element depends on the broadcast input elements at its own place and on nothing else; of
 * an effect: so does what it writes, and inputs of another size than the first are given whole.
 */
export type Partition<A, Name extends string = string> = 'whole' | 'elementwise' | PartitionRule<A, Name>;

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
  /**
   * How it is computed in parts where its tensors are larger than the adapter can bind. Default `whole`: it is not, and what
   * is too large for it is refused.
   */
  readonly partition?: Partition<A>;
  /** True where a rewriting pass that is loaded on demand starts from this operation: see compiler/rewrite/passes.ts. */
  readonly sought?: true;
  /**
   * What stands in its place where inputs are one number throughout: `values` has that number, and null for all other
   * inputs. A node, or a number for a result that is this number throughout, rounded to float32; null: the operation stays.
   */
  fold?(inputs: readonly Node[], values: readonly (number | null)[], attributes: A): Node | number | null;
}

/** An operation that a rewriting pass starts from. */
export interface SoughtOp<A> extends BuiltInOp<A> {
  readonly sought: true;
}

/** An operation of the library, which says how it is cut. */
export interface BuiltInOp<A> extends Op<A> {
  readonly partition: Partition<A, string & keyof A>;
}

/**
 * Applies an operation: checks the inputs by its shape rule and makes the node. Nothing is computed. The node outlives the
 * call, so it keeps copies of the lists and of the attributes, if these are a plain object, with the arrays in them: what was
 * given may be changed.
 */
export function createNode<A>(op: Op<A>, inputs: readonly Node[], attributes: A): Node<A> {
  for (const input of inputs) {
    if ('op' in input) continue;
    throw new ArgumentError(`${op.name}: expected nodes, got ${describe(input)}. Give tensor.node.`);
  }
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

/** Throws a DtypeError if one of the nodes is int32, which float32 would round; `also` names what else is taken. */
export function refuseInt32(nodes: readonly Node[], who: string, also = ''): void {
  if (nodes.every(({ dtype }) => dtype !== 'int32')) return;
  throw new DtypeError(
    `${who}: expected float32${also}, got ${nodes.map(({ dtype }) => dtype).join(' and ')}. ` +
      "Convert int32 with cast('float32'), which rounds beyond 2^24.",
  );
}

/** Memory that lives only between the kernels of one operation. */
export interface Scratch {
  /** Its size. */
  readonly bytes: number;
}

/** Something in memory that a kernel binds. */
export type Operand = Node | Scratch;

export function isScratch(operand: Operand): operand is Scratch {
  return 'bytes' in operand;
}

/** A buffer that a kernel reads or writes. */
export interface Binding {
  /** The variable's name in WGSL. */
  readonly name: string;
  /** What is bound. */
  readonly operand: Operand;
  /** WGSL element type of the array: `f32`, `vec4f`, `u32`, `atomic<u32>`, ... */
  readonly element: string;
  /**
   * Elements, of 16 bytes each, of a small operand that is read as a uniform buffer: software adapters read those two to
   * three times as fast as storage. See `fitsUniform`.
   */
  readonly uniform?: number;
}

/** A value that WGSL gives each invocation, by its name there; the indices count positions along x, then y, then z. */
export type Builtin =
  /** vec3u */
  | 'global_invocation_id'
  | 'local_invocation_id'
  | 'workgroup_id'
  | 'num_workgroups'
  /** u32 */
  | 'global_invocation_index'
  | 'local_invocation_index'
  | 'workgroup_index'
  | 'subgroup_invocation_id'
  | 'subgroup_size';

/**
 * One kernel. Its text ends in calls of `store(i, value)`, which the planner writes: it applies the fused epilogue and
 * stores; `i` counts groups of `width` elements of the operation's result. Reductions take their input from `load(i)`,
 * written likewise. The planner also writes the entry point, so that small kernels may share a dispatch.
 */
export interface KernelTemplate {
  /** Its name in errors and profiles. */
  readonly label: string;
  /** WGSL before its holes are filled: `@main`, the statements of an invocation, `@end`, and beside it what they call. */
  readonly source: string;
  /** Invocations of a workgroup, a number or [x, y, z]; default 64. */
  readonly workgroup?: number | Grid;
  /** The built-in values that the statements use; default: `global_invocation_index`, the invocation's place among all. */
  readonly builtins?: readonly Builtin[];
  /** What is put into the source's holes, and decides its `@if`. */
  readonly holes?: Holes;
  /** What it reads by name. */
  readonly reads?: readonly Binding[];
  /** What it writes by name, beside its `store`. */
  readonly writes?: readonly Binding[];
  /** Whole numbers that the kernel reads as `params.name`: shapes that change with the batch. */
  readonly uniforms?: Readonly<Record<string, number>>;
  /** Floats that the kernel reads as `params.name`. */
  readonly floats?: Readonly<Record<string, number>>;
  /**
   * Workgroups, a number or [x, y, z]. A number larger than a dimension holds is folded into two, which may hold a few more:
   * count by `global_invocation_index` or `workgroup_index` and leave out what lies past the end.
   */
  readonly grid: Grid | number;
  /** Elements that one `store` (or `load`) takes. */
  readonly width?: 1 | 4;
  /**
   * Floats that a thread's stores (a reduction's loads) lie apart, or a divisor of that: what is broadcast along rows of as many floats
   * or a whole part of them is the same for all, and read once, by `keep(i)`, which the kernel calls before with an index of one.
   */
  readonly apart?: number;
  /** True when the kernel reads the per-step values (`step.…`). */
  readonly usesStep?: boolean;
  /** WGSL extensions to enable. */
  readonly enables?: readonly string[];
  /** Bytes of workgroup memory, of a kernel that may share its dispatch with others; with such memory but no number it has its own. */
  readonly memory?: number;
  /** True for a dispatch of its own: the kernel's text is then the same, whatever runs beside it. */
  readonly alone?: boolean;
}

/** One of several ways to compute the same operation. */
export interface KernelVariant {
  /** Unique among the operation's variants. */
  readonly name: string;
  /** True where it never won on this kind of adapter: it can be chosen, but is not worth a measurement. */
  readonly hopeless?: boolean;
  /** As those of a lowering. */
  kernels(): readonly KernelTemplate[];
}

/** `kernels` and `variants` of an operation that is computed in `ways`. */
export const inWays = <A>(
  key: (node: Node<A>) => string,
  ways: (node: Node<A>, target: Target) => readonly KernelVariant[],
): { kernels(node: Node<A>, target: Target): readonly KernelTemplate[]; readonly variants: KernelVariants<A> } => ({
  kernels: (node, target) => ways(node, target)[0].kernels(),
  variants: { key, offered: ways },
});

/** The same of an operation of layers. */
export const inLayerWays = <A>(
  key: (node: Node<A>) => string,
  ways: (node: Node<A>, layers: LayerWays, target: Target) => readonly KernelVariant[],
) => ({ ...inWays<A>(key, (node, target) => ways(node, layersOf(target), target)), ofLayers: true as const });

/** What lowering needs to know of the adapter; a plain value, so that plans can be made without one. */
export interface Target extends Capabilities {
  /** How its class of adapters computes; a device has loaded those of its own. */
  readonly ways: Ways;
}

/**
 * How a class of adapters computes what has several ways: src/ops/cpu/ has those of adapters that run on the CPU, where
 * registers and loads are what costs, src/ops/gpu/ those of GPUs, whose threads share loads and workgroup memory. A list has
 * at least one way, the default first.
 */
export interface Ways {
  /** Which class: adapters that run on the CPU, or GPUs. */
  readonly kind: 'cpu' | 'gpu';
  /** Of a tensor seen as `extents`. @internal */
  reduction(reduction: Reduction, extents: Extents, target: Target): readonly KernelVariant[];
  /**
   * Elements that a thread of a pointwise kernel takes at once, of `size`, a multiple of four, and how often; null: once, by a text
   * without a loop. `torn`: it reads a view that tears fours apart.
   * @internal
   */
  pointwise(size: number, torn: boolean): { readonly width: 1 | 4; readonly turns: number | null };
  /** Bytes up to which expressions read what is broadcast along rows as a uniform buffer; at most 65,536. @internal */
  readonly broadcastAsUniform: number;
  /** Of `size` weights, those that a thread of an optimizer's update takes at once, and how often. @internal */
  update(size: number, target: Target): { readonly width: 1 | 4; readonly turns: number };
  /** What layers of networks compute: a device loads it with its first graph that has such an operation, and has null before. @internal */
  layers: LayerWays | null;
}

/** Of these the kernels are long, and programs that do without layers need none. */
export interface LayerWays {
  /** Matrix products and convolutions. */
  contraction(contraction: Contraction, target: Target): readonly KernelVariant[];
  /** A kernel along the rows of a matrix. */
  alongRows(kernel: RowKernel, target: Target): readonly KernelVariant[];
  /** A kernel over the windows of images. */
  pooling(pooling: Pooling): KernelTemplate;
  /** A depthwise convolution or one of its gradients, before the kernels that every adapter has for it; may be none. */
  depthwise(of: ConvolutionSide, node: Node<ConvolutionShapes>, target: Target): readonly KernelVariant[];
  /** A kernel that permutes the axes of `x`; null where reading element by element is as good. */
  permutation(x: Node, permutation: readonly number[]): KernelTemplate | null;
}

/** A target's ways of layers, which whoever plans has loaded (`loadLayers`). */
export function layersOf({ ways: { layers } }: Target): LayerWays {
  if (layers === null) throw new Error('The ways of layers were not loaded.');
  return layers;
}

/** How an operand of a contraction lies in memory. */
export interface ContractionOperand {
  /** Whether neighbours in memory are neighbours in k; else they are neighbouring rows (of A) or columns (of B). */
  readonly alongK: boolean;
  /** Whether four neighbouring rows or columns of one k are one aligned vec4f: the loaders then know BLOCK_A or BLOCK_B. */
  readonly blocks: boolean;
  /** Whether it is a matrix whose rows follow each other in memory without gaps. */
  readonly linear: boolean;
  /** How it is bound for `load_a` or `load_b`; as vec4f where it is read in blocks. */
  readonly binding: Binding;
}

/**
 * The shader with row_of, column_of, load_a and load_b; with the hole BLOCK_A of load_rows instead of load_a, with BLOCK_B of
 * load_columns instead of load_b.
 */
export type LoaderName = 'matmul' | 'conv2d' | 'conv2d_input_gradient' | 'conv2d_kernel_gradient';

/**
 * The images of a convolution of 3×3 taps that has a result a pixel, with a pixel of zeros around; or of one of its gradients. Or those of a
 * gradient of one of stride 2.
 */
export interface TapsOfImages {
  /** Which of the three: what it computes. The images of a gradient to the `input` are the upstream gradient. */
  readonly of: ConvolutionSide;
  readonly images: number;
  readonly height: number;
  readonly width: number;
  readonly channels: number;
  /**
   * Of stride 2: how large the other side is (the images to which there is a gradient; the upstream gradient, where it goes to the kernel), and
   * the pixels of zeros above and left of the images, at most one; null: stride 1.
   */
  readonly strided: {
    readonly height: number;
    readonly width: number;
    readonly before: readonly [number, number];
  } | null;
}

/** What a convolution or one of its gradients computes. */
export type ConvolutionSide = 'output' | 'input' | 'kernel';

/** Of a convolution over images and its gradients. */
export interface ConvolutionShapes {
  /** [height, width] */
  readonly stride: readonly [number, number];
  /** Pixels before the first one: [above, left]. */
  readonly before: readonly [number, number];
  /** Pixels from one tap of the kernel to the next: [height, width]. */
  readonly dilation: readonly [number, number];
  /** [batch, height, width, channels] */
  readonly input: Shape;
  /** [height, width, in of a group, out], of a depthwise convolution [height, width, channels, multiplier] */
  readonly kernel: Shape;
  /** [batch, height, width, channels], of a depthwise convolution channels * multiplier of them */
  readonly output: Shape;
}

/** C(m, n) = Σ_k A(m, k) B(k, n), `batch` times. */
export interface Contraction {
  readonly label: string;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly batch?: number;
  /** Whether the batch's results lie side by side, as [m, batch, n]; else one behind the other, as [batch, m, n]. */
  readonly sideBySide?: boolean;
  readonly loaders: LoaderName;
  readonly holes: Holes;
  readonly a: ContractionOperand;
  readonly b: ContractionOperand;
  readonly uniforms?: Readonly<Record<string, number>>;
  /** Elements that so many rows of A have in one run of memory, where loaders with the hole STAGED_X can stage them. */
  readonly runOf?: (rows: number) => number;
  /** Where it is such a convolution. */
  readonly tapsOfImages?: TapsOfImages;
}

/** A tensor seen as [outer, extent, inner], reduced over `extent`. */
export interface Extents {
  readonly outer: number;
  readonly extent: number;
  readonly inner: number;
}

/** What is reduced, and how. */
export interface Reduction {
  readonly label: string;
  /** WGSL of what the expressions below call. */
  readonly source: string;
  readonly holes?: Holes;
  /** WGSL type of what is combined, where that is a value: four where it is read four at a time. */
  number(width: 1 | 4): string;
  /** 32-bit words of such a value, by the number that it stands for. */
  readonly words: number;
  /** Whether values may be read four at a time. */
  readonly vector: boolean;
  /** WGSL: what becomes of `a` and `b`; in any order. */
  readonly combine: string;
  /** WGSL: the value at place `i` of the memory and `r` of the extent. */
  readonly value: string;
  reads(width: 1 | 4): readonly Binding[];
  /** WGSL: what is done with the `total` of number `result`. */
  readonly result: string;
  /** Whether it keeps its dispatches to itself. */
  readonly alone?: boolean;
  /** Its kernels where a thread computes a result by itself, or four that lie side by side. */
  byThread(width: 1 | 4): readonly KernelTemplate[];
}

/** A kernel along the rows of its first input, [rows, columns]. */
export interface RowKernel {
  /** All but the text and how threads share rows. */
  readonly template: Omit<KernelTemplate, 'source' | 'grid'>;
  /** The shader of what becomes of a row, after what row_thread.wgsl says that it can call and know. */
  readonly text: 'softmax' | 'softmax_cross_entropy' | 'standardize';
  readonly rows: number;
  readonly columns: number;
  /** Whether it reads a second matrix, which may be staged as well (STAGED_LABELS, PLACES). */
  readonly labels: boolean;
  /** Whether it writes a matrix. */
  readonly writes: boolean;
}

/** A kernel over the windows of images [batch, height, width, channels]. */
export interface Pooling {
  readonly label: string;
  /** Its shader. */
  readonly text: 'pool2d' | 'pool2d_gradient' | 'max_pool2d_pick' | 'max_pool2d_scatter';
  readonly window: ImageWindow;
  /** What it computes one by one, four channels at a time where they allow it. */
  readonly over: Shape;
  /** By their names in the shader. */
  readonly operands: Readonly<Record<string, Node>>;
  /** Those of the window are known. */
  readonly holes: Holes;
}

/** A window that moves over images. */
export interface ImageWindow {
  readonly size: readonly [number, number];
  readonly stride: readonly [number, number];
  readonly before: readonly [number, number];
  /** [batch, height, width, channels] */
  readonly input: Shape;
  readonly output: Shape;
}
