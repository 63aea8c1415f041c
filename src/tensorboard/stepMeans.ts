/** Means of the metrics, and the speed, over the steps since the last time that they were taken. */

import type { Logs } from '../callbacks/callback.ts';
import type { SavedState, State } from '../io/state.ts';

/** What a report of the GPU covers. */
export interface Window {
  /** Means over it. */
  readonly means: Logs;
  readonly steps: number;
  readonly examples: number;
  /** How long it took; null where that is not known. */
  readonly seconds: number | null;
}

export class StepMeans {
  /** A map: a metric may have a name that objects have of their own. */
  #sums = new Map<string, number>();
  #examples = 0;
  #steps = 0;
  #timedSteps = 0;
  #seconds = 0;

  get steps(): number {
    return this.#steps;
  }

  add({ means, steps, examples, seconds }: Window): void {
    for (const [name, mean] of Object.entries(means)) {
      this.#sums.set(name, (this.#sums.get(name) ?? 0) + mean * examples);
    }
    this.#examples += examples;
    this.#steps += steps;
    if (seconds === null) return;
    this.#timedSteps += steps;
    this.#seconds += seconds;
  }

  /** Begins anew. `stepsPerSecond`: null where it is not known. */
  take(): { readonly means: Logs; readonly stepsPerSecond: number | null } {
    const means = Object.fromEntries([...this.#sums].map(([name, sum]) => [name, sum / this.#examples]));
    const stepsPerSecond = this.#timedSteps === 0 ? null : this.#timedSteps / this.#seconds;
    this.#sums.clear();
    this.#examples = this.#steps = this.#timedSteps = this.#seconds = 0;
    return { means, stepsPerSecond };
  }

  state(): State {
    return { sums: Object.fromEntries(this.#sums), examples: this.#examples, steps: this.#steps };
  }

  /** Goes on from what `state` gave; how long these steps took is forgotten. */
  restore(saved: SavedState): void {
    const sums = saved.record('sums');
    this.#sums = new Map(sums.keys.map((name) => [name, sums.number(name)]));
    this.#examples = saved.whole('examples');
    this.#steps = saved.whole('steps');
    this.#timedSteps = this.#seconds = 0;
  }
}
