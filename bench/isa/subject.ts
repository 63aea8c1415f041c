/** What is looked at: a kernel with its name, and which kernel of another run is the same one. */
import type { SubgroupSizes } from '../../src/graph.ts';
import type { StepNetworkName } from '../networks.ts';
import type { FamilyName } from './families.ts';
import { FAMILIES } from './families.ts';
import { type PlannedKernel, plannedTarget, type StepPlanner } from './plannedKernels.ts';
import type { Shader } from './shader.ts';

/** What tells a kernel from the others of a run on one family. */
export interface KernelName {
  /** `wgrad`, a peer, or `file`. */
  readonly by: string;
  readonly network: string | null;
  readonly batch: number | null;
  /** Whether it was planned for an adapter with subgroups; null where nobody knows. */
  readonly subgroups: 'with' | 'without' | null;
  readonly direction: string | null;
  readonly layer: string | null;
  readonly label: string;
  /** Of several of the same name in one step, in their order: 1, 2, … */
  readonly nth: number;
}

export interface Subject extends KernelName {
  readonly fused: readonly string[];
  readonly shader: Shader;
  /** Of its dispatch; null where nobody knows. */
  readonly workgroups: number | null;
}

/** Numbers kernels that have the same name. */
export function numbered(subjects: readonly Omit<Subject, 'nth'>[]): Subject[] {
  const counts = new Map<string, number>();
  return subjects.map((subject) => {
    const name = keyOf({ ...subject, nth: 0 });
    const nth = (counts.get(name) ?? 0) + 1;
    counts.set(name, nth);
    return { ...subject, nth };
  });
}

export const keyOf = ({ by, network, batch, subgroups, direction, layer, label, nth }: KernelName): string =>
  JSON.stringify([by, network, batch, subgroups, direction, layer, label, nth]);

const subjectOf = (
  { network, batch, direction, layer, label, fused, kernel }: PlannedKernel,
  subgroups: SubgroupSizes | null,
): Omit<Subject, 'nth'> => ({
  by: 'wgrad',
  network,
  batch,
  subgroups: subgroups === null ? 'without' : 'with',
  direction,
  layer,
  label,
  fused,
  shader: { code: kernel.source, entryPoint: 'main' },
  workgroups: kernel.grid.reduce((product, extent) => product * extent),
});

/** The kernels of training steps, planned for a family's adapter with and without its subgroups. */
export async function plannedSubjects(
  planner: StepPlanner,
  networks: readonly StepNetworkName[],
  batches: readonly number[],
  family: FamilyName,
): Promise<Subject[]> {
  const subjects: Omit<Subject, 'nth'>[] = [];
  for (const network of networks) {
    for (const batch of batches) {
      for (const subgroups of [FAMILIES[family].subgroups, null]) {
        const kernels = await planner.kernels(network, batch, plannedTarget(subgroups));
        subjects.push(...kernels.map((kernel) => subjectOf(kernel, subgroups)));
      }
    }
  }
  return numbered(subjects);
}
