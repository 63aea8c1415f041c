/** How far an epoch of training has come, and what has been read of it. */

import type { Logs } from '../../callbacks/callback.ts';
import type { NonFinite } from '../../callbacks/divergence/nonFinite.ts';
import { stateOfNonFinite } from '../../callbacks/divergence/nonFiniteState.ts';
import type { State } from '../../io/state.ts';
import type { MetricsReading } from './stepMetrics.ts';

/** A reading of the step's metrics under way, and what it will cover. */
export interface PendingReading {
  readonly reading: Promise<MetricsReading>;
  /** Batches of the epoch. */
  readonly batch: number;
  /** The newest training step. */
  readonly step: number;
  /** Examples of the epoch. */
  readonly samples: number;
}

export interface EpochProgress {
  /** The training step with which it began. */
  begun: number;
  /** The next batch. */
  batch: number;
  /** Examples submitted so far, and how many of them the sums leave out. */
  samples: number;
  forgotten: number;
  /** What the readings add up to, up to which example they go, and the means that they give. */
  readonly totals: Float64Array;
  read: number;
  means: Logs;
  pending: PendingReading | null;
}

/** What a trainer goes on from, as `trainerStateFrom` reads it from a file. */
export interface TrainerState {
  /** Steps that were taken before this training. */
  readonly before: number;
  /** Of the epoch. */
  readonly nonFinite: NonFinite | null;
  /** How far the epoch had come, and what the metrics on the GPU were; null before an epoch. */
  readonly epoch: { readonly progress: EpochProgress; readonly metrics: MetricsReading } | null;
}

/** Before any epoch. `size`: how many numbers are added up. */
export const noProgress = (size: number): EpochProgress => ({
  begun: 0,
  batch: 0,
  samples: 0,
  forgotten: 0,
  totals: new Float64Array(size),
  read: 0,
  means: {},
  pending: null,
});

/** What files hold of a trainer. `peek` gives the metrics on the GPU in the midst of an epoch; null before one. */
export async function stateOfTrainer(
  before: number,
  nonFinite: NonFinite | null,
  progress: EpochProgress,
  peek: (() => Promise<MetricsReading>) | null,
): Promise<State> {
  return {
    before,
    nonFinite: nonFinite && stateOfNonFinite(nonFinite),
    epoch: peek && (await stateOfEpoch(progress, peek)),
  };
}

async function stateOfEpoch(
  { begun, batch, samples, forgotten, means, totals, read, pending }: EpochProgress,
  peek: () => Promise<MetricsReading>,
): Promise<State> {
  const numbers = { begun, batch, samples, forgotten, means, totals: [...totals], read };
  return {
    ...numbers,
    // In the order of the readings: each arrives in a buffer that a later one uses again.
    pending: pending && { ...pending, reading: { ...(await pending.reading) } },
    ledger: { ...(await peek()) },
  };
}
