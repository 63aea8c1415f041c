/** What training a network takes on the GPU, told without one. */

import { OutOfMemoryError } from '../errors.ts';
import { formatBytes } from '../gpu/device.ts';
import { isScratch, type Target } from '../graph/kernel.ts';
import type { Node } from '../graph/node.ts';
import { type Schedule, schedule } from '../graph/schedule.ts';
import { copy } from '../ops/elementwise.ts';
import { momentsOf } from '../ops/update.ts';
import { type Shape, sizeOf } from '../shape.ts';
import type { Compiled, Goal } from './compiled.ts';
import { standInLedger } from './ledger.ts';
import { type Network, type TrainingStep, trainingStep } from './network.ts';
import { standIn } from './parameters.ts';

export interface MemoryReport {
  /** Weights, moments and the planned memory of a step. */
  readonly bytes: number;
  /** Memory that the plan of one step takes. */
  readonly planBytes: number;
  /** Weights and optimizer moments. */
  readonly parameterBytes: number;
  /** What no plan could go below: the largest sum of results that are alive at once. */
  readonly aliveBytes: number;
}

/** What to plan for where no device is known. */
const ANY_TARGET: Target = { subgroupSize: 0, software: false, maxStorageBuffers: 8 };

export function memoryReport(goal: Goal, network: Network, batchSize: number, target = ANY_TARGET): MemoryReport {
  const moments = momentsOf(goal.optimizer.rule);
  const labels = goal.loss.name === 'sparseCategoricalCrossentropy' ? [] : network.outputShape;
  const { placement } = planStep(goal, network, batchSize, labels, target).planned;
  const parameterBytes = 4 * (network.trainable.size * (1 + moments.length) + network.fixed.size);
  return {
    bytes: parameterBytes + placement.bytes,
    planBytes: placement.bytes,
    parameterBytes,
    aliveBytes: placement.aliveBytes,
  };
}

interface PlannedStep {
  readonly step: TrainingStep;
  readonly planned: Schedule;
}

function planStep(goal: Goal, network: Network, batchSize: number, labels: Shape, target: Target): PlannedStep {
  const { rule } = goal.optimizer;
  const step = trainingStep(
    {
      ...goal,
      network,
      x: copy(standIn([batchSize, ...network.inputShape])),
      y: copy(standIn([batchSize, ...labels])),
      weights: null,
      ledger: standInLedger(goal.metrics.length),
    },
    rule,
    momentsOf(rule).map(() => standIn([network.trainable.size])),
  );
  return { step, planned: schedule(step.effects, target) };
}

/** Refuses a batch that the device cannot bind before anything is allocated, and says which one it could. */
export function checkMemory(compiled: Compiled, batchSize: number, labels: Shape): void {
  const { device, network } = compiled;
  const limit = Math.min(device.info.maxBindingBytes, device.info.maxBufferBytes);
  const plan = (batch: number): PlannedStep => planStep(compiled, network, batch, labels, device.target);
  const largest = ({ planned: { placement } }: PlannedStep): number =>
    Math.max(0, ...[...placement.places.values()].map(({ bytes }) => bytes));
  const whole = plan(batchSize);
  const bytes = largest(whole);
  if (bytes <= limit) return;
  let fits = 0;
  for (let refused = batchSize; refused - fits > 1; ) {
    const middle = Math.floor((fits + refused) / 2);
    if (largest(plan(middle)) <= limit) fits = middle;
    else refused = middle;
  }
  const remedy = fits > 0 ? `Use a batch size of at most ${fits}.` : 'Make the layer or its inputs smaller.';
  throw new OutOfMemoryError(
    `Layer '${hungriestLayer(whole, network)}' needs ${formatBytes(bytes)} for one tensor at batch size ${batchSize}, but ` +
      `'${device.info.name}' binds at most ${formatBytes(limit)}. ${remedy}`,
  );
}

/** The layer that the step's largest tensor belongs to. */
function hungriestLayer({ step: { watched }, planned: { placement } }: PlannedStep, network: Network): string {
  const [[largest]] = [...placement.places].sort(([, a], [, b]) => b.bytes - a.bytes);
  const seen = new Set<Node>();
  for (const { name } of network.layers) {
    const stack = watched.filter((one) => one.name === name).map(({ node }) => node);
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
