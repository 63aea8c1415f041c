/** Seconds against accuracy: which trials nothing beats. Pure. */

import type { PlaneTrial, SweepFacts } from './plane.ts';

/** A trial after one of its epochs. */
export interface Reading {
  readonly trial: PlaneTrial;
  /** From 1. */
  readonly epoch: number;
  /** Of training, up to there. */
  readonly seconds: number;
  readonly accuracy: number;
}

/** Every epoch of every trial that is a number. */
export function readingsOf({ trials }: SweepFacts): Reading[] {
  return trials.flatMap((trial) => {
    let seconds = 0;
    return trial.epochs.flatMap(({ epoch, seconds: took, logs }) => {
      seconds += took;
      const accuracy = logs.val_accuracy;
      return Number.isFinite(accuracy) ? [{ trial, epoch: epoch + 1, seconds, accuracy }] : [];
    });
  });
}

/** Those that no other reading beats in both, seconds rising. */
export function paretoFront(readings: readonly Reading[]): Reading[] {
  let best = Number.NEGATIVE_INFINITY;
  return [...readings]
    .sort((a, b) => a.seconds - b.seconds || b.accuracy - a.accuracy)
    .filter(({ accuracy }) => {
      if (accuracy <= best) return false;
      best = accuracy;
      return true;
    });
}
