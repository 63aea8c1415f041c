import type { SavedState, State } from '../../io/state.ts';

/** What a stretch of training looked like. */
export interface Stretch {
  readonly steps: number;
  readonly loss: number;
  /** Null where accuracy was not compiled. */
  readonly accuracy: number | null;
  /** By how much the mean loss of the second half lies under that of the first; null with a single bucket. */
  readonly fall: number | null;
  /** Standard error of `fall`, from the scatter of the buckets; null with too few of them. */
  readonly noise: number | null;
}

interface Bucket {
  steps: number;
  /** Steps times the examples' mean weight: how much its loss counts. */
  mass: number;
  loss: number;
  accuracy: number | null;
}

/** Newest losses and accuracies in buckets of several steps, so that a long epoch costs no more than a short one. */
export class LossTrail {
  readonly #bucketSteps: number;
  readonly #keepSteps: number;
  #buckets: Bucket[] = [];
  #steps = 0;

  /** Reports are gathered into buckets of `bucketSteps`; what lies more than `keepSteps` back is forgotten. */
  constructor(bucketSteps: number, keepSteps: number) {
    this.#bucketSteps = bucketSteps;
    this.#keepSteps = keepSteps;
  }

  /** `weight`: the mean weight of the steps' examples, above 0. */
  add(steps: number, loss: number, accuracy: number | null, weight = 1): void {
    const mass = steps * weight;
    const last = this.#buckets.at(-1);
    if (last === undefined || last.steps >= this.#bucketSteps) this.#buckets.push({ steps, mass, loss, accuracy });
    else {
      last.mass += mass;
      last.loss += (loss - last.loss) * (mass / last.mass);
      last.steps += steps;
      last.accuracy =
        last.accuracy === null || accuracy === null
          ? null
          : last.accuracy + (accuracy - last.accuracy) * (steps / last.steps);
    }
    this.#steps += steps;
    while (this.#steps - this.#buckets[0].steps >= this.#keepSteps) {
      this.#steps -= this.#buckets[0].steps;
      this.#buckets.shift();
    }
  }

  /** How many steps are remembered. */
  get steps(): number {
    return this.#steps;
  }

  clear(): void {
    this.#buckets = [];
    this.#steps = 0;
  }

  state(): State {
    return { steps: this.#steps, buckets: this.#buckets.map((bucket) => ({ ...bucket })) };
  }

  restore(saved: SavedState): void {
    this.#buckets = saved.records('buckets').map((bucket) => ({
      steps: bucket.whole('steps'),
      mass: bucket.number('mass'),
      loss: bucket.number('loss'),
      accuracy: bucket.numberOrNull('accuracy'),
    }));
    // Counted anew: a sum that is not theirs would have all of them forgotten.
    this.#steps = this.#buckets.reduce((sum, { steps }) => sum + steps, 0);
  }

  /** The newest stretch of at least `steps` steps; null while there are fewer. */
  newest(steps: number): Stretch | null {
    let first = this.#buckets.length;
    let total = 0;
    while (total < steps && first > 0) total += this.#buckets[--first].steps;
    return total < steps || total === 0 ? null : summarise(this.#buckets.slice(first), total);
  }
}

function summarise(buckets: readonly Bucket[], steps: number): Stretch {
  const { loss } = meanLoss(buckets);
  const accuracy = buckets.some((bucket) => bucket.accuracy === null)
    ? null
    : buckets.reduce((sum, bucket) => sum + bucket.steps * (bucket.accuracy ?? 0), 0) / steps;
  if (buckets.length < 2) return { steps, loss, accuracy, fall: null, noise: null };
  let middle = 1;
  for (let seen = buckets[0].steps; middle < buckets.length - 1 && seen < steps / 2; middle++)
    seen += buckets[middle].steps;
  const early = meanLoss(buckets.slice(0, middle));
  const late = meanLoss(buckets.slice(middle));
  const noise = early.variance === null || late.variance === null ? null : Math.sqrt(early.variance + late.variance);
  return { steps, loss, accuracy, fall: early.loss - late.loss, noise };
}

/** Mean over steps by their weights, and the variance of that mean where there are buckets enough to tell. */
function meanLoss(buckets: readonly Bucket[]): { loss: number; variance: number | null } {
  const mass = buckets.reduce((sum, bucket) => sum + bucket.mass, 0);
  const loss = buckets.reduce((sum, bucket) => sum + bucket.mass * bucket.loss, 0) / mass;
  if (buckets.length < 4) return { loss, variance: null };
  const scatter = buckets.reduce((sum, bucket) => sum + bucket.mass * (bucket.loss - loss) ** 2, 0) / mass;
  return { loss, variance: scatter / (buckets.length - 1) };
}
