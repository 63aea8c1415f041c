/** A search for a good learning rate. */

import { checkAbove, checkWhole, TYPICAL_RATES } from '../../base/checks.ts';
import type { HostArray } from '../../base/dtype.ts';
import { ArgumentError, DataError } from '../../base/errors.ts';
import { checkOptions } from '../../base/optionNames.ts';
import { permutation } from '../../base/random.ts';
import type { Shape } from '../../base/shape.ts';
import type { ByTarget } from '../../network/compiled.ts';
import { exampleShape } from '../../nn/layers/layer.ts';
import { dataNode } from '../../ops/leaf.ts';
import type { Device } from '../../runtime/device.ts';
import { Tensor, type TensorLike } from '../../tensor/tensor.ts';
import { checkExamples } from '../../training/data/checkData.ts';
import { exampleWeights, meanWeight, type Weighting } from '../../training/data/exampleWeights.ts';
import { eachOnce, valuesOf } from '../../training/data/gpuDataset.ts';
import { takeWeights } from '../../training/fitOptions.ts';
import { type Batch, BatchTrainers } from '../../training/loop/batchTrainers.ts';
import { iota } from '../../training/loop/evaluator.ts';
import { onDemand, type TrainedModel } from '../trainedModel.ts';
import { rehearse } from './trialModel.ts';

/** Options of `findLearningRate`; class and sample weights as in `fit`. */
export interface FindLearningRateOptions<Y = TensorLike> extends Weighting<Y> {
  /** First rate; default 1e-6. */
  readonly minLr?: number;
  /** Last rate; default 1. */
  readonly maxLr?: number;
  /** Training steps, one a rate; default 100, at least 10. */
  readonly steps?: number;
  /** Default 32. */
  readonly batchSize?: number;
}

/** Loss over learning rate. */
export interface LearningRateCurve {
  /** Rates that were tried, rising by a constant factor. The search ends where the loss blows up. */
  readonly rates: readonly number[];
  /** Loss of each step before its update by its examples' weights, a moving average over the steps so far. */
  readonly losses: readonly number[];
  /** Rate at which the loss falls fastest with the rate's logarithm; null where it never falls. */
  readonly steepest: number | null;
  /** Rate of the lowest loss. */
  readonly lowest: number;
  /**
   * Where to begin: the steepest point, but at most a tenth of the rate of the lowest loss, beyond which training is about
   * to diverge. Null where the loss never falls.
   */
  readonly suggestion: number | null;
}

/** Decay of the moving average of losses: single batches are noisy. */
const DECAY = 0.9;
/** The loss has blown up above so many times its lowest value. */
const BLOWN_UP = 4;

/**
 * The rising-rate test (Smith 2015, https://arxiv.org/abs/1506.01186): trains a copy of the model, one batch a step, while
 * the rate rises from `minLr` to `maxLr`. The model's weights, optimizer and rate are as before, and a training that is
 * under way goes on beside it.
 * @param model compiled
 * @throws ArgumentError for rates that do not rise, and for an option that is out of range or does not exist
 * @throws DataError for data that `fit` refuses, and where the loss of the first step is not finite
 */
