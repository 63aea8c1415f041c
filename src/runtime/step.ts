/** What changes from step to step, as the words of shaders/step.wgsl. */

export interface StepValues {
  /** Seed of every random draw, a whole number below 2^32. */
  readonly seed: number;
  /** Optimizer steps taken so far. */
  readonly step: number;
  /** First example of the batch within the epoch's order. */
  readonly position: number;
  /** The optimizer's step sizes, at most four. */
  readonly rates: readonly number[];
}

/** The same, to be written anew for each step: a step makes nothing. */
export interface StepDraft extends StepValues {
  seed: number;
  step: number;
  position: number;
  readonly rates: number[];
}

export const STEP_BYTES = 32;
const WORD = 4;
const RATES_AT = 4;
const MOST_RATES = 4;

export const NO_STEP: StepValues = { seed: 0, step: 0, position: 0, rates: [] };

/** The values of the steps of one submission, a row each, in memory that is made once. */
export class StepRows {
  readonly bytes: ArrayBuffer;
  readonly #words: Uint32Array;
  readonly #floats: Float32Array;
  readonly #wordsPerRow: number;

  /** `stride`: bytes between rows. */
  constructor(rows: number, stride: number) {
    this.bytes = new ArrayBuffer(rows * stride);
    this.#words = new Uint32Array(this.bytes);
    this.#floats = new Float32Array(this.bytes);
    this.#wordsPerRow = stride / WORD;
  }

  set(row: number, { seed, step, position, rates }: StepValues): void {
    const at = row * this.#wordsPerRow;
    this.#words[at] = seed;
    this.#words[at + 1] = step;
    this.#words[at + 2] = position;
    for (let i = 0; i < MOST_RATES; i++) this.#floats[at + RATES_AT + i] = i < rates.length ? rates[i] : 0;
  }
}
