/** What training a network takes on the GPU, told without one. */

import { checkWhole } from '../../base/checks.ts';
import { bytesOf, type Dtype } from '../../base/dtype.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { sizeOf } from '../../base/shape.ts';
import { type Schedule, schedule } from '../../compiler/schedule.ts';
import type { Node, Target } from '../../ir/op.ts';
import type { Goal } from '../../network/compiled.ts';
import { Measures } from '../../network/measures.ts';
import type { Network } from '../../network/network.ts';
import { evaluationStep } from '../../network/step.ts';
import { loadLayers, loadWays } from '../../ops/loadWays.ts';
import { LEFT_OUT, momentsOf } from '../../ops/update.ts';
import type { Device } from '../../runtime/device.ts';
import { bytesOfPlan } from '../../runtime/plan.ts';
import { likelyLabels } from '../data/likelyLabels.ts';
import { gradientSums, stagesOf, stepCounts } from '../loop/microBatches.ts';
import { MOST_TOGETHER } from '../loop/pace.ts';
import { bytesOfStepMetrics } from '../loop/stepMetrics.ts';
import { standInMoments, standInParts } from '../standInStep.ts';

/** Options of `memory`. */
export interface MemoryOptions {
  /** Examples of an optimizer step. */
  readonly batchSize: number;
  /** As in `fit`: larger batches are taken in parts of at most so many examples; default: the batch size. */
  readonly microBatchSize?: number;
  /** Training examples, all of which lie on the GPU; default: one batch. */
  readonly examples?: number;
  /** Examples held out for validation; default 0. */
  readonly validationExamples?: number;
  /** Dtype of the inputs; default float32. */
  readonly dtype?: Dtype;
}

/** Bytes on the GPU. */
export interface MemoryReport {
  /** All that `fit` allocates. */
  readonly bytes: number;
  /** Weights and optimizer moments. */
  readonly parameterBytes: number;
  /** What the plans of a full and of a short last batch take, and those of the validation. */
  readonly planBytes: number;
  /** Examples, the order in which they are visited, and metrics. */
  readonly dataBytes: number;
  /** What no plan of a full batch could go below: the largest sum of results that are alive at once. */
  readonly aliveBytes: number;
}

/** What to plan for where no device is known: a GPU. */
const anyTarget = async (): Promise<Target> => ({
  subgroups: null,
  maxStorageBuffers: 8,
  ways: await loadWays('gpu'),
});

/** @throws ArgumentError for an option out of range, or one that does not exist */
export function checkMemoryOptions(options: MemoryOptions): void {
  checkOptions('memory', options, {
    batchSize: true,
    microBatchSize: true,
    examples: true,
    validationExamples: true,
    dtype: true,
  });
  const { batchSize, microBatchSize = 1, examples = 1, validationExamples = 0 } = options;
  checkWhole('memory', 'batchSize', batchSize, 1);
  checkWhole('memory', 'microBatchSize', microBatchSize, 1);
  checkWhole('memory', 'examples', examples, 1);
  checkWhole('memory', 'validationExamples', validationExamples, 0);
}

export async function memoryReport(
  goal: Goal,
  network: Network,
  { batchSize, microBatchSize = batchSize, examples = batchSize, validationExamples = 0, dtype }: MemoryOptions,
  device: Device | null,
): Promise<MemoryReport> {
  const { passesFor } = await import('../../runtime/onDemand.ts');
  const target = device?.target ?? (await anyTarget());
  await loadLayers(target.ways);
  const planOf = (effects: readonly Node[]): Schedule => schedule(effects, target, passesFor);
  const labels = likelyLabels(goal, network);
  const training = distinctBatches(examples, batchSize).map((batch) =>
    stagesOf(
      goal,
      standInMoments(goal, network),
      batch,
      microBatchSize,
      microBatchSize < batch ? gradientSums(network) : null,
      stepCounts({ ...goal, network }),
      (size) => standInParts(goal, network, { count: examples, labels, dtype }, size),
    ).map(({ effects }) => planOf(effects)),
  );
  const testing = distinctBatches(validationExamples, Math.min(batchSize, microBatchSize)).map((batch) =>
    planOf(evaluationStep(standInParts(goal, network, { count: validationExamples, labels, dtype }, batch)).effects),
  );
  const planBytes = [...training.flat(), ...testing].reduce(
    (sum, planned) => sum + bytesOfPlan(planned, MOST_TOGETHER, device?.stepStride),
    0,
  );
  const { size } = new Measures({ ...goal, network });
  const { trainable, fixed } = network;
  const copies = 1 + momentsOf(goal.optimizer.update).length + (microBatchSize < Math.min(batchSize, examples) ? 1 : 0);
  const parameterBytes = 4 * (trainable.size * copies + fixed.size) + bytesOf(LEFT_OUT.words, 'int32');
  const dataBytes = [examples, validationExamples].reduce((sum, count) => {
    if (count === 0) return sum;
    const parts = [
      ...network.inputShapes.map((shape) => bytesOf(count * sizeOf(shape), dtype ?? 'float32')),
      ...labels.map((one) => bytesOf(count * sizeOf(one.shape), one.dtype)),
      bytesOf(count, 'int32'),
      bytesOfStepMetrics(size),
    ];
    return parts.reduce((all, bytes) => all + bytes, sum);
  }, 0);
  return {
    bytes: parameterBytes + planBytes + dataBytes,
    parameterBytes,
    planBytes,
    dataBytes,
    aliveBytes: Math.max(0, ...(training[0] ?? []).map(({ placement }) => placement.aliveBytes)),
  };
}

/** Sizes of the batches of an epoch: the full one, and the short last one where there is one. */
function distinctBatches(examples: number, batchSize: number): number[] {
  const full = Math.min(batchSize, examples);
  const last = full === 0 ? 0 : examples % full;
  return [full, last].filter((size) => size > 0);
}
