/** What an operation hands to the planner: a WGSL template with its operands, and where its results go. */

import type { Holes } from '../gpu/template.ts';
import type { Node } from './node.ts';

/** What lowering needs to know of the adapter; a plain value, so that plans can be made without one. */
export interface Target {
  /** Lanes of a subgroup where that number is fixed and subgroup operations exist, else 0. */
  readonly subgroupSize: number;
  /** Storage buffers that one kernel may bind. */
  readonly maxStorageBuffers: number;
  /** True for adapters that run on the CPU: registers and loads are what costs there, not workgroups. */
  readonly software: boolean;
  /** Bytes of a buffer that one kernel may bind; default: any number, as for plans that are only looked at. */
  readonly maxBindingBytes?: number;
  /** Workgroups a dimension; default: what WebGPU guarantees. */
  readonly maxGroups?: number;
  /** What one workgroup may hold; default: what WebGPU guarantees. */
  readonly workgroup?: WorkgroupLimits;
  /**
   * Which variant computes an operation, by its key (`KernelVariants.key`), or by the operation's name for all its shapes.
   * Default: the first variant that the operation offers. A name that it does not offer is ignored.
   */
  readonly choices?: ReadonlyMap<string, string>;
}

/** What one workgroup may hold. */
export interface WorkgroupLimits {
  /** Invocations. */
  readonly threads: number;
  /** Bytes of workgroup memory. */
  readonly bytes: number;
}

export const GUARANTEED_WORKGROUP: WorkgroupLimits = { threads: 256, bytes: 16384 };

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

/** Whether an operand of so many bytes may be read as a uniform buffer on every adapter. */
export const fitsUniform = (bytes: number): boolean => bytes % 16 === 0 && bytes <= 65536;

/** Workgroups a dimension. */
export type Grid = readonly [number, number, number];

/**
 * One kernel. The template's `main` ends in calls of `store(i, value)`, which the planner writes: it applies the fused
 * epilogue and stores; `i` counts groups of `width` elements of the operation's result. Reductions take their input
 * from `load(i)`, written likewise.
 */
export interface KernelTemplate {
  /** Its name in errors and profiles. */
  readonly label: string;
  /** WGSL with the entry point `main`, before its holes are filled. */
  readonly source: string;
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
  /** Workgroups; a number is folded into a grid of that many, which the kernel counts as `group.y * groups.x + group.x`. */
  readonly grid: Grid | number;
  /** Elements that one `store` (or `load`) takes. */
  readonly width?: 1 | 4;
  /** True when the kernel reads the per-step values (`step.…`). */
  readonly usesStep?: boolean;
  /** WGSL extensions to enable. */
  readonly enables?: readonly string[];
}

/**
 * Whether a kernel over so many elements runs for less time than its text takes to compile. On the CPU a vec4f's load or
 * store is four times the code of a float's, at a third of the speed an element.
 */
export const isBrief = (elements: number, target: Target): boolean => target.software && elements <= 16384;

/** One of several ways to compute the same operation. */
export interface KernelVariant {
  /** Unique among the operation's variants. */
  readonly name: string;
  /** True where it never won on this kind of adapter: it can be chosen, but is not worth a measurement. */
  readonly hopeless?: boolean;
  /** As those of a lowering. */
  kernels(): readonly KernelTemplate[];
}

/** Workgroups a dimension that WebGPU guarantees. */
export const MAX_GRID = 65535;

/** A grid of at least `groups` workgroups, folded into two dimensions where one does not hold them. */
export function linearGrid(groups: number, most = MAX_GRID): Grid {
  if (groups <= most) return [groups, 1, 1];
  const rows = Math.ceil(groups / most);
  return [Math.ceil(groups / rows), rows, 1];
}
