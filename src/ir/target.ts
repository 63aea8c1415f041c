/** What kernels are made for: the adapter as lowering sees it. */

/** What an adapter can do, as plain data; a `Target` (op.ts) adds the ways in which its class computes. */
export interface Capabilities {
  /** How many lanes a subgroup may have, where subgroup operations exist; else null. */
  readonly subgroups: SubgroupSizes | null;
  /** Storage buffers that one kernel may bind. */
  readonly maxStorageBuffers: number;
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

/** Lanes that an adapter on the CPU has kernels for. */
const CPU_LANES = [4, 8, 16] as const;

/**
 * Lanes of every subgroup of an adapter on the CPU, where that number is fixed and there are kernels for it; else 0. A lane is
 * one of the processor's, so such kernels count on their number.
 */
export function cpuLanes({ subgroups }: Pick<Capabilities, 'subgroups'>): 0 | (typeof CPU_LANES)[number] {
  if (subgroups === null || subgroups.min !== subgroups.max) return 0;
  return CPU_LANES.find((lanes) => lanes === subgroups.min) ?? 0;
}

/** The same target with these choices beside its own; of two for one key the new one counts. */
export const withChoices = <T extends Capabilities>(target: T, choices: ReadonlyMap<string, string>): T => ({
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

/** What a kernel knows of its subgroups. */
export const SUBGROUP_VALUES = ['subgroup_size', 'subgroup_invocation_id'] as const;

/** Whether an operand of so many bytes may be read as a uniform buffer on every adapter. */
export const fitsUniform = (bytes: number): boolean => bytes % 16 === 0 && bytes <= 65536;

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
