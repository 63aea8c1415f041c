/** What training a network takes on the GPU, told without one. */

import { bytesOf, type Dtype, formatBytes } from '../base/dtype.ts';
import { OutOfMemoryError } from '../base/errors.ts';
import { type Shape, sizeOf } from '../base/shape.ts';
import { isOversized } from '../compiler/limits.ts';
import { bytesOfOperand } from '../compiler/placement.ts';
import { passesFor } from '../compiler/rewrite/passes.ts';
import { type Schedule, schedule } from '../compiler/schedule.ts';
import { isScratch, type Node } from '../ir/op.ts';
import type { Target } from '../ir/target.ts';
import { topologicalOrder } from '../ir/walk.ts';
import type { Compiled, Goal } from '../network/compiled.ts';
import { perExampleOf } from '../network/customParts.ts';
import type { Network } from '../network/network.ts';
import type { MomentNodes } from '../network/optimizerState.ts';
import { standIn } from '../network/parameters.ts';
import { evaluationStep, type Step, type StepParts, trainingStep } from '../network/step.ts';
import { batchRows } from '../ops/batchRows.ts';
import { LEFT_OUT, momentsOf } from '../ops/update.ts';
import type { Device } from '../runtime/device.ts';
import { bytesOfPlan } from '../runtime/plan.ts';
import { scheduleWithin } from '../runtime/scheduleWithin.ts';
import type { Tensor } from '../tensor/tensor.ts';
import { gradientSums, stagesOf } from './loop/microBatches.ts';
import { MOST_TOGETHER } from './loop/pace.ts';
import { bytesOfStepMetrics, standInMetrics } from './loop/stepMetrics.ts';

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

/** What to plan for where no device is known. */
const ANY_TARGET: Target = { subgroups: null, software: false, maxStorageBuffers: 8 };

