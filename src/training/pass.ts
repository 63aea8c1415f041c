/** A pass over examples in batches: the plans for its batch sizes, and their replay with a bounded number in flight. */

import type { Device } from '../gpu/device.ts';
import { Plan } from '../gpu/plan.ts';
import type { StepValues } from '../gpu/step.ts';
import type { Node } from '../graph/node.ts';

/** Submissions that may wait on the GPU: enough to keep it busy, few enough that stopping is prompt. */
const MAX_IN_FLIGHT = 2;

export class Pass {
  readonly #device: Device;
  readonly #build: (batch: number) => readonly Node[];
  readonly #plans = new Map<number, Promise<Plan>>();
  readonly #inFlight: Promise<undefined>[] = [];

  constructor(device: Device, build: (batch: number) => readonly Node[]) {
    this.#device = device;
    this.#build = build;
  }

  /** Compiles the plan for a batch size, or gives the one that is there. */
  plan(batch: number): Promise<Plan> {
    let plan = this.#plans.get(batch);
    if (plan === undefined) {
      plan = Plan.compile(this.#device, this.#build(batch));
      this.#plans.set(batch, plan);
    }
    return plan;
  }

  /** Compiles the plans of a pass over `count` examples side by side. */
  async prepare(count: number, batchSize: number): Promise<void> {
    const sizes = new Set([Math.min(batchSize, count)]);
    if (count > batchSize && count % batchSize !== 0) sizes.add(count % batchSize);
    await Promise.all([...sizes].map((size) => this.plan(size)));
  }

  /** Submits one step; waits while too many are in flight. */
  async run(batch: number, values: StepValues): Promise<void> {
    const plan = await this.plan(batch);
    while (this.#inFlight.length >= MAX_IN_FLIGHT) await this.#inFlight.shift();
    plan.run([values]);
    this.#inFlight.push(this.#device.wait(this.#device.gpu.queue.onSubmittedWorkDone()));
  }

  async dispose(): Promise<void> {
    // A plan that failed to compile has told so to whoever asked for it, and owns nothing.
    for (const result of await Promise.allSettled(this.#plans.values())) {
      if (result.status === 'fulfilled') result.value.dispose();
    }
  }
}

/** Sizes of the batches of a pass: the last one may be shorter. */
export function* batches(count: number, batchSize: number): Generator<{ position: number; size: number }> {
  for (let position = 0; position < count; position += batchSize) {
    yield { position, size: Math.min(batchSize, count - position) };
  }
}
