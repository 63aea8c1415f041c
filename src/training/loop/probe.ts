/** What looks at batches before they are trained on. */

import type { ParameterBlock } from '../../network/parameters.ts';
import type { StepParts } from '../../network/step.ts';
import type { Stage } from './stage.ts';

export interface Probe {
  /** Steps from one look to the next, from the first one of an epoch on. */
  readonly every: number;
  /** What a look at a full batch runs. */
  readonly stages: readonly Stage[];
  /** A look was submitted. */
  looked(): void;
  /** Frees what the stages write to. */
  dispose(): void;
}

/** Makes probes that take at most so many examples at once. `counts`: where a batch counts the steps of its masks. */
export type Probes = (
  microBatchSize: number,
  counts: ParameterBlock | null,
  partsFor: (size: number) => StepParts,
) => readonly Probe[];
