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

export const STEP_BYTES = 32;

/** Writes one row into a buffer whose rows are `stride` bytes apart. */
export function writeStep(target: ArrayBuffer, row: number, stride: number, values: StepValues): void {
  const words = new Uint32Array(target, row * stride, 4);
  words[0] = values.seed;
  words[1] = values.step;
  words[2] = values.position;
  const rates = new Float32Array(target, row * stride + 16, 4);
  for (let i = 0; i < 4; i++) rates[i] = values.rates[i] ?? 0;
}

export const NO_STEP: StepValues = { seed: 0, step: 0, position: 0, rates: [] };
