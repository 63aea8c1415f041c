/** Loads the ways of a class of adapters: an adapter's program loads no other's. */

import type { Ways } from '../ir/op.ts';

const LOADERS: Readonly<Record<Ways['kind'], () => Promise<{ readonly ways: Ways }>>> = {
  cpu: () => import('./cpu/index.ts'),
  gpu: () => import('./gpu/index.ts'),
};

export const loadWays = async (kind: Ways['kind']): Promise<Ways> => (await LOADERS[kind]()).ways;
