/** Training that leaves no trace: a copy of a model to try things on. */

import type { Compiled } from './compiled.ts';
import { Moments } from './moments.ts';
import { Network } from './network.ts';
import { readWeights, writeWeights } from './weights.ts';

/**
 * Does `work` on a copy of a model: the same weights in memory of their own, fresh moments, no steps taken. The optimizer
 * is the model's own; its learning rate is put back afterwards, whatever happens.
 */
export async function rehearse<T>(compiled: Compiled, work: (copy: Compiled) => Promise<T>): Promise<T> {
  const { device, network: original, optimizer, seed } = compiled;
  const { learningRate } = optimizer;
  const layers = original.layers.map(({ layer }) => layer);
  const network = new Network(layers, original.inputShape, seed);
  writeWeights(network, await readWeights(original));
  network.trainable.attach(device);
  network.fixed.attach(device);
  const moments = new Moments(device, optimizer.rule, network.trainable.size);
  try {
    return await work({ ...compiled, network, moments, progress: { step: 0 } });
  } finally {
    optimizer.learningRate = learningRate;
    moments.dispose();
    network.trainable.dispose();
    network.fixed.dispose();
  }
}
