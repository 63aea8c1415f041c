/** Training that leaves no trace: a copy of a model to try things on. */

import { ArgumentError } from '../../base/errors.ts';
import type { Compiled } from '../../network/compiled.ts';
import { Network } from '../../network/network.ts';
import { Moments } from '../../network/optimizerState.ts';
import { readWeights, writeWeights } from '../../network/weights.ts';
import { Optimizer } from '../../nn/optimizers/optimizer.ts';

/** An optimizer of the same class and settings that remembers nothing: what is done to its rate leaves the original alone. */
export function copyOf(optimizer: Optimizer): Optimizer {
  const copy: unknown = Reflect.construct(optimizer.constructor, [optimizer.config()]);
  if (copy instanceof Optimizer) return copy;
  throw new ArgumentError(`${optimizer.name}: its class makes no optimizers. Compile the model with one that does.`);
}

/**
 * Does `work` on a copy of a model: the same weights in memory of their own, fresh moments, no steps taken, and an
 * optimizer of the same settings. Nothing of it reaches the model, nor a training that is under way.
 */
export async function rehearse<T>(compiled: Compiled, work: (copy: Compiled) => Promise<T>): Promise<T> {
  const { device, network: original, seed } = compiled;
  const optimizer = copyOf(compiled.optimizer);
  const network = new Network(original.composition, seed);
  writeWeights(network, await readWeights(original));
  network.trainable.attach(device);
  network.fixed.attach(device);
  const moments = new Moments(device, optimizer.update, network.trainable.size);
  try {
    return await work({ ...compiled, optimizer, network, moments, progress: { step: 0 } });
  } finally {
    moments.dispose();
    network.trainable.dispose();
    network.fixed.dispose();
  }
}
