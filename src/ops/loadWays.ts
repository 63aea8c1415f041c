/** Loads the ways of a class of adapters: an adapter's program loads no other's, and those of layers with the first one. */

import type { Node, Ways } from '../ir/op.ts';
import { topologicalOrder } from '../ir/walk.ts';

type Loaders = Readonly<Record<Ways['kind'], () => Promise<{ readonly ways: Ways }>>>;

const WAYS: Loaders = {
  cpu: () => import('./cpu/index.ts'),
  gpu: () => import('./gpu/index.ts'),
};

const WITH_LAYERS: Loaders = {
  cpu: () => import('./cpu/layers.ts'),
  gpu: () => import('./gpu/layers.ts'),
};

/** For one device, or plans as for one; without those of layers. */
export const loadWays = async (kind: Ways['kind']): Promise<Ways> => ({ ...(await WAYS[kind]()).ways });

/** Whether a graph has an operation of layers. */
export const needsLayers = (roots: readonly Node[]): boolean =>
  topologicalOrder(roots).some(({ op: { lowering } }) => 'ofLayers' in lowering);

/** Gives ways those of layers, where they lack them. */
export async function loadLayers(ways: Ways): Promise<void> {
  ways.layers ??= (await WITH_LAYERS[ways.kind]()).ways.layers;
}
