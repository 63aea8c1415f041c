/** What is recorded of a training, epoch by epoch; `History` records it. */

import type { DivergenceKind } from './divergence/divergenceKind.ts';

/** A return to an earlier state of the model, because training had diverged. */
export interface Recovery {
  /** Epoch, from 0, in which training diverged. */
  readonly epoch: number;
  /** Global step, from 0, at which it did. */
  readonly step: number;
  /** Steps that had been taken when the restored state was saved. */
  readonly restored: number;
  /** Learning rate before. */
  readonly from: number;
  /** Learning rate after. */
  readonly to: number;
  /** What had failed. */
  readonly reason: DivergenceKind;
}

/** An epoch that was cut short, by `stopTraining` within it. */
export interface Interruption {
  /** From 0. */
  readonly epoch: number;
  /** Batches of it that were trained; at least 1. */
  readonly batches: number;
  /** Batches that it would have had. */
  readonly of: number;
}

/** A training as it went so far. */
export interface TrainingRecord {
  /** Epoch numbers from 0, in the order in which they ended. */
  readonly epoch: readonly number[];
  /** One number an epoch for each key of the logs. */
  readonly history: Readonly<Record<string, readonly number[]>>;
  /** Returns to earlier weights. */
  readonly recoveries: Recovery[];
  /** The last epoch, where it was cut short. */
  interrupted: Interruption | null;
}
