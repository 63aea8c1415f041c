/**
 * The plans that eager runs on a device have made, for graphs to come that are built alike. A plan is found in two ways:
 * by its graph, which costs one walk over the nodes; and, where only numbers have changed (a constant, a seed, where a
 * slice begins), by its schedule, so that numbers compile nothing and take no further place.
 */

import { LruMap } from '../base/lru.ts';
import type { ScheduledKernel } from '../compiler/kernelText.ts';
import type { LeafSource, Target } from '../ir/op.ts';
import type { Storage } from '../ir/storage.ts';
import type { StepValues } from './step.ts';

/** Plans that are kept, and the bytes that they may hold together: a larger plan is made anew for each run. */
const PLANS = 64;
export const EAGER_BYTES = 256 * 2 ** 20;

/** A plan of an eager run: see eagerPlan.ts. */
export interface KeptPlan {
  /** The graph that it ran last. */
  graphKey: string;
  readonly scheduleKey: string;
  readonly bytes: number;
  run(sources: readonly LeafSource[], step: StepValues): void;
  copyOut(): Storage[];
  handOver(): Storage[];
  renumber(kernels: readonly ScheduledKernel[]): void;
  dispose(): void;
}

export class EagerPlans {
  readonly #plans = new LruMap<string, KeptPlan>({
    entries: PLANS,
    weight: EAGER_BYTES,
    weigh: ({ bytes }) => bytes,
    dropped: (plan) => {
      this.#byGraph.delete(plan.graphKey);
      plan.dispose();
    },
  });
  readonly #byGraph = new Map<string, KeptPlan>();
  readonly #results = new WeakSet<Storage>();
  readonly #numbers = new WeakMap<GPUBuffer | Target, number>();
  #nextNumber = 0;

  get size(): number {
    return this.#plans.size;
  }

  /** The plan that last ran a graph of this key. */
  ofGraph(graphKey: string): KeptPlan | undefined {
    const plan = this.#byGraph.get(graphKey);
    return plan === undefined ? undefined : this.#plans.get(plan.scheduleKey);
  }

  /** The plan of this schedule, whatever its numbers; from now on it is found by `graphKey`. */
  ofSchedule(scheduleKey: string, graphKey: string): KeptPlan | undefined {
    const plan = this.#plans.get(scheduleKey);
    if (plan === undefined) return undefined;
    this.#byGraph.delete(plan.graphKey);
    plan.graphKey = graphKey;
    this.#byGraph.set(graphKey, plan);
    return plan;
  }

  /** Keeps a plan that is not here yet; those used longest ago make room. */
  add(plan: KeptPlan): void {
    this.#plans.add(plan.scheduleKey, plan);
    this.#byGraph.set(plan.graphKey, plan);
  }

  /** Whether a plan is kept for runs to come. */
  holds(plan: KeptPlan): boolean {
    return this.#byGraph.get(plan.graphKey) === plan;
  }

  /** Forgets all plans, without freeing their memory. */
  clear(): void {
    this.#plans.clear();
    this.#byGraph.clear();
  }

  /** Notes memory that a run has handed out: nothing writes to it again. */
  noteResult(storage: Storage): void {
    this.#results.add(storage);
  }

  isResult(storage: Storage): boolean {
    return this.#results.has(storage);
  }

  /** Which memory it is, as a text. */
  placeOf({ buffer, offset, bytes }: Storage): string {
    return `@${this.numberOf(buffer)}+${offset}:${bytes}`;
  }

  /** Tells a buffer, or what graphs are compiled for, from all others. */
  numberOf(one: GPUBuffer | Target): number {
    let number = this.#numbers.get(one);
    if (number === undefined) {
      number = this.#nextNumber++;
      this.#numbers.set(one, number);
    }
    return number;
  }
}
