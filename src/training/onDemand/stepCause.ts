/** Why a step of a training was not finite: its batch is taken again as the training took it, whole or in parts. */

import type { NonFinite } from '../../callbacks/divergence/nonFinite.ts';
import type { Compiled } from '../../network/compiled.ts';
import type { ParameterBlock } from '../../network/parameters.ts';
import type { StepParts } from '../../network/step.ts';
import { countingStages, partsOf } from '../loop/microBatches.ts';
import { type Stage, seedOfPart } from '../loop/stage.ts';
import { findCause } from './nonFiniteCause.ts';

/** The step, and how its batch is taken. */
export interface TakenStep {
  /** Its number. */
  readonly step: number;
  /** Its batch's place among the epoch's examples. */
  readonly position: number;
  readonly batch: number;
  /** Most examples that are taken at once. */
  readonly most: number;
  /** Where a batch counts the steps of its masks; null for nowhere. */
  readonly counts: ParameterBlock | null;
  partsFor(size: number): StepParts;
  /** Runs other stages on the batch. */
  run(stages: readonly Stage[]): Promise<void>;
  /** Whether the steps after it left the weights as they were. */
  readonly held: boolean;
}

/** Looks for what was not finite in a step. */
export async function causeIn(compiled: Compiled, taken: TakenStep): Promise<NonFinite> {
  const { device, optimizer, seed } = compiled;
  const { step, batch, most, counts, partsFor, held } = taken;
  let { position } = taken;
  const cut = partsOf(batch, most);
  // The steps of the batch's masks are counted again.
  if (counts !== null) await taken.run(countingStages(cut, counts, true, partsFor));
  const parts = cut
    .flatMap(({ size, repeats }) => Array.from({ length: repeats }, () => size))
    .map((size, part) => {
      const values = { seed: seedOfPart(seed, part), step, position, rates: [] };
      position += size;
      return { size, values };
    });
  return { step, ...(await findCause(device, { rule: optimizer.update, batch, parts, partsFor, held })) };
}
