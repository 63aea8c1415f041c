/** What kernels are made for: the adapter as lowering sees it. */

/** What lowering needs to know of the adapter; a plain value, so that plans can be made without one. */
export interface Target {
  /** How many lanes a subgroup may have, where subgroup operations exist; else null. */
  readonly subgroups: SubgroupSizes | null;
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

/** How many lanes a subgroup has, powers of two: on some adapters the driver chooses for each kernel. */
export interface SubgroupSizes {
  /** Of the smallest. */
  readonly min: number;
  /** Of the largest. */
  readonly max: number;
}

/** Lanes that there are tiles for. */
const CPU_LANES = [4, 8, 16] as const;

/**
 * Lanes of every subgroup of an adapter on the CPU, where that number is fixed and there are tiles for it, 4, 8 or 16; else 0. A
 * lane is one of the processor's, so such kernels count on their number.
 */
export function cpuLanes({ software, subgroups }: Target): 0 | (typeof CPU_LANES)[number] {
  if (!software || subgroups === null || subgroups.min !== subgroups.max) return 0;
  return CPU_LANES.find((lanes) => lanes === subgroups.min) ?? 0;
}

/** The same target with these choices beside its own; of two for one key the new one counts. */
export const withChoices = (target: Target, choices: ReadonlyMap<string, string>): Target => ({
  ...target,
  choices: new Map([...(target.choices ?? []), ...choices]),
});

/** What one workgroup may hold. */
export interface WorkgroupLimits {
  /** Invocations. */
  readonly threads: number;
  /** Bytes of workgroup memory. */
  readonly bytes: number;
}

export const GUARANTEED_WORKGROUP: WorkgroupLimits = { threads: 256, bytes: 16384 };

/** Whether an operand of so many bytes may be read as a uniform buffer on every adapter. */
export const fitsUniform = (bytes: number): boolean => bytes % 16 === 0 && bytes <= 65536;

/**
 * Whether a kernel over so many elements runs for less time than its text takes to compile. On the CPU a vec4f's load or
 * store is four times the code of a float's, at a third of the speed an element.
 */
export const isBrief = (elements: number, target: Target): boolean => target.software && elements <= 16384;

/** Workgroups a dimension. */
export type Grid = readonly [number, number, number];

/** Workgroups a dimension that WebGPU guarantees. */
export const MAX_GRID = 65535;

/** A grid of at least `groups` workgroups, folded into two dimensions where one does not hold them. */
export function linearGrid(groups: number, most = MAX_GRID): Grid {
  if (groups <= most) return [groups, 1, 1];
  const rows = Math.ceil(groups / most);
  return [Math.ceil(groups / rows), rows, 1];
}