export function memoryReport(
  goal: Goal,
  network: Network,
  { batchSize, microBatchSize = batchSize, examples = batchSize, validationExamples = 0, dtype }: MemoryOptions,
  device: Device | null,
): MemoryReport {
  const labels = likelyLabels(goal, network);
  const step = new StepPlanner(goal, network, labels, { examples, dtype, target: device?.target });
  const held = new StepPlanner(goal, network, labels, { examples: validationExamples, dtype, target: device?.target });
  const training = distinctBatches(examples, batchSize).map((batch) => step.training(batch, microBatchSize));
  const testing = distinctBatches(validationExamples, Math.min(batchSize, microBatchSize)).map((batch) =>
    held.evaluation(batch),
  );
  const planBytes = [...training.flat(), ...testing].reduce(
    (sum, planned) => sum + bytesOfPlan(planned, MOST_TOGETHER, device?.stepStride),
    0,
  );
  const { trainable, fixed } = network;
  const copies = 1 + momentsOf(goal.optimizer.rule).length + (microBatchSize < Math.min(batchSize, examples) ? 1 : 0);
  const parameterBytes = 4 * (trainable.size * copies + fixed.size) + bytesOf(LEFT_OUT.words, 'int32');
  const dataBytes = [examples, validationExamples].reduce((sum, count) => {
    if (count === 0) return sum;
    const parts = [
      bytesOf(count * sizeOf(network.inputShape), dtype ?? 'float32'),
      bytesOf(count * sizeOf(labels.shape), labels.dtype),
    ];
    return sum + parts[0] + parts[1] + bytesOf(count, 'int32') + bytesOfStepMetrics(goal.metrics.length);
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

/** Labels of a training: the shape of one example's. */
export interface LabelKind {
  readonly shape: Shape;
  readonly dtype: Dtype;
}

export const labelKindOf = ({ shape, dtype }: Tensor): LabelKind => ({ shape: shape.slice(1), dtype });

/**
 * Labels that loss and metrics take, as far as they tell: of the outputs' shape, or else class ids.
 * @throws what they say of the former, where they take neither
 */
export function likelyLabels({ loss, metrics }: Goal, { outputShape }: Network): LabelKind {
  const ids: LabelKind = { shape: outputShape.slice(0, -1), dtype: 'int32' };
  if (loss.labelKind === 'classIds') return ids;
  const alike: LabelKind = { shape: outputShape, dtype: 'float32' };
  const batch = 2;
  const output = standIn([batch, ...outputShape]);
  let refusal: unknown = null;
  for (const kind of [alike, ids, { ...alike, dtype: 'int32' } as const]) {
    const labels = standIn([batch, ...kind.shape], kind.dtype);
    try {
      for (const measure of [loss, ...metrics]) perExampleOf(measure, labels, output);
      return kind;
    } catch (error) {
      refusal ??= error;
    }
  }
  throw refusal;
}

interface PlannerOptions {
  readonly examples: number;
  readonly dtype?: Dtype;
  readonly target?: Target;
}

/** Plans of steps without a GPU, over examples and gradients that only have shapes. */
class StepPlanner {
  readonly #goal: Goal;
  readonly #network: Network;
  readonly #labels: LabelKind;
  readonly #options: PlannerOptions;

  constructor(goal: Goal, network: Network, labels: LabelKind, options: PlannerOptions) {
    this.#goal = goal;
    this.#network = network;
    this.#labels = labels;
    this.#options = options;
  }

  /** The inputs of the step's graph for `batch` examples. */
  parts(size: number): StepParts {
    const { examples, dtype = 'float32' } = this.#options;
    const order = standIn([examples], 'int32');
    const take = (shape: Shape, type: Dtype): Node =>
      batchRows([standIn([examples, ...shape], type)], order, size, examples);
    return {
      ...this.#goal,
      network: this.#network,
      x: take(this.#network.inputShape, dtype),
      y: take(this.#labels.shape, this.#labels.dtype),
      weights: null,
      stepMetrics: standInMetrics(this.#goal.metrics.length),
    };
  }

  get moments(): MomentNodes {
    return {
      moments: momentsOf(this.#goal.optimizer.rule).map(() => standIn([this.#network.trainable.size])),
      leftOut: standIn([LEFT_OUT.words], 'int32'),
    };
  }

  /** What a training step on `batch` examples runs, in parts of at most `most`. */
  training(batch: number, most: number): Schedule[] {
    const sums = most < batch ? gradientSums(this.#network) : null;
    const stages = stagesOf(this.#goal, this.moments, batch, most, sums, (size) => this.parts(size));
    return stages.map(({ effects }) => this.schedule(effects));
  }

  evaluation(batch: number): Schedule {
    return this.schedule(evaluationStep(this.parts(batch)).effects);
  }

  schedule(effects: readonly Node[]): Schedule {
    return schedule(effects, this.#options.target ?? ANY_TARGET, passesFor);
  }
}

/** Bytes of the largest tensor that a kernel binds. */
const largestOf = ({ placement }: Schedule): number =>
  Math.max(0, ...[...placement.places.values()].map(({ bytes }) => bytes));

/** The most examples, at most `batchSize`, for which `fits` holds, as it does for all smaller numbers; 0 where it never does. */
async function most(batchSize: number, fits: (batch: number) => boolean | Promise<boolean>): Promise<number> {
  if (await fits(batchSize)) return batchSize;
  let fitting = 0;
  for (let refused = batchSize; refused - fitting > 1; ) {
    const middle = Math.floor((fitting + refused) / 2);
    if (await fits(middle)) fitting = middle;
    else refused = middle;
  }
  return fitting;
}

/**
 * The most examples, at most `batchSize`, that a device can take at once through `step`. Where one example alone is too
 * large for a binding, or the weights are, the planner cuts what is computed with them into pieces, which is slower.
 * @throws OutOfMemoryError where that is not possible; it names the layer
 */
export async function fitting(
  { device, network }: Pick<Compiled, 'device' | 'network'>,
  batchSize: number,
  step: (batch: number) => Step,
): Promise<number> {
  const { target, limits, info } = device;
  const limit = limits.binding;
  // A plan keeps nothing that is larger than the largest tensor of its graph: most graphs need no planning to see that they fit.
  const isSmall = (node: Node): boolean => node.op.lowering.kind === 'leaf' || bytesOfOperand(node) <= limit;
  if (topologicalOrder(step(batchSize).effects).every(isSmall)) return batchSize;
  const whole = await most(batchSize, (batch) => largestOf(schedule(step(batch).effects, target, passesFor)) <= limit);
  if (whole > 0) return whole;
  const cut = await most(
    batchSize,
    async (batch) => !isOversized(await scheduleWithin(step(batch).effects, device), limits),
  );
  if (cut > 0) return cut;
  const one = step(1);
  const planned = schedule(one.effects, target, passesFor);
  throw new OutOfMemoryError(
    `Layer '${hungriestLayer(one, planned, network)}' needs ${formatBytes(largestOf(planned))} in one buffer for a single example, but ` +
      `'${info.name}' binds at most ${formatBytes(limit)}. Make the layer or its inputs smaller.`,
  );
}

/** The same of a training step. */
export function fittingBatch(compiled: Compiled, batchSize: number, labels: LabelKind): Promise<number> {
  const { rule } = compiled.optimizer;
  const planner = new StepPlanner(compiled, compiled.network, labels, { examples: batchSize });
  return fitting(compiled, batchSize, (batch) => trainingStep(planner.parts(batch), rule, planner.moments));
}

/** The same of an evaluation, which takes less. */
export function fittingEvaluation(compiled: Compiled, batchSize: number, labels: LabelKind): Promise<number> {
  const planner = new StepPlanner(compiled, compiled.network, labels, { examples: batchSize });
  return fitting(compiled, batchSize, (batch) => evaluationStep(planner.parts(batch)));
}

/** The layer that the step's largest tensor belongs to. */
function hungriestLayer({ activations }: Step, { placement }: Schedule, network: Network): string {
  const [[largest]] = [...placement.places].sort(([, a], [, b]) => b.bytes - a.bytes);
  const seen = new Set<Node>();
  for (const { name } of network.layers) {
    const stack = activations.filter((one) => one.name === name).map(({ node }) => node);
    for (let node = stack.pop(); node !== undefined; node = stack.pop()) {
      if (node === largest) return name;
      if (seen.has(node)) continue;
      seen.add(node);
      stack.push(...node.inputs);
    }
  }
  // A gradient, or a tensor that the planner made: it is as large as the layer that it is for.
  const size = isScratch(largest) ? largest.bytes / 4 : sizeOf(largest.shape);
  const [batch] = isScratch(largest) ? [1] : largest.shape;
  const distance = (shape: Shape): number => Math.abs(sizeOf(shape) * batch - size);
  const [{ name }] = [...network.layers].sort((a, b) => distance(a.outputShape) - distance(b.outputShape));
  return name;
}
