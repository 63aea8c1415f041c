/**
 * How long each kernel of a plan takes on the GPU: by timestamps within whole runs, or, where an adapter has none, by many
 * replays of each kernel on its own. Both run the plan many times: whoever calls sees to the memory that it writes to.
 */

import type { Device } from '../device.ts';
import type { Plan } from '../plan.ts';
import type { StepValues } from '../step.ts';

/** What times were measured with. */
export type Clock = 'timestamps' | 'replays';

export interface TimingOptions {
  /** How long is measured, about; a few runs are taken whatever it is. */
  readonly milliseconds: number;
  /** False: as on an adapter that has none. */
  readonly timestamps: boolean;
}

export interface PlanTimes {
  readonly clock: Clock;
  /** Mean milliseconds of each kernel, in order. */
  readonly kernels: readonly number[];
  /** Mean milliseconds of a run of the plan, of several that are submitted one after the other and awaited together. */
  readonly run: number;
  /** Runs that the means are of; by replays, the least that any kernel has. */
  readonly samples: number;
  /** What the clock lets a kernel's mean be wrong by, in milliseconds. */
  readonly resolution: number;
}

/** Queries that a set may hold. */
const MOST_QUERIES = 4096;
const BYTES_A_QUERY = 8;
/** Of a millisecond. */
const NANOSECONDS = 1e6;
/** Rounds of timestamps at least; and at most until a kernel is found to take any time, by a coarse clock. */
const LEAST_ROUNDS = 4;
const MOST_ROUNDS = 512;
/** Ticks that a run must take for its length to be told by one look at the clock. */
const TICKS = 8;
/** Length of what is awaited together: waiting for a software adapter may end a millisecond late. */
const SAMPLE_MS = 20;
const MOST_RUNS = 64;
/** Replays of a kernel that one pass may hold, and how often each such pass is timed. */
const MOST_REPLAYS = 2048;
const SAMPLES = 3;

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
const mean = (values: readonly number[]): number => sum(values) / values.length;

/**
 * Without the quarters that took longest and least, in which other programs had a part. Of whole runs, never of a kernel's own
 * times: most of a short kernel's times are 0 ticks, and it is the few others that tell how long it is.
 */
function middleHalf<T>(values: readonly T[], lengthOf: (value: T) => number): T[] {
  const sorted = [...values].sort((a, b) => lengthOf(a) - lengthOf(b));
  const cut = Math.floor(sorted.length / 4);
  return sorted.slice(cut, sorted.length - cut);
}

/** Whether a device can tell when a kernel begins and ends. */
export const hasTimestamps = ({ gpu }: Device): boolean => gpu.features.has('timestamp-query');

/** Times the kernels of a plan. `values` are those of every run. */
export async function timePlan(
  device: Device,
  plan: Plan,
  values: StepValues,
  { milliseconds, timestamps }: TimingOptions,
): Promise<PlanTimes> {
  // The first run also maps memory, and pays for what drivers compile late.
  await timeRuns(device, plan, values, 1);
  const once = await timeRuns(device, plan, values, 1);
  const together = Math.max(
    1,
    Math.min(MOST_RUNS, Math.ceil(Math.min(SAMPLE_MS, milliseconds) / Math.max(once, 0.01))),
  );
  if (timestamps && hasTimestamps(device)) return byTimestamps(device, plan, values, milliseconds, together);
  const runs: number[] = [];
  for (let at = 0; at < SAMPLES; at++) runs.push(await timeRuns(device, plan, values, together));
  return { ...(await byReplays(device, plan, values, milliseconds)), run: mean(middleHalf(runs, (ms) => ms)) };
}

/** Milliseconds of one of `count` runs that are awaited together. */
async function timeRuns(device: Device, plan: Plan, values: StepValues, count: number): Promise<number> {
  const began = performance.now();
  for (let at = 0; at < count; at++) plan.run([values]);
  await device.finish();
  return (performance.now() - began) / count;
}

async function byTimestamps(
  device: Device,
  plan: Plan,
  values: StepValues,
  milliseconds: number,
  together: number,
): Promise<PlanTimes> {
  const watch = new Stopwatch(device, plan);
  try {
    const rounds: number[][] = [];
    const runs: number[] = [];
    let tick = 0n;
    // In turn, so that what else the machine does meets both alike.
    const began = performance.now();
    const isEnough = (): boolean => rounds.length >= (tick === 0n ? MOST_ROUNDS : LEAST_ROUNDS);
    while (!isEnough() || performance.now() - began < milliseconds) {
      if (rounds.length % together === 0) runs.push(await timeRuns(device, plan, values, together));
      const times = await watch.run(values);
      tick = times.reduce((common, ms) => commonDivisor(common, BigInt(Math.round(ms * NANOSECONDS))), tick);
      rounds.push(times);
    }
    // Where a run is shorter than a few ticks, it is chance which rounds saw one: all count.
    const halved = middleHalf(rounds, sum);
    const coarse = mean(halved.map(sum)) * NANOSECONDS < TICKS * Number(tick);
    const kept = coarse ? rounds : halved;
    return {
      clock: 'timestamps',
      kernels: plan.schedule.kernels.map((_, at) => mean(kept.map((times) => times[at]))),
      run: mean(middleHalf(runs, (ms) => ms)),
      samples: kept.length,
      // A time is off by less than a tick, by about half a one as a rule, and that by chance.
      resolution: Number(tick) / NANOSECONDS / 2 / Math.sqrt(kept.length),
    };
  } finally {
    watch.dispose();
  }
}

