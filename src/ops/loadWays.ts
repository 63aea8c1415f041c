/** Loads the ways of a class of adapters, and those of layers with the first graph that has an operation of theirs. */

import type { LayerWays, Node, Ways } from '../ir/op.ts';
import { topologicalOrder } from '../ir/walk.ts';
import { ways as gpu } from './gpu/index.ts';

const LAYERS: Readonly<Record<Ways['kind'], () => Promise<{ readonly layers: LayerWays }>>> = {
  cpu: () => import('./cpu/layers.ts'),
  gpu: () => import('./gpu/layers.ts'),
};

/**
 * For one device, or plans as for one; without those of layers. Nearly every page has a GPU: its ways wait for nothing, and only adapters
 * on the CPU load theirs.
 */
export const loadWays = async (kind: Ways['kind']): Promise<Ways> => ({
  ...(kind === 'gpu' ? gpu : (await import('./cpu/index.ts')).ways),
});

/** Whether a graph has an operation of layers. */
export const needsLayers = (roots: readonly Node[]): boolean =>
  topologicalOrder(roots).some(({ op: { lowering } }) => 'ofLayers' in lowering);

/** Gives ways those of layers, where they lack them. */
export async function loadLayers(ways: Ways): Promise<void> {
  ways.layers ??= (await LAYERS[ways.kind]()).layers;
}
