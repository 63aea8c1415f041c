/** Targets to plan for without a device, for tools and tests: they have the ways of both classes. */

import type { Target } from '../ir/op.ts';
import type { Capabilities } from '../ir/target.ts';
import { ways as cpuWays } from './cpu/index.ts';
import { layers as cpuLayers } from './cpu/layers.ts';
import { ways as gpuWays } from './gpu/index.ts';
import { layers as gpuLayers } from './gpu/layers.ts';

/** What WebGPU guarantees of buffers, and no subgroups. */
const LEAST: Capabilities = { subgroups: null, maxStorageBuffers: 8 };

/** An adapter on the CPU. `lanes`: of each of its subgroups; 0: it has none; default: as `subgroups` has it. */
export const cpuTarget = ({ lanes, ...known }: Partial<Capabilities> & { lanes?: number } = {}): Target => ({
  ...LEAST,
  ...known,
  ...(lanes === undefined ? {} : { subgroups: lanes === 0 ? null : { min: lanes, max: lanes } }),
  ways: { ...cpuWays, layers: cpuLayers },
});

/** A GPU. */
export const gpuTarget = (known: Partial<Capabilities> = {}): Target => ({
  ...LEAST,
  ...known,
  ways: { ...gpuWays, layers: gpuLayers },
});