export async function findLearningRate<X, Y>(
  model: TrainedModel<X, Y, unknown>,
  xs: X,
  ys: Y,
  options: FindLearningRateOptions<Y> = {},
): Promise<LearningRateCurve> {
  checkOptions('findLearningRate', options, {
    minLr: true,
    maxLr: true,
    steps: true,
    batchSize: true,
    classWeight: true,
    sampleWeight: true,
  });
  const { minLr = 1e-6, maxLr = 1, steps = 100, batchSize = 32 } = options;
  checkWhole('findLearningRate', 'steps', steps, 10);
  checkWhole('findLearningRate', 'batchSize', batchSize, 1);
  checkAbove('findLearningRate', 'minLr', minLr, TYPICAL_RATES);
  checkAbove('findLearningRate', 'maxLr', maxLr, TYPICAL_RATES);
  if (minLr >= maxLr) {
    throw new ArgumentError(
      `findLearningRate: minLr (${minLr}) must lie below maxLr (${maxLr}). Swap or correct them.`,
    );
  }
  const [x, y] = [model.inputsOf('findLearningRate', xs), model.labelsOf('findLearningRate', ys)];
  const [count] = x[0].shape;
  const planned = model.planned('findLearningRate', x.map(exampleShape));
  if (options.classWeight !== undefined) {
    const { checkClassWeight } = await onDemand();
    checkClassWeight(options.classWeight, planned);
  }
  const device = await model.device();
  const given = takeWeights('findLearningRate', options.sampleWeight, model);
  const weights = await exampleWeights(device, y[0], count, given, options.classWeight);
  checkExamples('findLearningRate', planned, { x, y, weights });
  const rates: number[] = [];
  const losses: number[] = [];
  await rehearse(await model.ready('findLearningRate'), async (copy) => {
    const trainers = new BatchTrainers();
    const [rows, labels] = [await onHost(device, x), await onHost(device, y)];
    const next = batches(rows, labels, weights, Math.min(batchSize, count), copy.seed);
    let [average, mass] = [0, 0];
    let best = Number.POSITIVE_INFINITY;
    try {
      for (let step = 0; step < steps; step++) {
        copy.optimizer.learningRate = minLr * (maxLr / minLr) ** (step / (steps - 1));
        const batch = next.next().value;
        const { loss } = await trainers.train(copy, batch);
        average = DECAY * average + (1 - DECAY) * loss;
        mass = DECAY * mass + (1 - DECAY) * meanWeight(copy.targets, batch.weights, iota(0, batch.x[0].shape[0]));
        // Batches that do not count tell nothing.
        if (mass === 0) continue;
        // Both began at 0, which still weighs in (Kingma and Ba 2014, section 3), but not in their ratio.
        const smooth = average / mass;
        // Losses may be negative, as likelihoods are.
        if (!Number.isFinite(smooth) || smooth - best > (BLOWN_UP - 1) * Math.abs(best)) break;
        best = Math.min(best, smooth);
        rates.push(copy.optimizer.learningRate);
        losses.push(smooth);
      }
    } finally {
      await trainers.dispose();
    }
  });
  if (rates.length === 0) {
    throw new DataError(
      'findLearningRate: the loss of the very first step is not finite, so no rate can be told from another. Look for NaN and infinity in weights, inputs and loss.',
    );
  }
  return { rates, losses, ...judge(rates, losses) };
}

/** Examples on the host. */
interface HostRows {
  readonly values: HostArray;
  readonly shape: Shape;
}

const onHost = (device: Device, given: readonly Tensor[]): Promise<HostRows[]> =>
  Promise.all(given.map(async (one) => ({ values: await valuesOf(device, one), shape: one.shape })));

/** Batches of some rows of each tensor in a random order, and in another one when all have been seen. */
function* batches(
  x: readonly HostRows[],
  y: readonly HostRows[],
  weights: ByTarget<Float32Array>,
  size: number,
  seed: number,
): Generator<Batch, never> {
  for (let epoch = 0; ; epoch++) {
    const order = permutation(x[0].shape[0], seed, epoch);
    for (let at = 0; at + size <= order.length; at += size) {
      const rows = order.subarray(at, at + size);
      yield {
        x: x.map((one) => take(one, rows)),
        y: y.map((one) => take(one, rows)),
        weights: eachOnce(weights, (own) => Float32Array.from(rows, (row) => own[row])),
      };
    }
  }
}

/** The rows of a tensor, by number. */
function take({ values, shape }: HostRows, rows: Uint32Array): Tensor {
  const width = values.length / shape[0];
  const taken = values.slice(0, rows.length * width);
  rows.forEach((row, at) => {
    taken.set(values.subarray(row * width, (row + 1) * width), at * width);
  });
  return new Tensor(dataNode(taken, [rows.length, ...shape.slice(1)]));
}

/** What the curve says. */
function judge(
  rates: readonly number[],
  losses: readonly number[],
): Pick<LearningRateCurve, 'steepest' | 'lowest' | 'suggestion'> {
  const lowestAt = losses.indexOf(Math.min(...losses));
  const lowest = rates[lowestAt];
  let steepest: number | null = null;
  let slope = 0;
  // Rates rise by a constant factor: differences are slopes over the rate's logarithm. Over several steps, against noise.
  const reach = Math.max(1, Math.round(rates.length / 20));
  for (let at = reach; at < Math.min(lowestAt + 1, losses.length - reach); at++) {
    const rise = losses[at + reach] - losses[at - reach];
    if (rise < slope) {
      slope = rise;
      steepest = rates[at];
    }
  }
  return { steepest, lowest, suggestion: steepest === null ? null : Math.min(steepest, lowest / 10) };
}
