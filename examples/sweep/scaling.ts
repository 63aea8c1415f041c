/** What a larger batch costs or saves: steps, images and seconds to a target accuracy. Pure. */

import { batchesOf, type PlaneTrial, type SweepFacts, stepsAnEpoch } from './plane.ts';

/** Of a batch size at its best rate: what it took, by the trial that took the fewest steps. */
export interface Effort {
  readonly batch: number;
  readonly rate: number;
  readonly epochs: number;
  readonly steps: number;
  readonly images: number;
  readonly seconds: number;
}

const highest = ({ epochs }: PlaneTrial): number =>
  epochs.reduce((best, { logs }) => (logs.val_accuracy > best ? logs.val_accuracy : best), 0);

/** The highest accuracy that every batch size reached that reached more than guessing, down to a whole percent; null without one. */
export function commonTarget(facts: SweepFacts): number | null {
  const most = batchesOf(facts).map((batch) =>
    Math.max(...facts.trials.filter(({ parameters }) => parameters.batchSize === batch).map(highest)),
  );
  const reached = Math.floor(Math.min(...most) * 100) / 100;
  return Number.isFinite(reached) && reached > 0 ? reached : null;
}

/** Epochs to the target, in parts between two readings; null where it was not reached. */
function epochsTo({ epochs }: PlaneTrial, target: number): number | null {
  const at = epochs.findIndex(({ logs }) => logs.val_accuracy >= target);
  if (at < 0) return null;
  const before = at === 0 ? 0 : epochs[at - 1].logs.val_accuracy;
  return at + Math.min(1, (target - before) / (epochs[at].logs.val_accuracy - before));
}

/** One a batch size that reached the target, batches rising. */
export function effortsTo(facts: SweepFacts, target: number): Effort[] {
  return batchesOf(facts).flatMap((batch) => {
    const all = facts.trials.flatMap((trial) => {
      const epochs = trial.parameters.batchSize === batch ? epochsTo(trial, target) : null;
      return epochs === null ? [] : [effortOf(facts, trial, epochs)];
    });
    return all.length === 0 ? [] : [all.reduce((least, one) => (one.steps < least.steps ? one : least))];
  });
}

function effortOf(facts: SweepFacts, trial: PlaneTrial, epochs: number): Effort {
  const { batchSize: batch, learningRate: rate } = trial.parameters;
  const seconds = trial.epochs.reduce((sum, one, i) => sum + one.seconds * Math.max(0, Math.min(1, epochs - i)), 0);
  const steps = epochs * stepsAnEpoch(facts, batch);
  return { batch, rate, epochs, steps, images: epochs * facts.trainingImages, seconds };
}

/**
 * The batch size from which on doubling no longer halves the steps: the critical one of McCandlish et al. (2018), which takes twice
 * the steps of an endless batch. Steps are fitted by `least × (1 + critical / batch)`, relative errors counting alike. Infinity
 * where they halve without an end, NaN of fewer than three batch sizes.
 */
export function criticalBatch(efforts: readonly Effort[]): number {
  if (efforts.length < 3) return Number.NaN;
  // Least squares of 1 = a / steps + c / (batch × steps).
  let [uu, uv, vv, u1, v1] = [0, 0, 0, 0, 0];
  for (const { batch, steps } of efforts) {
    const [u, v] = [1 / steps, 1 / (batch * steps)];
    [uu, uv, vv, u1, v1] = [uu + u * u, uv + u * v, vv + v * v, u1 + u, v1 + v];
  }
  const scale = uu * vv - uv * uv;
  const [least, slope] = [(u1 * vv - v1 * uv) / scale, (v1 * uu - u1 * uv) / scale];
  return least > 0 ? Math.max(0, slope / least) : Number.POSITIVE_INFINITY;
}

/** The same where it is one of those that were tried, or between them; else null. */
export function turningPoint(efforts: readonly Effort[]): number | null {
  const critical = criticalBatch(efforts);
  const tried = critical >= efforts[0]?.batch && critical <= efforts[efforts.length - 1]?.batch;
  return tried ? Math.round(critical) : null;
}

export function scalingWords(facts: SweepFacts, target: number): string {
  const efforts = effortsTo(facts, target);
  const share = `${(target * 100).toFixed(0)} %`;
  if (efforts.length === 0) return `No batch size reached ${share}.`;
  if (efforts.length === 1) return `Only batch ${efforts[0].batch} reached ${share}.`;
  const fastest = efforts.reduce((least, one) => (one.seconds < least.seconds ? one : least));
  const quick = `batch ${fastest.batch} is there first, after ${fastest.seconds.toPrecision(2)} s`;
  const [turn, critical] = [turningPoint(efforts), criticalBatch(efforts)];
  if (turn !== null)
    return `Up to about batch ${turn} doubling nearly halves the steps to ${share}, beyond it no longer; ${quick}.`;
  if (critical < efforts[0].batch)
    return `Already at batch ${efforts[0].batch} doubling no longer halves the steps to ${share}; ${quick}.`;
  if (Number.isNaN(critical)) return `Two batch sizes reached ${share}; ${quick}.`;
  return `Doubling the batch nearly halves the steps to ${share} up to batch ${efforts[efforts.length - 1].batch}; ${quick}.`;
}