/** Runs a plan with a timestamp before and after every kernel. */
export class Stopwatch {
  readonly #device: Device;
  readonly #plan: Plan;
  readonly #sets: readonly GPUQuerySet[];
  readonly #resolved: GPUBuffer;
  readonly #count: number;

  constructor(device: Device, plan: Plan) {
    this.#device = device;
    this.#plan = plan;
    const count = plan.schedule.kernels.length * 2;
    this.#count = count;
    this.#sets = Array.from({ length: Math.ceil(count / MOST_QUERIES) }, (_, at) =>
      device.gpu.createQuerySet({ type: 'timestamp', count: Math.min(MOST_QUERIES, count - at * MOST_QUERIES) }),
    );
    this.#resolved = device.memory.create({
      label: 'timestamps',
      size: Math.max(1, count) * BYTES_A_QUERY,
      usage: GPUBufferUsage.QUERY_RESOLVE | GPUBufferUsage.COPY_SRC,
    });
  }

  /** Milliseconds of each kernel of a run. */
  async run(values: StepValues): Promise<number[]> {
    const device = this.#device;
    const plan = this.#plan;
    plan.set(0, values);
    plan.writeSteps(1);
    const encoder = device.gpu.createCommandEncoder({ label: 'profile' });
    for (let at = 0; at * 2 < this.#count; at++) {
      const querySet = this.#sets[Math.floor((at * 2) / MOST_QUERIES)];
      const first = (at * 2) % MOST_QUERIES;
      const pass = encoder.beginComputePass({
        timestampWrites: { querySet, beginningOfPassWriteIndex: first, endOfPassWriteIndex: first + 1 },
      });
      plan.record(pass, 1, at, at + 1);
      pass.end();
    }
    this.#sets.forEach((set, at) => {
      encoder.resolveQuerySet(set, 0, set.count, this.#resolved, at * MOST_QUERIES * BYTES_A_QUERY);
    });
    device.gpu.queue.submit([encoder.finish()]);
    const storage = { buffer: this.#resolved, offset: 0, bytes: this.#resolved.size, owner: device };
    const words = await device.read(storage, 'int32', this.#count * 2);
    const times = new BigUint64Array(words.buffer, 0, this.#count);
    return Array.from({ length: this.#count / 2 }, (_, at) => Number(times[at * 2 + 1] - times[at * 2]) / NANOSECONDS);
  }

  dispose(): void {
    if (this.#device.closed) return;
    for (const set of this.#sets) set.destroy();
    this.#device.memory.destroy(this.#resolved);
  }
}

function commonDivisor(a: bigint, b: bigint): bigint {
  let [larger, smaller] = [a, b];
  while (smaller !== 0n) [larger, smaller] = [smaller, larger % smaller];
  return larger;
}

async function byReplays(
  device: Device,
  plan: Plan,
  values: StepValues,
  milliseconds: number,
): Promise<Omit<PlanTimes, 'run'>> {
  plan.set(0, values);
  plan.writeSteps(1);
  const idle: number[] = [];
  for (let at = 0; at < SAMPLES; at++) idle.push(await replay(device, plan, 0, 0));
  const count = plan.schedule.kernels.length;
  const sampleMs = Math.max(2, milliseconds / Math.max(1, count) / (SAMPLES + 1));
  const kernels: number[] = [];
  let least = MOST_REPLAYS;
  for (let at = 0; at < count; at++) {
    await replay(device, plan, at, 1);
    let replays = 1;
    for (;;) {
      const took = await replay(device, plan, at, replays);
      if (took >= sampleMs / 2 || replays === MOST_REPLAYS) break;
      replays = Math.min(MOST_REPLAYS, Math.ceil(replays * Math.min(8, Math.max(2, sampleMs / took))));
    }
    const samples: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) samples.push((await replay(device, plan, at, replays)) / replays);
    kernels.push(mean(samples));
    least = Math.min(least, replays);
  }
  return { clock: 'replays', kernels, samples: SAMPLES * least, resolution: mean(idle) / least };
}

/** Milliseconds until `count` replays of a kernel are done, from when they were submitted: what the host needs to encode is not in it. */
async function replay(device: Device, plan: Plan, at: number, count: number): Promise<number> {
  const encoder = device.gpu.createCommandEncoder({ label: 'profile' });
  const pass = encoder.beginComputePass();
  for (let i = 0; i < count; i++) plan.record(pass, 1, at, at + 1);
  pass.end();
  device.gpu.queue.submit([encoder.finish()]);
  const submitted = performance.now();
  await device.finish();
  return performance.now() - submitted;
}
