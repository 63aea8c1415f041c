/**
 * The GPUs that are compiled for, as Mesa names them, and what their parts do in a cycle.
 *
 * The figures are those of AMD's instruction set guides and architecture papers: vector units ("SIMD") of so many lanes, a few
 * of which share a workgroup memory of 32 banks of 4 bytes and a vector cache. That memory does give 128 bytes a cycle to two
 * units of RDNA: a published product of matrices on a Radeon RX 7900 XTX reads 81 from it, all told. Of the caches' figures the
 * cautious ones are taken. A GPU has many such groups of units; for shares of its peak their number does not matter.
 */
import type { SubgroupSizes } from '../../src/graph.ts';

export interface Family {
  /** What people call it. */
  readonly title: string;
  /** What its adapter offers. */
  readonly subgroups: SubgroupSizes;
  /** Lanes that a vector unit computes in a cycle. */
  readonly lanes: number;
  /** Vector units that share the workgroup memory, the vector cache and the scalar cache's port. */
  readonly units: number;
  /** Bytes a cycle of what they share. */
  readonly workgroupMemory: number;
  readonly cache: number;
  readonly scalarCache: number;
  /** Cycles after which a vector unit's waves have the scalar unit again. */
  readonly scalarCycles: number;
}

export const FAMILY_NAMES = ['navi31', 'navi21', 'vega10'] as const;
export type FamilyName = (typeof FAMILY_NAMES)[number];

const RDNA = {
  subgroups: { min: 32, max: 64 },
  lanes: 32,
  units: 2,
  workgroupMemory: 128,
  cache: 64,
  scalarCache: 32,
  scalarCycles: 1,
};

export const FAMILIES: Readonly<Record<FamilyName, Family>> = {
  navi31: { title: 'RDNA 3', ...RDNA },
  navi21: { title: 'RDNA 2', ...RDNA },
  vega10: {
    title: 'GCN 5',
    subgroups: { min: 64, max: 64 },
    lanes: 16,
    units: 4,
    workgroupMemory: 128,
    cache: 64,
    scalarCache: 16,
    scalarCycles: 4,
  },
};
