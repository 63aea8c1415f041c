/** The search for the most examples that a device can take at once, where it cannot take all. */

import { formatBytes } from '../../base/dtype.ts';
import { OutOfMemoryError } from '../../base/errors.ts';
import { type Shape, sizeOf } from '../../base/shape.ts';
import { isOversized } from '../../compiler/limits.ts';
import { type Schedule, schedule } from '../../compiler/schedule.ts';
import { isScratch, type Node } from '../../ir/op.ts';
import type { Compiled } from '../../network/compiled.ts';
import type { Network } from '../../network/network.ts';
import type { Step } from '../../network/step.ts';
import { loadLayers } from '../../ops/loadWays.ts';
import { scheduleWithin } from '../../runtime/scheduleWithin.ts';

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

/** See `fitting`, which finds out at once where all fit. */
export async function largestFitting(
  { device, network }: Pick<Compiled, 'device' | 'network'>,
  batchSize: number,
  step: (batch: number) => Step,
): Promise<number> {
  const { target, limits, info } = device;
  const limit = limits.binding;
  const [{ passesFor }] = await Promise.all([device.rare(), loadLayers(target.ways)]);
  const planOf = ({ effects }: Step): Schedule => schedule(effects, target, passesFor);
  const whole = await most(batchSize, (batch) => largestOf(planOf(step(batch))) <= limit);
  if (whole > 0) return whole;
  const cut = await most(
    batchSize,
    async (batch) => !isOversized(await scheduleWithin(step(batch).effects, device), limits),
  );
  if (cut > 0) return cut;
  const one = step(1);
  const planned = planOf(one);
  throw new OutOfMemoryError(
    `Layer '${hungriestLayer(one, planned, network)}' needs ${formatBytes(largestOf(planned))} in one buffer for a single example, but ` +
      `'${info.name}' binds at most ${formatBytes(limit)}. Make the layer or its inputs smaller.`,
  );
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
