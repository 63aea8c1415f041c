/** A model's weights, grouped by which layers are frozen now. */

import { Network } from '../../network/network.ts';
import { readWeights, writeWeights } from '../../network/weights.ts';

/** What `fit` says where all layers are frozen. */
export const ALL_FROZEN = "fit: all layers with weights are frozen: none changes. Set a layer's trainable to true.";

/** What `fit` says where `trainable` of a layer was set while it was training. */
export const laterText = (layers: readonly string[]): string =>
  `fit: trainable was set within the training, in ${layers.join(', ')}. It takes effect with the next fit.`;

/** The same network with its weights in other places; those of before are freed, and no plan that reads them may be run. */
export async function regrouped(old: Network, seed: number): Promise<Network> {
  const network = new Network(old.composition, seed);
  writeWeights(network, await readWeights(old));
  old.trainable.dispose();
  old.fixed.dispose();
  return network;
}
