/** Which batch size to train with: the smallest one that keeps the adapter nearly as busy as it gets. */

import { checkAbove, checkWhole } from '../../base/checks.ts';
import { OutOfMemoryError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { uniform } from '../../base/random.ts';
import { sizeOf } from '../../base/shape.ts';
import type { Compiled } from '../../network/compiled.ts';
import { Measures } from '../../network/measures.ts';
import { trainingStep } from '../../network/step.ts';
import { dataNode } from '../../ops/leaf.ts';
import { Plan } from '../../runtime/plan.ts';
import { Tensor } from '../../tensor/tensor.ts';
import { batchOf, disposeExamples, Order, uploadExamples } from '../../training/data/gpuDataset.ts';
import type { LabelKind } from '../../training/data/labelKind.ts';
import { likelyLabels } from '../../training/data/likelyLabels.ts';
import { fittingBatch } from '../../training/fitting.ts';
import { StepMetrics } from '../../training/loop/stepMetrics.ts';
import type { TrainedModel } from '../trainedModel.ts';
import { rehearse } from './trialModel.ts';

/** Options of `suggestBatchSize`. */
export interface SuggestBatchSizeOptions {
  /** The largest batch to try; default 1024. */
  readonly maxBatchSize?: number;
  /** How long each size is measured; default 300. */
  readonly milliseconds?: number;
}

/** One size's measurement. */
export interface BatchSizeMeasurement {
  /** Examples a step. */
  readonly batchSize: number;
  /** Median time of a training step. */
  readonly stepMs: number;
  /** Throughput at that time a step. */
  readonly examplesPerSecond: number;
}

/** What was measured, and what follows from it. */
export interface BatchSizeSuggestion {
  /** The smallest measured size within 10 % of the highest throughput. */
  readonly batchSize: number;
  /** Every size that was measured, doubling from 1. */
  readonly measurements: readonly BatchSizeMeasurement[];
}

/** As good as the best. */
const NEARLY = 0.9;
/** Larger sizes are given up after so many that were no better than what was measured before. */
const ENOUGH = 2;
/** Steps of a size that are timed at least. */
const LEAST_STEPS = 3;

/**
 * Measures training steps over doubling batch sizes, on random examples and on a copy of the model: its weights are as
 * before. A size that does not fit ends the search. Where throughput no longer rises, a larger batch only costs memory and
 * takes fewer steps an epoch; see `scaleLearningRate` for the rate that goes with another size.
 * @param model compiled and built
 * @throws ArgumentError for an option out of range, or one that does not exist
 */
export async function suggestBatchSize(
  model: TrainedModel<unknown, unknown, unknown>,
  options: SuggestBatchSizeOptions = {},
): Promise<BatchSizeSuggestion> {
  checkOptions('suggestBatchSize', options, { maxBatchSize: true, milliseconds: true });
  const { maxBatchSize = 1024, milliseconds = 300 } = options;
  checkWhole('suggestBatchSize', 'maxBatchSize', maxBatchSize, 1);
  checkAbove('suggestBatchSize', 'milliseconds', milliseconds);
  return rehearse(await model.ready('suggestBatchSize'), async (copy) => {
    const measurements: BatchSizeMeasurement[] = [];
    let peak = 0;
    let idle = 0;
    const labels = likelyLabels(copy, copy.network);
    for (let batchSize = 1; batchSize <= maxBatchSize && idle < ENOUGH; batchSize *= 2) {
      if ((await fittingBatch(copy, batchSize, labels)) < batchSize) break;
      const stepMs = await medianStep(copy, labels, batchSize, milliseconds);
      if (stepMs === null) break;
      const examplesPerSecond = (1000 * batchSize) / stepMs;
      measurements.push({ batchSize, stepMs, examplesPerSecond });
      idle = examplesPerSecond > peak ? 0 : idle + 1;
      peak = Math.max(peak, examplesPerSecond);
    }
    const enough = measurements.find(({ examplesPerSecond }) => examplesPerSecond >= NEARLY * peak);
    return { batchSize: enough?.batchSize ?? 1, measurements };
  });
}

/** Median milliseconds of a training step; null where the device runs out of memory. */
async function medianStep(
  copy: Compiled,
  kinds: readonly LabelKind[],
  batchSize: number,
  milliseconds: number,
): Promise<number | null> {
  const { device, network, optimizer, moments } = copy;
  const x = network.inputShapes.map((shape) => {
    const values = uniform(batchSize * sizeOf(shape), { seed: batchSize });
    return new Tensor(dataNode(values, [batchSize, ...shape]));
  });
  const y = kinds.map(({ shape, dtype }) => {
    const values = new (dtype === 'int32' ? Int32Array : Float32Array)(batchSize * sizeOf(shape));
    return new Tensor(dataNode(values, [batchSize, ...shape]));
  });
  const examples = await uploadExamples(device, x, y, null);
  const order = new Order(device, batchSize);
  order.write(Int32Array.from({ length: batchSize }, (_, i) => i));
  const stepMetrics = new StepMetrics(device, new Measures(copy).size);
  let plan: Plan | null = null;
  try {
    const { effects } = trainingStep(
      {
        ...copy,
        ...batchOf(examples, order, batchSize),
        stepMetrics,
      },
      optimizer.update,
      moments.nodes(),
    );
    plan = await Plan.compile(device, effects);
    const times: number[] = [];
    const values = { seed: 0, step: 0, position: 0, rates: optimizer.rates(1) };
    // The first one pays for what drivers compile late.
    for (let spent = 0, at = 0; at <= LEAST_STEPS || spent < milliseconds; at++) {
      const began = performance.now();
      plan.run([values]);
      await device.finish();
      const took = performance.now() - began;
      if (at === 0) continue;
      times.push(took);
      spent += took;
    }
    return times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
  } catch (error) {
    if (error instanceof OutOfMemoryError) return null;
    throw error;
  } finally {
    plan?.dispose();
    stepMetrics.dispose();
    order.dispose();
    disposeExamples(examples);
  }
}
