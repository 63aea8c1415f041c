/**
 * How many steps go into one submission: as many as take about 20 ms. Then the host's cost of a submission is shared by
 * many short steps, and yet a stop takes effect soon. It changes when steps run, never what they compute.
 */

const TARGET_MS = 20;
export const MOST_TOGETHER = 16;

export class Pace {
  readonly #fixed: boolean;
  #steps: number;
  #lastDone = Number.NEGATIVE_INFINITY;

  /** `fixed`: a number that stays, for tests. */
  constructor(fixed?: number) {
    this.#fixed = fixed !== undefined;
    this.#steps = fixed ?? 1;
  }

  /** Steps of the next submission, at most. */
  get steps(): number {
    return this.#steps;
  }

  /** A submission of `steps` steps was made and done at these milliseconds. */
  measure(steps: number, submitted: number, done: number): void {
    // It began when the one before it was done, if that was later than its submission.
    const took = done - Math.max(submitted, this.#lastDone);
    this.#lastDone = done;
    if (this.#fixed) return;
    const fitting = Math.floor((TARGET_MS * steps) / Math.max(took, 1e-3));
    // At most twice as many as before: one measurement may mislead.
    this.#steps = Math.max(1, Math.min(fitting, 2 * this.#steps, MOST_TOGETHER));
  }
}
