/** Times the kernels of kernels.ts over batch sizes, and judges each by the ceiling that it would meet first. */
import { freemem } from 'node:os';
import { bytesOf, type Plan, sizeOf } from '../src/graph.ts';
import { type Device, type Node, OutOfMemoryError } from '../src/index.ts';
import type { Ceilings } from './ceilings.ts';
import type { Direction, KernelCase, NetworkName } from './kernels.ts';
import { Inputs, leafBytes } from './leaves.ts';
import { forecast, rounded } from './statistics.ts';
import { compileForTiming, LEAST_RUNS, type Timing, type TimingOptions, timePlan } from './timing.ts';

/** Why there is no number. */
export type Reason = 'does not fit' | 'too slow' | 'lost in noise';

interface Cell {
  readonly part: 'kernels';
  readonly adapter: string;
  readonly network: NetworkName;
  readonly kernel: string;
  readonly direction: Direction;
  /** Shapes that the kernel reads. */
  readonly shape: string;
  /** Null where the work is the same at every batch size. */
  readonly batch: number | null;
}

export interface MeasuredKernel extends Cell {
  /** Median, and the quartiles. */
  readonly ms: number;
  readonly lowMs: number;
  readonly highMs: number;
  readonly samples: number;
  readonly clock: Timing['clock'];
  readonly gflops: number;
  readonly gbs: number;
  /** The ceiling that this much work would meet first. */
  readonly bound: 'arithmetic' | 'memory';
  /** Of that ceiling; above 1 where a cache is faster than memory. */
  readonly share: number;
}

export interface SkippedKernel extends Cell {
  readonly ms: null;
  readonly skipped: Reason;
}

export type KernelRow = MeasuredKernel | SkippedKernel;

export interface Work {
  readonly flops: number;
  readonly bytes: number;
}

/** Rates of `work` done in `ms`, and the share of what the adapter could do. */
export function judge(
  { flops, bytes }: Work,
  ms: number,
  ceilings: Pick<Ceilings, 'gflops' | 'gbs'>,
): Pick<MeasuredKernel, 'gflops' | 'gbs' | 'bound' | 'share'> {
  const gflops = flops / ms / 1e6;
  const gbs = bytes / ms / 1e6;
  const [ofArithmetic, ofMemory] = [gflops / ceilings.gflops, gbs / ceilings.gbs];
  return {
    gflops: rounded(gflops),
    gbs: rounded(gbs),
    bound: ofArithmetic >= ofMemory ? 'arithmetic' : 'memory',
    share: rounded(Math.max(ofArithmetic, ofMemory)),
  };
}

/** Measures one case at every batch size, small ones first, and gives each row as it comes. */
export async function* timeKernel(
  device: Device,
  one: KernelCase,
  batches: readonly number[],
  ceilings: Ceilings,
  options: TimingOptions,
): AsyncGenerator<KernelRow> {
  const known: { batch: number; ms: number }[] = [];
  for (const batch of one.batched ? [...batches].sort((a, b) => a - b) : batches.slice(0, 1)) {
    const leaves = one.leaves(batch);
    const cell: Cell = {
      part: 'kernels',
      adapter: device.info.name,
      network: one.network,
      kernel: one.kernel,
      direction: one.direction,
      shape: leaves.map(({ shape }) => `[${shape.join(', ')}]`).join(' '),
      batch: one.batched ? batch : null,
    };
    const skip = (skipped: Reason): SkippedKernel => ({ ...cell, ms: null, skipped });
    if (forecast(known, batch) * LEAST_RUNS > options.budgetMs) {
      yield skip('too slow');
      continue;
    }
    // A software adapter takes the host's memory, and the kernel would end the process before WebGPU refuses.
    if (device.info.software && leaves.reduce((sum, leaf) => sum + leafBytes(leaf), 0) > freemem() / 3) {
      yield skip('does not fit');
      continue;
    }
    try {
      const { timing, work } = await timeCell(device, one, batch, options);
      known.push({ batch, ms: timing.costMs });
      if (timing.median <= 0) yield skip('lost in noise');
      else {
        yield {
          ...cell,
          ms: rounded(timing.median),
          lowMs: rounded(timing.low),
          highMs: rounded(timing.high),
          samples: timing.samples,
          clock: timing.clock,
          ...judge(work, timing.median, ceilings),
        };
      }
    } catch (error) {
      if (!(error instanceof OutOfMemoryError)) throw error;
      yield skip('does not fit');
    }
  }
}

async function timeCell(
  device: Device,
  one: KernelCase,
  batch: number,
  options: TimingOptions,
): Promise<{ timing: Timing; work: Work }> {
  const leaves = one.leaves(batch);
  const inputs = await Inputs.of(device, leaves);
  const plans: Plan[] = [];
  const compile = async (roots: readonly Node[]): Promise<Plan> => {
    const plan = await compileForTiming(device, roots);
    plans.push(plan);
    return plan;
  };
  try {
    const { roots, before } = one.graph(inputs.nodes, batch);
    const plan = await compile(roots);
    const timing = await timePlan(device, plan, before === undefined ? null : await compile(before), options);
    return { timing, work: { flops: one.flops(batch), bytes: bytesFor(one, batch, roots) } };
  } finally {
    for (const plan of plans) plan.dispose();
    inputs.dispose();
  }
}

function bytesFor(one: KernelCase, batch: number, roots: readonly Node[]): number {
  if (one.bytes !== undefined) return one.bytes(batch);
  const read = one.leaves(batch).reduce((sum, leaf) => sum + leafBytes(leaf), 0);
  return read + roots.reduce((sum, root) => sum + bytesOf(sizeOf(root.shape), root.dtype), 0);
}
