/** What a network would take, told before it is trained. */

import { formatBytes } from '../../src/graph.ts';
import { type Device, Sequential, WgradError } from '../../src/index.ts';
import { factsOf, INPUT_SHAPE, networkLayers } from './network.ts';
import type { Plan, Sketch } from './protocol.ts';
import { makeOptimizer } from './schedule.ts';
import { STUDY_NETWORK } from './settings.ts';

/** WebGPU does not tell how much memory there is; few adapters give a page more. */
const MUCH = 2 ** 31;

/** @param held validation images */
export async function sketchOf(plan: Plan, held: number, device: Device): Promise<Sketch> {
  const { layers, parameters, multiplications } = factsOf(plan);
  const work = multiplications / factsOf(STUDY_NETWORK).multiplications;
  const facts = { layers, parameters, work };
  const weightBytes = 4 * parameters;
  const most = device.limits.binding;
  // Not to be built only to be refused: its weights would have to be drawn.
  if (weightBytes > most) {
    const warning =
      `Too large for this adapter: its weights take ${formatBytes(weightBytes)}, and one buffer here holds ${formatBytes(most)}. ` +
      'Take fewer filters, pooling, or a narrower dense layer.';
    return { ...facts, bytes: null, warning };
  }
  try {
    const bytes = await bytesOfTraining(plan, held, device);
    const warning =
      bytes > MUCH
        ? `It takes ${formatBytes(bytes)} on the GPU, which this adapter may not have. Take a smaller batch or network.`
        : null;
    return { ...facts, bytes, warning };
  } catch (error) {
    if (!(error instanceof WgradError)) throw error;
    return { ...facts, bytes: null, warning: error.message };
  }
}

async function bytesOfTraining(plan: Plan, held: number, device: Device): Promise<number> {
  const model = new Sequential(networkLayers(plan, plan.dropout), { inputShape: INPUT_SHAPE, device }).compile({
    optimizer: makeOptimizer(plan),
    loss: 'sparseCategoricalCrossentropy',
    metrics: ['accuracy'],
  });
  const { bytes } = await model.memory({
    batchSize: plan.batchSize,
    examples: plan.images,
    validationExamples: held,
    dtype: 'uint8',
  });
  return bytes;
}
