/**
 * How a plan is timed. Timestamps may be rounded to 2^16 ns, as in browsers, so they serve only kernels of milliseconds. Shorter ones
 * are replayed many times in one submission, and the clock runs from the submission's return to the queue's end: what
 * the host needs to encode is not in it.
 */

import { hasTimestamps, Plan, type StepValues, Stopwatch } from '../src/graph.ts';
import type { Device, Node } from '../src/index.ts';
import { type Spread, spreadOf } from './statistics.ts';

/** Milliseconds from which on a timestamp's rounding is at most about one percent. */
const TIMESTAMPS_FROM = 5;
/** Replays that one submission may hold. */
const MOST_REPLAYS = 500;
/** Samples that are taken whatever the budget. */
const LEAST_SAMPLES = 3;
/** Runs of the plan that the cheapest measurement takes: one to warm up, then the samples. */
export const LEAST_RUNS = 1 + LEAST_SAMPLES;

const VALUES: StepValues = { seed: 1, step: 0, position: 0, rates: [1e-6] };

export interface TimingOptions {
  readonly samples: number;
  /** Length of one sample, reached by replaying. */
  readonly sampleMs: number;
  /** No sample is begun after this time, but for the first three. */
  readonly budgetMs: number;
}

/** Milliseconds a replay. */
export interface Timing extends Spread {
  readonly clock: 'timestamps' | 'queue';
  /** What a replay cost to measure, what is subtracted included. */
  readonly costMs: number;
}

export const compileForTiming = (device: Device, roots: readonly Node[]): Promise<Plan> =>
  Plan.compile(device, roots, { maxSteps: MOST_REPLAYS });

/** Milliseconds that `replays` in one submission take. */
async function replay(device: Device, plan: Plan, replays: number): Promise<number> {
  plan.run(Array.from({ length: replays }, () => VALUES));
  const submitted = performance.now();
  await device.finish();
  return performance.now() - submitted;
}

async function profiled(device: Device, plan: Plan): Promise<number> {
  const watch = new Stopwatch(device, plan);
  try {
    return (await watch.run(VALUES)).reduce((sum, ms) => sum + ms, 0);
  } finally {
    watch.dispose();
  }
}

/**
 * Times a plan made by `compileForTiming`. With `before`, a plan of what only prepares the inputs, each sample is the
 * difference of the two, taken one right after the other.
 */
export async function timePlan(
  device: Device,
  plan: Plan,
  before: Plan | null,
  { samples, sampleMs, budgetMs }: TimingOptions,
): Promise<Timing> {
  const began = performance.now();
  let once = await replay(device, plan, 1);
  if (before !== null) await replay(device, before, 1);
  // The first run also maps memory; a second one tells how long a short kernel takes.
  if (once < sampleMs) once = await replay(device, plan, 1);
  // A busy machine can make one run look long: the timestamps themselves decide.
  const long = once >= TIMESTAMPS_FROM && hasTimestamps(device);
  const clock = long && (await profiled(device, plan)) >= TIMESTAMPS_FROM ? 'timestamps' : 'queue';
  // What one run takes beyond its kernels would hide how many are needed.
  let replays = 1;
  while (clock === 'queue' && replays < MOST_REPLAYS) {
    const took = await replay(device, plan, replays);
    if (took >= sampleMs / 2) break;
    replays = Math.min(MOST_REPLAYS, Math.ceil(replays * Math.min(8, Math.max(2, sampleMs / took))));
  }
  const measure = async (one: Plan): Promise<number> =>
    clock === 'timestamps' ? profiled(device, one) : (await replay(device, one, replays)) / replays;
  const values: number[] = [];
  let cost = 0;
  while (values.length < samples && (values.length < LEAST_SAMPLES || performance.now() - began < budgetMs)) {
    const whole = await measure(plan);
    const less = before === null ? 0 : await measure(before);
    values.push(whole - less);
    cost += whole + less;
  }
  return { ...spreadOf(values), clock, costMs: cost / values.length };
}
